"""The table of templates of a data set: one row for each different file, known by its SHA-256."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets import DamagedDatasetError
from bqat_pipeline.datasets.identity_files import IdentityFiles
from bqat_pipeline.datasets.stored import SCAN_AGAIN, open_table
from bqat_pipeline.datasets.tables import TableWriter, read_batches
from bqat_pipeline.duplicates.hashes import from_hex, read_hashes
from bqat_pipeline.execution.parts import read_parts
from bqat_pipeline.identity.fingerprint import FINGERPRINT

logger = logging.getLogger(__name__)

LENGTH = 128  # numbers of a template
_BYTES = 2 * LENGTH
_BATCH = 50_000

# What a worker writes: parts of the second pass over the pictures.
PART_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("reason_code", pa.string()),
        pa.field("template", pa.binary(_BYTES)),
    ],
    metadata={"fingerprint": FINGERPRINT},
)
_SCHEMA = pa.schema(
    [pa.field("sha256", pa.binary(32)), pa.field("reason_code", pa.string()), pa.field("template", pa.binary(_BYTES))],
    metadata={"fingerprint": FINGERPRINT},
)

Keys = NDArray[np.void]


@dataclass(frozen=True)
class Templates:
    """Templates of files, sorted by digest.

    Attributes
    ----------
    keys : (n,) void of 32 bytes: SHA-256 of the files.
    vectors : (n, 128) float16 of length 1; zeros where there is none.
    reasons : (n,) str: code of why there is none; empty where there is one.
    """

    keys: Keys
    vectors: NDArray[np.float16]
    reasons: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.keys)

    def places(self, keys: Keys) -> NDArray[np.int64]:
        """(m,) position of each digest; -1 where it is not known."""
        if not len(self):
            return np.full(len(keys), -1, np.int64)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self) - 1)
        return np.where(self.keys[place] == keys, place, -1)


@dataclass(frozen=True)
class DatasetTemplates:
    """The templates of the rows of a data set.

    Attributes
    ----------
    position : (m,) of rows whose face has a template, ascending.
    vector : (m,) position of each row's template in ``templates``; equal files share one.
    missing : Rows with a measured face but no template, by reason code; ``not_made``: the file was gone, changed or
        unreadable when its turn came, or its turn has not come.
    without : (n,) rows without a template, ascending; measured or not.
    reasons : (n,) why: as in ``missing``, or ``not_measured``.
    """

    templates: Templates
    position: NDArray[np.int64]
    vector: NDArray[np.int64]
    missing: dict[str, int]
    without: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    reasons: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, "U20"))


def file_keys(profiles: ds.Dataset) -> tuple[NDArray[np.int64], Keys]:
    """Positions of the rows that have a SHA-256, and the digests."""
    position, digests = read_hashes(profiles, "sha256", profiles.count_rows())
    return position, _keys(digests)


def measured(profiles: ds.Dataset) -> NDArray[np.bool_]:
    """(rows,) whether a face was measured, in the order of the profiles."""
    parts = [
        pc.is_in(batch.column("status"), pa.array(sorted(MEASURED))).to_numpy(zero_copy_only=False)
        for _, batch in read_batches(profiles, ["status"])
    ]
    return np.concatenate([np.empty(0, bool), *parts])


def read_templates(files: IdentityFiles) -> Templates:
    """The stored templates; none where they are of another model or version.

    Raises
    ------
    UnreadableDatasetError, DamagedDatasetError : when there are some.
    """
    found = _Collected()
    found.add_all(_stored(files))
    return found.sorted()


def absorb_parts(files: IdentityFiles, wanted: Keys) -> Templates:
    """Put what a run has made into the table, without the templates of files that are not wanted any more.

    Afterwards the table is the only place where templates are.
    """
    found = _Collected()
    try:
        found.add_all(_stored(files))
    except DamagedDatasetError as error:
        logger.warning("%s", error)
        found = _Collected()  # they are made again
    found.add_all(_of_parts(files))
    kept = found.sorted(wanted)
    if len(kept) or files.templates.is_file():
        with TableWriter(files.templates, _SCHEMA) as writer:
            for start in range(0, len(kept), _BATCH):
                writer.write(_batch(kept, slice(start, start + _BATCH)))
    files.work.delete()
    files.delete_leftovers()
    return kept


def of_dataset(templates: Templates, profiles: ds.Dataset) -> DatasetTemplates:
    """The templates of the rows of face profiles."""
    position, keys = file_keys(profiles)
    place = templates.places(keys)
    has = place >= 0
    faces = measured(profiles)
    why = np.where(faces, "not_made", "not_measured").astype("U20")
    why[position[has]] = templates.reasons[place[has]]
    with_template = np.zeros(len(faces), bool)
    with_template[position[has]] = templates.reasons[place[has]] == ""
    without = np.flatnonzero(~with_template)
    codes, counts = np.unique(why[without], return_counts=True)
    missing = {str(code): int(n) for code, n in zip(codes, counts, strict=True) if code != "not_measured"}
    chosen = with_template[position]
    return DatasetTemplates(templates, position[chosen], place[chosen], missing, without, why[without])


def _keys(digests: NDArray[np.uint8]) -> Keys:
    return np.ascontiguousarray(digests).view("V32").ravel()


def _stored(files: IdentityFiles) -> Iterator[Templates]:
    what = f"templates of {files.key}"
    table = open_table(files.templates, what)
    if table is None or (table.schema.metadata or {}).get(b"fingerprint") != FINGERPRINT.encode():
        return
    try:
        for _, batch in read_batches(table, _SCHEMA.names, _BATCH):
            yield _of_batch(_keys(_fixed(batch.column("sha256"), 32)), batch)
    except (OSError, ValueError, TypeError, LookupError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk; damaged pages have no number
            raise
        raise DamagedDatasetError(what, " ".join(str(error).split())[:200], SCAN_AGAIN) from error


def _of_parts(files: IdentityFiles) -> Iterator[Templates]:
    for part in read_parts(files.work.parts):
        if (part.schema.metadata or {}).get(b"fingerprint") != FINGERPRINT.encode():
            continue
        for batch in part.to_batches():
            present, digests = from_hex(batch.column("sha256"), 32)
            yield _of_batch(_keys(digests), batch.filter(pa.array(present)))


def _of_batch(keys: Keys, batch: pa.RecordBatch) -> Templates:
    vectors = _fixed(batch.column("template"), _BYTES).view(np.float16)
    reasons = np.array([reason or "" for reason in batch.column("reason_code").to_pylist()], "U20")
    usable = np.isfinite(vectors).all(axis=1) & (vectors.any(axis=1) | (reasons != ""))
    return Templates(keys[usable], vectors[usable], reasons[usable])


def _fixed(column: pa.Array, size: int) -> NDArray[np.uint8]:
    """(n, size) the values of a column of values of one size; zeros for null."""
    blank = bytes(size)
    content = b"".join(blank if value is None else value for value in column.to_pylist())
    return np.frombuffer(content, np.uint8).reshape(len(column), size)


class _Collected:
    """Templates from batch to batch, in arrays that grow in place: a second copy of a million are 400 MB."""

    def __init__(self) -> None:
        self._count = 0
        self._columns: list[np.ndarray] = [np.empty(0, "V32"), np.empty((0, LENGTH), np.float16), np.empty(0, "U20")]

    def add_all(self, parts: Iterator[Templates]) -> None:
        """Add them; of several of one file the first counts."""
        for part in parts:
            end = self._count + len(part)
            for column, values in zip(self._columns, (part.keys, part.vectors, part.reasons), strict=True):
                if end > len(column):
                    column.resize((max(end, 2 * len(column)), *column.shape[1:]), refcheck=False)
                column[self._count : end] = values
            self._count = end

    def sorted(self, wanted: Keys | None = None) -> Templates:
        """Those of the files that are wanted, None: all, sorted by digest."""
        for column in self._columns:
            column.resize((self._count, *column.shape[1:]), refcheck=False)
        keys = self._columns[0]
        unique, first = np.unique(keys, return_index=True)
        if wanted is not None:
            first = first[np.isin(unique, wanted)]
        if len(first) == self._count and (np.diff(first) == 1).all():  # as they are stored
            return Templates(keys, self._columns[1], self._columns[2])
        return Templates(*(column[first] for column in self._columns))


def _batch(templates: Templates, part: slice) -> pa.RecordBatch:
    reasons = [reason or None for reason in templates.reasons[part].tolist()]
    vectors = [
        None if reason else vector.tobytes() for reason, vector in zip(reasons, templates.vectors[part], strict=True)
    ]
    keys = [key.tobytes() for key in templates.keys[part]]
    return pa.record_batch(
        [pa.array(keys, pa.binary(32)), pa.array(reasons, pa.string()), pa.array(vectors, pa.binary(_BYTES))],
        schema=_SCHEMA,
    )
