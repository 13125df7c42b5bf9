"""Columns of the profiles of a generation, independent of the rule set: about 300 bytes a picture, on local disk.

Rows are positions: row ``r`` of the profiles is entry ``r`` of every array here.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.columns import DOUBTFUL, MEASURED
from bqat_pipeline.datasets.conditions import Condition
from bqat_pipeline.datasets.operators import OPERATORS, Mask, Numbers
from bqat_pipeline.datasets.tables import read_batches
from bqat_pipeline.review.cache import BoundedCache
from bqat_pipeline.review.decisions import Pictures
from bqat_pipeline.review.folders import Folders
from bqat_pipeline.review.metadata import Categories
from bqat_pipeline.review.spill import NoSpillError, NumberColumn, TextColumns, release

logger = logging.getLogger(__name__)

Rows = NDArray[np.int32]

_BATCH = 65_536
# Bytes of numeric columns: those of the rules, and what people filter, sort and draw besides; on disk, or in memory.
_MOST_ON_DISK, _MOST_NUMBERS = 4_000_000_000, 200_000_000
_MOST_ORDERS = 32_000_000
_TEXTS = ("file", "sha256", "reason")
_WORDS = ("status", "folder")
# Facts of files that people choose by, and different ones up to which they are offered.
_FACTS = ("camera", "software")
_MOST_WORDS = 20_000
_R = TypeVar("_R")


class ProfileColumns:
    """Columns of the face profiles of a generation, for every question about them.

    Parameters
    ----------
    profiles : The face profiles.
    folder : On local disk, for columns; None: they are in memory.

    Attributes
    ----------
    rows : Number of profiles.
    pictures : Which file with which bytes each row is about.
    files, sha256, reasons : Text as in the profiles; an empty sha256 where the file could not be read.
    statuses, status : Categories, and (n,) int8 positions in them.
    measured : (n,) bool, rows whose face was measured.
    doubtful : (n,) bool, rows with values of something that is probably no human face.
    folders : Folder of each picture.
    """

    def __init__(self, profiles: "ds.Dataset", folder: Path | None = None) -> None:
        self.profiles = profiles
        self.schema: pa.Schema = profiles.schema
        self._folder = folder
        texts, status, folders = self._spilling(self._read_texts)
        # decisions are bound to bytes and name
        self.pictures = Pictures(texts["sha256"], texts["file"])
        self.files, self.sha256, self.reasons = self.pictures.files, self.pictures.sha256, texts["reason"]
        self.rows = len(self.files)
        self.statuses: list[str] = [word or "" for word in status.dictionary.to_pylist()]
        self.status: NDArray[np.int8] = status.indices.to_numpy(zero_copy_only=False).astype(np.int8)
        self.measured: Mask = self._has_status(MEASURED)
        self.doubtful: Mask = self._has_status(DOUBTFUL)
        self.folders = Folders.of(folders)
        self._numbers: BoundedCache[Numbers] = BoundedCache(
            _MOST_ON_DISK if folder is not None else _MOST_NUMBERS, lambda values: values.nbytes
        )
        self._orders: BoundedCache[Rows] = BoundedCache(_MOST_ORDERS, lambda order: order.nbytes)

    def _has_status(self, wanted: Sequence[str]) -> Mask:
        return np.array([word in wanted for word in self.statuses] or [False])[self.status]

    def _spilling(self, read: Callable[[], _R]) -> _R:
        """What is read, on disk; in memory where the disk takes no more."""
        try:
            return read()
        except NoSpillError as error:
            logger.warning("columns of a review stay in memory: %s", error)
            self._folder = None
            return read()

    def _read_texts(self) -> tuple[pa.Table, pa.DictionaryArray, pa.DictionaryArray]:
        texts = TextColumns(self._folder, _TEXTS)
        words: dict[str, list[pa.Array]] = {name: [] for name in _WORDS}
        try:
            for _, batch in read_batches(self.profiles, [*_TEXTS, *_WORDS], _BATCH):
                found = {
                    name: batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows, pa.string())
                    for name in (*_TEXTS, *_WORDS)
                }
                found["sha256"] = pc.fill_null(found["sha256"], "")
                texts.write([found[name] for name in _TEXTS])
                for name in _WORDS:  # few words, and a million entries: held as numbers
                    words[name].append(found[name].dictionary_encode())
            return texts.finish(), *(_encoded(words[name]) for name in _WORDS)
        finally:
            texts.discard()

    @property
    def nbytes(self) -> int:
        """Bytes of memory now; of what is on disk none."""
        held = 14 * self.rows + self._orders.nbytes
        if self._folder is not None:
            return held
        return held + sum(c.nbytes for c in (self.files, self.sha256, self.reasons)) + self._numbers.nbytes

    # numbers

    def is_number(self, name: str) -> bool:
        """Whether a column holds numbers or booleans."""
        if name not in self.schema.names:
            return False
        kind = self.schema.field(name).type
        return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)

    def numbers(self, names: Sequence[str]) -> dict[str, Numbers]:
        """Numeric columns (n,) float64, NaN for null; booleans are 0 and 1. Those not held yet in one read."""
        found = {name: values for name in names if (values := self._numbers.peek(name)) is not None}
        missing = [name for name in names if name not in found]
        if missing:
            read = self._spilling(lambda: self._read_numbers(missing))
            found |= {name: self._numbers.get(name, lambda name=name: read[name]) for name in missing}  # type: ignore[misc]
        return found

    def _read_numbers(self, names: Sequence[str]) -> dict[str, Numbers]:
        columns = {name: NumberColumn(self._folder) for name in names}
        for _, batch in read_batches(self.profiles, names, _BATCH):
            for name in names:
                column = batch.column(name)
                if pa.types.is_boolean(column.type):
                    column = pc.cast(column, pa.int8())
                values = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
                columns[name].write(np.where(np.isfinite(values), values, np.nan))
        return {name: column.finish() for name, column in columns.items()}

    def release(self, names: Iterable[str]) -> None:
        """Give back the memory of columns that a pass over all rows has read; those on disk are read again at need."""
        for name in names:
            values = self._numbers.peek(name)
            if values is not None:
                release(values)

    # questions

    def mask(self, condition: Condition) -> Mask:
        """(n,) bool, rows that meet a condition on a column of the profiles."""
        operator = OPERATORS[condition.operator]
        if condition.column == "row":
            assert operator.numbers is not None
            return operator.numbers(np.arange(self.rows, dtype=np.float64), condition.value)
        if self.is_number(condition.column) and operator.numbers is not None:
            values = self.numbers([condition.column])[condition.column]
            met = operator.numbers(values, condition.value)
            release(values)
            return met
        if condition.column == "file":
            return self._text_mask(self.files, condition)
        expression = operator.expression(ds.field(condition.column), condition.value)
        scanner = self.profiles.scanner(columns={"met": expression}, batch_readahead=2, fragment_readahead=1)
        return _mask(scanner.to_table()["met"])

    @staticmethod
    def _text_mask(column: pa.ChunkedArray, condition: Condition) -> Mask:
        table = pa.table({condition.column: column})
        expression = OPERATORS[condition.operator].expression(ds.field(condition.column), condition.value)
        return _mask(ds.dataset(table).to_table(columns={"met": expression})["met"])

    def order_of(self, name: str, *, descending: bool) -> Rows:
        """(n,) rows by a column, those without a value last, equal ones by row; ``file`` and ``row`` too."""
        return self._orders.get((name, descending), lambda: self._sorted(name, descending))

    def _sorted(self, name: str, descending: bool) -> Rows:
        if name == "row":
            rows = np.arange(self.rows, dtype=np.int32)
            return rows[::-1] if descending else rows
        if name == "file":
            way = "descending" if descending else "ascending"
            return pc.sort_indices(self.files, sort_keys=[("", way)]).to_numpy().astype(np.int32)
        values = self.numbers([name])[name]
        order = np.argsort(-values if descending else values, kind="stable").astype(np.int32)
        release(values)
        return order

    @cached_property
    def facts(self) -> dict[str, Categories]:
        """Camera and software of each picture, empty where unknown; only columns with few different values, and any."""
        names = [name for name in _FACTS if name in self.schema.names]
        known: dict[str, dict[str, int]] = {name: {} for name in names}
        codes = {name: np.zeros(self.rows, np.int16) for name in names}
        for first, batch in read_batches(self.profiles, names, _BATCH):
            for name in [name for name in names if len(known[name]) < _MOST_WORDS]:
                encoded = pc.fill_null(batch.column(name), "").dictionary_encode()
                words, numbers = encoded.dictionary.to_pylist(), known[name]
                if len(numbers) + len(words) >= _MOST_WORDS:
                    numbers |= {str(number): number for number in range(_MOST_WORDS)}
                    continue
                number = np.array([numbers.setdefault(word, len(numbers)) for word in words], np.int16)
                codes[name][first : first + batch.num_rows] = number[encoded.indices.to_numpy()]
        return {
            n: Categories(list(known[n]), codes[n])
            for n in names
            if set(known[n]) - {""} and len(known[n]) < _MOST_WORDS
        }

    @cached_property
    def everything(self) -> Mask:
        """(n,) bool, all true."""
        found = np.ones(self.rows, bool)
        found.flags.writeable = False
        return found


def _encoded(parts: list[pa.Array]) -> pa.DictionaryArray:
    """One dictionary for all parts; null is a word of its own, empty."""
    if not parts:
        return pa.array([], pa.string()).dictionary_encode()
    whole = pa.chunked_array(parts).unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks)
    if whole.null_count:
        words = pa.array([*whole.dictionary.to_pylist(), ""], pa.string())
        whole = pa.DictionaryArray.from_arrays(pc.fill_null(whole.indices, len(words) - 1), words)
    return whole


def _mask(column: pa.ChunkedArray) -> Mask:
    """(n,) bool; null does not meet a condition."""
    return pc.fill_null(column, False).combine_chunks().to_numpy(zero_copy_only=False)
