"""What is held in memory of the profiles of a generation, whatever they are judged by; about 250 bytes a picture.

Rows are positions: row ``r`` of the profiles is entry ``r`` of every array here.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets.conditions import Condition
from bqat_pipeline.datasets.operators import OPERATORS, Mask, Numbers
from bqat_pipeline.datasets.tables import read_batches
from bqat_pipeline.review.cache import BoundedCache
from bqat_pipeline.review.decisions import Pictures
from bqat_pipeline.review.folders import Folders

Rows = NDArray[np.int32]

_BATCH = 65_536
# Of numeric columns: those of the rules, and what people filter, sort and draw besides.
_MOST_NUMBERS = 300_000_000
_TEXTS = ("file", "sha256", "status", "reason", "folder")


class HeldProfiles:
    """Columns of the face profiles of a generation, for every question about them.

    Parameters
    ----------
    profiles : The face profiles.

    Attributes
    ----------
    rows : Number of profiles.
    pictures : Which file with which bytes each row is about.
    files, sha256, reasons : Text as in the profiles; an empty sha256 where the file could not be read.
    statuses, status : Words, and (n,) int8 positions in them.
    measured : (n,) bool, rows whose face was measured.
    folders : Folder of each picture.
    """

    def __init__(self, profiles: ds.Dataset) -> None:
        self.profiles = profiles
        self.schema: pa.Schema = profiles.schema
        texts = self._read_texts()
        # decisions are bound to bytes and name
        self.pictures = Pictures(texts["sha256"], texts["file"])
        self.files, self.sha256, self.reasons = self.pictures.files, self.pictures.sha256, texts["reason"]
        self.rows = len(self.files)
        encoded = _encoded(texts["status"])
        self.statuses: list[str] = [word or "" for word in encoded.dictionary.to_pylist()]
        self.status: NDArray[np.int8] = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int8)
        known = np.array([word in MEASURED for word in self.statuses] or [False])
        self.measured: Mask = known[self.status]
        self.folders = Folders.of(_encoded(texts["folder"]))
        self._numbers: BoundedCache[Numbers] = BoundedCache(_MOST_NUMBERS, lambda values: values.nbytes)
        self._orders: BoundedCache[Rows] = BoundedCache(50_000_000, lambda order: order.nbytes)

    def _read_texts(self) -> dict[str, pa.ChunkedArray]:
        parts: dict[str, list[pa.Array]] = {name: [] for name in _TEXTS}
        present = [name for name in _TEXTS if name in self.schema.names]
        for _, batch in read_batches(self.profiles, present, _BATCH):
            for name in present:
                column = batch.column(name)
                # few words, and a million entries: held as numbers
                short = name in ("status", "folder")
                if name == "sha256" and column.null_count:
                    column = pc.fill_null(column, "")
                parts[name].append(column.dictionary_encode() if short else column)
            for name in set(_TEXTS) - set(present):
                nothing = pa.nulls(batch.num_rows, pa.string())
                parts[name].append(nothing.dictionary_encode() if name in ("status", "folder") else nothing)
        return {
            name: pa.chunked_array(
                found, pa.dictionary(pa.int32(), pa.string()) if name in ("status", "folder") else pa.string()
            )
            for name, found in parts.items()
        }

    @property
    def nbytes(self) -> int:
        """Bytes held now."""
        texts = sum(column.nbytes for column in (self.files, self.sha256, self.reasons))
        return texts + 6 * self.rows + self._numbers.nbytes + self._orders.nbytes

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
            read = self._read_numbers(missing)
            found |= {name: self._numbers.get(name, lambda name=name: read[name]) for name in missing}  # type: ignore[misc]
        return found

    def _read_numbers(self, names: Sequence[str]) -> dict[str, Numbers]:
        arrays = {name: np.full(self.rows, np.nan) for name in names}
        for first, batch in read_batches(self.profiles, names, _BATCH):
            for name in names:
                column = batch.column(name)
                if pa.types.is_boolean(column.type):
                    column = pc.cast(column, pa.int8())
                values = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
                arrays[name][first : first + batch.num_rows] = values
        for values in arrays.values():
            values[~np.isfinite(values)] = np.nan
            values.flags.writeable = False
        return arrays

    # questions

    def mask(self, condition: Condition) -> Mask:
        """(n,) bool, rows that meet a condition on a column of the profiles."""
        operator = OPERATORS[condition.operator]
        if condition.column == "row":
            assert operator.numbers is not None
            return operator.numbers(np.arange(self.rows, dtype=np.float64), condition.value)
        if self.is_number(condition.column) and operator.numbers is not None:
            return operator.numbers(self.numbers([condition.column])[condition.column], condition.value)
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
        return np.argsort(-values if descending else values, kind="stable").astype(np.int32)

    @cached_property
    def everything(self) -> Mask:
        """(n,) bool, all true."""
        found = np.ones(self.rows, bool)
        found.flags.writeable = False
        return found


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """One dictionary for all chunks; null is a word of its own, empty."""
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # without chunks
        whole = pa.array([], pa.dictionary(pa.int32(), pa.string()))
    if whole.null_count:
        words = pa.array([*whole.dictionary.to_pylist(), ""], pa.string())
        whole = pa.DictionaryArray.from_arrays(pc.fill_null(whole.indices, len(words) - 1), words)
    return whole


def _mask(column: pa.ChunkedArray) -> Mask:
    """(n,) bool; null does not meet a condition."""
    return pc.fill_null(column, False).combine_chunks().to_numpy(zero_copy_only=False)
