"""Columns of a metadata CSV, joined to pictures by file name; memory is bounded however long the file is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from bqat_pipeline.datasets import DatasetRecord, Location

_KEYS = ("file", "filename", "file_name", "path", "image")
_MOST_VALUES = 50  # columns with more different values are no groups
_MOST_WANTED_VALUES = 10_000  # a column that was asked for by name may have more, not any number
_BLOCK = 4 << 20
_NO_VALUE = "(no value)"


class MetadataError(ValueError):
    """The metadata CSV cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Metadata:
    """The joined columns.

    Attributes
    ----------
    columns : Columns to group by.
    matched_by : ``path`` when the CSV names folders, else ``name``.
    """

    columns: tuple[str, ...]
    matched_by: str
    _hashes: npt.NDArray[np.uint64]
    _codes: dict[str, npt.NDArray[np.int32]]
    _values: dict[str, list[str]]
    _prefixes: tuple[str, ...]

    def join(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Values of each column for the files of a batch; files that the CSV does not name have ``(no value)``."""
        files = batch.column("file").to_pylist()
        place = self._find(files)
        found = place >= 0
        result = {}
        for name in self.columns:
            codes = np.where(found, self._codes[name][np.maximum(place, 0)], -1) if self._hashes.size else place
            words = pa.array([*self._values[name], _NO_VALUE])
            result[name] = words.take(pa.array(np.where(codes < 0, len(words) - 1, codes)))
        return result

    def _find(self, files: list[str]) -> npt.NDArray[np.int64]:
        candidates = [[_base(f) for f in files]] if self.matched_by == "name" else [files, self._relative(files)]
        place = np.full(len(files), -1, np.int64)
        if not self._hashes.size:
            return place
        for names in candidates:
            hashes = _hash(names)
            at = np.minimum(np.searchsorted(self._hashes, hashes), self._hashes.size - 1)
            place = np.where((place < 0) & (self._hashes[at] == hashes), at, place)
        return place

    def _relative(self, files: list[str]) -> list[str]:
        for prefix in self._prefixes:
            files = [f.removeprefix(prefix + "/") for f in files]
        return files


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _hash(names: Sequence[str]) -> npt.NDArray[np.uint64]:
    """64-bit hashes; two of ten million names collide with a chance of 3e-6."""
    from pandas.util import hash_array

    return np.asarray(hash_array(np.array(names, dtype=object), categorize=False), np.uint64)


def load_metadata(record: DatasetRecord, wanted: Sequence[str], notes: list[str]) -> Metadata | None:
    """The metadata CSV of a data set, or None where it has none; one that cannot be used becomes a note."""
    if not record.metadata_csv:
        return None
    try:
        return read_metadata(
            Location.parse(record.metadata_csv), wanted, [s.prefix for s in record.sources if s.prefix]
        )
    except MetadataError as error:
        notes.append(f"Groups by metadata are missing: {error}.")
        return None


def read_metadata(place: Location, wanted: Sequence[str], prefixes: Sequence[str]) -> Metadata:
    """Read a metadata CSV in blocks.

    Parameters
    ----------
    place : Comma-separated, UTF-8, with a header; the column ``file`` (or ``filename``, ``path``, ``image``, else the
        first) names pictures: by path as in the profiles, by path relative to the source, or by base name.
    wanted : Columns to group by; empty: all with 2 to 50 different values.
    prefixes : What ``file`` begins with in the profiles (`Source.prefix`).

    Raises
    ------
    MetadataError : when it cannot be read or lacks a wanted column.
    """
    hashes: list[npt.NDArray[np.uint64]] = []
    codes: dict[str, list[npt.NDArray[np.int32]]] = {}
    values: dict[str, dict[str, int]] = {}
    matched_by = "name"
    try:
        for block in _blocks(place):
            key = next((name for name in _KEYS if name in block.schema.names), block.schema.names[0])
            names = [name or "" for name in block.column(key).to_pylist()]
            if not hashes:
                matched_by = "path" if any("/" in name for name in names) else "name"
                missing = [name for name in wanted if name not in block.schema.names]
                if missing:
                    raise MetadataError(f"the metadata CSV {place.name} has no column {', '.join(missing)}")
                values = {name: {} for name in wanted or block.schema.names if name != key}
                codes = {name: [] for name in values}
            hashes.append(_hash(names))
            for name in list(values):
                _encode(block.column(name), values[name], codes[name])
                if len(values[name]) > _MOST_VALUES and not wanted:
                    del values[name], codes[name]
                elif len(values[name]) > _MOST_WANTED_VALUES:
                    raise MetadataError(
                        f"column {name} of the metadata CSV {place.name} has more than {_MOST_WANTED_VALUES:,}"
                        " different values; group by a column with fewer"
                    )
    except (OSError, pa.ArrowInvalid) as error:
        raise MetadataError(f"the metadata CSV {place.name} cannot be read: {error}") from error
    chosen = tuple(name for name in values if wanted or len(values[name]) >= 2)
    all_hashes = np.concatenate(hashes) if hashes else np.empty(0, np.uint64)
    order = np.argsort(all_hashes, kind="stable")  # of a name that occurs twice the first line holds
    return Metadata(
        columns=chosen,
        matched_by=matched_by,
        _hashes=all_hashes[order],
        _codes={name: np.concatenate(codes[name])[order] for name in chosen},
        _values={name: list(values[name]) for name in chosen},
        _prefixes=tuple(prefixes),
    )


def _blocks(place: Location) -> Iterator[pa.RecordBatch]:
    reading = pacsv.ReadOptions(block_size=_BLOCK)
    # A line with too few or too many cells is left out, not a failure.
    parsing = pacsv.ParseOptions(invalid_row_handler=lambda row: "skip")
    with place.filesystem.open_input_stream(place.path) as stream:
        names = pacsv.open_csv(stream, read_options=reading, parse_options=parsing).schema.names
    text = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    with place.filesystem.open_input_stream(place.path) as stream:
        yield from pacsv.open_csv(stream, read_options=reading, parse_options=parsing, convert_options=text)


def _encode(column: pa.Array, known: dict[str, int], out: list[npt.NDArray[np.int32]]) -> None:
    encoded = column.fill_null("").dictionary_encode()
    words = [word[:200] for word in encoded.dictionary.to_pylist()]
    table = np.array([known.setdefault(word, len(known)) if word else -1 for word in words] or [-1], np.int32)
    out.append(table[encoded.indices.to_numpy(zero_copy_only=False)])
