"""Columns of a metadata table, joined to pictures by their names; memory is bounded however long the table is."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from bqat_pipeline.datasets.queries import batches
from bqat_pipeline.report.formatting import count, plural
from bqat_pipeline.report.metadata.ages import age_band, is_age
from bqat_pipeline.report.metadata.names import (
    Hashes,
    NameIndex,
    Places,
    base_name,
    common_folders,
    composed,
    hashes,
    spelled,
    without_extension,
)
from bqat_pipeline.report.metadata.table import MetadataError, Table, open_table

logger = logging.getLogger(__name__)

_KEYS = ("file", "filename", "file_name", "path", "image")
_MOST_VALUES = 50  # columns with more different values are no groups
_MOST_WANTED_VALUES = 10_000  # a column that was asked for by name may have more, not any number
_MOST_LINES = 50_000_000
_MOST_FOLDERS = 16  # leading folders of the table's paths that the data set may lack
NO_VALUE = "(no value)"  # group of the pictures that the table says nothing about


@dataclass(frozen=True)
class Coverage:
    """How a table and the pictures of a data set fit together.

    Attributes
    ----------
    table : How the table is called.
    pictures, matched : Pictures of the data set, and those that the table names.
    unused : Lines that name no picture.
    passed_over : Lines that have another number of cells than the header.
    contradicted : Pictures of which several lines say different things; the first line holds.
    header : First line of the table, when a picture is called as its first cell is; else empty.
    """

    table: str
    pictures: int
    matched: int
    unused: int
    passed_over: int
    contradicted: int = 0
    header: str = ""

    @property
    def sentence(self) -> str:
        """``n of m pictures are in the table, k lines matched nothing``."""
        text = (
            f"{count(self.matched)} of {plural(self.pictures, 'picture')} are in {self.table}, "
            f"{plural(self.unused, 'line')} matched nothing"
        )
        if self.passed_over:
            text += f", {plural(self.passed_over, 'broken line')} passed over"
        if self.contradicted:
            who = plural(self.contradicted, "picture")
            text += f"; {who} named by several lines that differ, the first is used"
        if self.header:
            text += f"; the first line was taken for the header, and a picture is called {self.header}: add a header"
        return text


@dataclass
class Metadata:
    """The joined columns.

    Attributes
    ----------
    columns : Columns to group by.
    by_path : Whether pictures are searched by their path, else by their base name.
    """

    columns: tuple[str, ...]
    by_path: bool
    _table: Table
    _paths: Hashes
    _folded_paths: Hashes
    _folded_names: Hashes
    _codes: dict[str, npt.NDArray[np.int32]]
    _values: dict[str, list[str]]
    _header: str
    _folders: list[str]
    _prefixes: tuple[str, ...]
    _index: NameIndex = field(init=False)

    def __post_init__(self) -> None:
        self._open_index()

    def fit(self, profiles: "ds.Dataset") -> Coverage:
        """Count the pictures and lines that fit. A table whose paths fit none is then joined by base name."""
        found = self._count(profiles)
        if not found.matched and self.by_path:
            self.by_path = False
            self._open_index()
            found = self._count(profiles)
        return found

    def join(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Values of each column for the files of a batch; files that the table does not name have ``(no value)``."""
        place = self._find(batch.column("file").to_pylist())
        found = place >= 0
        line = self._index.lines[np.maximum(place, 0)] if self._index.lines.size else place
        result = {}
        for name in self.columns:
            codes = np.where(found, self._codes[name][line], -1) if self._index.lines.size else place
            words = pa.array([*self._values[name], NO_VALUE])
            result[name] = words.take(pa.array(np.where(codes < 0, len(words) - 1, codes)))
        return result

    def _open_index(self) -> None:
        # Lines of one base name are told apart by their paths: only one that is alone in the table fits.
        self._index = NameIndex(self._paths, self._folded_paths if self.by_path else self._folded_names)

    def _count(self, profiles: "ds.Dataset") -> Coverage:
        pictures = matched = contradicted = 0
        names = self._index.names
        differs = self._contradicted(names)
        used = np.zeros(int(names[-1]) + 1 if names.size else 0, bool)
        header = base_name(spelled(self._header)).casefold()
        is_line = False
        for batch in batches(profiles, ["file"]):
            files = batch.column("file").to_pylist()
            place = self._find(files)
            if header and not is_line:
                is_line = any(without_extension(base_name(composed(file))).casefold() == header for file in files)
            found = place[place >= 0]
            pictures, matched = pictures + batch.num_rows, matched + found.size
            used[names[found]] = True
            contradicted += int(differs[names[found]].sum())
        unused = int((~used[names]).sum()) if names.size else 0
        return Coverage(
            self._table.description,
            pictures,
            matched,
            unused,
            self._table.passed_over,
            contradicted,
            self._header if is_line else "",
        )

    def _contradicted(self, names: Places) -> npt.NDArray[np.bool_]:
        """For each name whether its lines have different values in a column to group by."""
        result = np.zeros(int(names[-1]) + 1 if names.size else 0, bool)
        repeated = np.flatnonzero(names[1:] == names[:-1])
        before, after = self._index.lines[repeated], self._index.lines[repeated + 1]
        for codes in (self._codes[name] for name in self.columns):
            result[names[repeated[codes[before] != codes[after]]]] = True
        return result

    def _find(self, files: list[str]) -> Places:
        place = np.full(len(files), -1, np.int64)
        for names in self._candidates([composed(file) for file in files]):
            for form in (names, [without_extension(name) for name in names]):
                missing = np.flatnonzero(place < 0)
                if not missing.size:
                    return place
                place[missing] = self._index.find([form[index] for index in missing.tolist()])
        return place

    def _candidates(self, files: list[str]) -> Iterator[list[str]]:
        """What the table may call the pictures, one way after another."""
        if not self.by_path:
            yield [base_name(file) for file in files]
            return
        yield files
        relative = files
        for prefix in self._prefixes:
            relative = [file.removeprefix(prefix + "/") for file in relative]
        for depth in range(len(self._folders) + 1):
            before = "/".join(self._folders[:depth])
            yield [f"{before}/{file}" for file in relative] if before else relative


def load_metadata(
    record: DatasetRecord, profiles: "ds.Dataset", wanted: Sequence[str], notes: list[str]
) -> Metadata | None:
    """The metadata table of a data set, or None where it has none. Whatever is wrong with it becomes a note."""
    if not record.metadata_csv:
        return None
    try:
        metadata = read_metadata(Location.parse(record.metadata_csv), wanted, _prefixes(record))
        notes.append(f"Metadata: {metadata.fit(profiles).sentence}.")
    except MetadataError as error:
        notes.append(f"Groups by metadata are missing: {error}.")
    except Exception as error:
        logger.exception("the metadata table %s", record.metadata_csv)
        notes.append(f"Groups by metadata are missing: {type(error).__name__} while the table was read.")
    else:
        return metadata
    return None


def join_coverage(store: DatasetStore, record: DatasetRecord, place: os.PathLike[str]) -> Coverage:
    """How a table fits the pictures of a data set that was scanned.

    Raises
    ------
    MetadataError : when the table cannot be used.
    """
    profiles = store.profiles(record.key)
    if profiles is None:
        raise MetadataError(f"{record.key} has no finished scan yet")
    return read_metadata(Location.parse(place), (), _prefixes(record)).fit(profiles)


def check_metadata(place: os.PathLike[str]) -> None:
    """Read a table from end to end.

    Raises
    ------
    MetadataError : when it cannot be used.
    """
    read_metadata(Location.parse(place), (), ())


def read_metadata(
    place: Location, wanted: Sequence[str], prefixes: Sequence[str], most: int = _MOST_WANTED_VALUES
) -> Metadata:
    """Read a metadata table in blocks.

    Parameters
    ----------
    place : A table; the column ``file`` (or ``filename``, ``path``, ``image``, else the first) names pictures: by path
        as in the profiles, by path relative to the source, or by base name. Without a header it is the column whose
        first cell is the name of a picture file.
    wanted : Columns to group by; empty: all with 2 to 50 different values.
    prefixes : What ``file`` begins with in the profiles (`Source.prefix`).
    most : Different values that a wanted column may have; ids of persons are more than groups.

    Raises
    ------
    MetadataError : when it cannot be read or lacks a wanted column.
    """
    table = open_table(place)
    keys: tuple[list[Hashes], list[Hashes], list[Hashes]] = ([], [], [])
    codes: dict[str, list[npt.NDArray[np.int32]]] = {}
    values: dict[str, dict[str, int]] = {}
    folders: list[str] | None = None
    by_path, lines, header = False, 0, ""
    for block in table.blocks():
        key = _key_column(block.schema.names)
        paths = [spelled(name or "") for name in block.column(key).to_pylist()]
        if not lines:
            header = key if table.names_column < 0 and key.lower() not in _KEYS else ""
            missing = [name for name in wanted if name not in block.schema.names]
            if missing:
                raise MetadataError(f"the metadata table {place.name} has no column {', '.join(missing)}")
            values = {name: {} for name in wanted or block.schema.names if name != key}
            codes = {name: [] for name in values}
        lines += len(paths)
        if lines > _MOST_LINES:
            raise MetadataError(f"the metadata table {place.name} has more than {count(_MOST_LINES)} lines; split it")
        by_path = by_path or any("/" in path for path in paths)
        folders = common_folders(paths, folders)
        keys[0].append(hashes(paths))
        keys[1].append(hashes([path.casefold() for path in paths]))
        keys[2].append(hashes([base_name(path).casefold() for path in paths]))
        _take_values(block, values, codes, most if wanted else 0, place)
    exact, folded, names = (np.concatenate(key) if key else np.empty(0, np.uint64) for key in keys)
    chosen = tuple(name for name in values if wanted or len(values[name]) >= 2)
    return Metadata(
        columns=chosen,
        by_path=by_path,
        _table=table,
        _paths=exact,
        _folded_paths=folded,
        _folded_names=names,
        _codes={name: np.concatenate(codes[name]) for name in chosen},
        _values={name: list(values[name]) for name in chosen},
        _header=header,
        _folders=(folders or [])[:_MOST_FOLDERS],
        _prefixes=tuple(composed(prefix) for prefix in prefixes),
    )


def _prefixes(record: DatasetRecord) -> list[str]:
    return [source.prefix for source in record.sources if source.prefix]


def _key_column(names: list[str]) -> str:
    """The column that names pictures."""
    known = {name.lower(): name for name in reversed(names)}
    return next((known[key] for key in _KEYS if key in known), names[0])


def _take_values(
    block: pa.RecordBatch,
    values: dict[str, dict[str, int]],
    codes: dict[str, list[npt.NDArray[np.int32]]],
    most: int,
    place: Location,
) -> None:
    """Add the cells of a block; columns with too many different values are dropped on the way, wanted ones refused.

    Parameters
    ----------
    most : Different values that a wanted column may have; 0: the columns were not asked for.
    """
    for name in list(values):
        _encode(block.column(name), values[name], codes[name], age_band if is_age(name) else str)
        if len(values[name]) > _MOST_VALUES and not most:
            del values[name], codes[name]
        elif len(values[name]) > max(most, _MOST_WANTED_VALUES):
            raise MetadataError(
                f"column {name} of the metadata table {place.name} has more than {max(most, _MOST_WANTED_VALUES):,}"
                " different values; group by a column with fewer"
            )


def _encode(
    column: pa.Array, known: dict[str, int], out: list[npt.NDArray[np.int32]], group_of: Callable[[str], str]
) -> None:
    encoded = column.fill_null("").dictionary_encode()
    words = [group_of(word[:200]) for word in encoded.dictionary.to_pylist()]
    table = np.array([known.setdefault(word, len(known)) if word else -1 for word in words] or [-1], np.int32)
    out.append(table[encoded.indices.to_numpy(zero_copy_only=False)])
