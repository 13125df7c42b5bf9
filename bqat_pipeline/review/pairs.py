"""Places of (sha256, file) pairs in long columns: a hash table of 12 bytes an entry, instead of objects."""

import threading
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Indices = NDArray[np.int32]
Hashes = NDArray[np.int64]
Column: TypeAlias = pa.Array | pa.ChunkedArray

_BATCH = 65_536
# Pairs that are kept in a dict, at least.
_FEW = 16_384


def as_text(column: Column | Iterable[str | None]) -> pa.ChunkedArray:
    """A column of text without nulls, which become empty."""
    if isinstance(column, pa.ChunkedArray):
        chunked = column
    elif isinstance(column, pa.Array):
        chunked = pa.chunked_array([column])
    else:
        chunked = pa.chunked_array([pa.array(list(column), pa.string())])
    if pa.types.is_dictionary(chunked.type):
        chunked = chunked.cast(chunked.type.value_type)
    if chunked.type != pa.string():
        chunked = chunked.cast(pa.string())
    return pc.fill_null(chunked, "") if chunked.null_count else chunked


def hash_pairs(sha256: Column, files: Column) -> Hashes:
    """A number of each pair, which differs from process to process: nobody can make pictures that collide."""
    found = np.empty(len(files), np.int64)
    for start, pairs in _pairs(sha256, files):
        found[start : start + len(pairs)] = np.fromiter(map(hash, pairs), np.int64, len(pairs))
    return found


def hash_texts(texts: Column) -> Hashes:
    """A number of each text, as ``hash_pairs``."""
    found = np.empty(len(texts), np.int64)
    for start in range(0, len(texts), _BATCH):
        values = texts.slice(start, _BATCH).to_pylist()
        found[start : start + len(values)] = np.fromiter(map(hash, values), np.int64, len(values))
    return found


class HashIndex:
    """Positions by hash.

    Parameters
    ----------
    hashes : One a position.
    """

    def __init__(self, hashes: Hashes) -> None:
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._sorted = hashes[self._order]

    def with_more(self, hashes: Hashes) -> "HashIndex":
        """This index with further positions at its end."""
        before = np.empty_like(self._sorted)
        before[self._order] = self._sorted
        return HashIndex(np.concatenate([before, hashes]))

    def candidates(self, hashes: Hashes) -> tuple[Indices, Indices]:
        """All pairs (position in the argument, position here) of equal hashes."""
        low = np.searchsorted(self._sorted, hashes, "left")
        counts = np.searchsorted(self._sorted, hashes, "right") - low
        asked = np.repeat(np.arange(len(hashes), dtype=np.int32), counts)
        within = np.arange(len(asked)) - np.repeat(np.cumsum(counts) - counts, counts)
        return asked, self._order[np.repeat(low, counts) + within]


class PairIndex:
    """Where pairs are in two columns; each pair once.

    Parameters
    ----------
    sha256, files : Columns of equal length, without nulls (``as_text``).
    """

    def __init__(self, sha256: pa.ChunkedArray, files: pa.ChunkedArray, index: HashIndex | None = None) -> None:
        self.sha256, self.files = sha256, files
        self._index = index or HashIndex(hash_pairs(sha256, files))

    def __len__(self) -> int:
        return len(self.files)

    def with_more(self, sha256: pa.Array, files: pa.Array) -> "PairIndex":
        """This index with further pairs at its end."""
        return PairIndex(
            pa.chunked_array([*self.sha256.chunks, sha256], pa.string()),
            pa.chunked_array([*self.files.chunks, files], pa.string()),
            self._index.with_more(hash_pairs(sha256, files)),
        )

    def find(self, sha256: Column, files: Column) -> Indices:
        """Position of each pair; -1 where it is not there."""
        found = np.full(len(sha256), -1, np.int32)
        if not len(sha256) or not len(self):
            return found
        asked, here = self._index.candidates(hash_pairs(sha256, files))
        same = _equal(sha256, asked, self.sha256, here) & _equal(files, asked, self.files, here)
        found[asked[same]] = here[same]
        return found


class GrowingPairs:
    """Pairs that are numbered in the order in which they come; new ones are in a dict until they are many.

    One thread at a time adds; any number may look.
    """

    def __init__(self) -> None:
        empty = pa.chunked_array([], pa.string())
        self._lock = threading.Lock()
        # replaced together: whoever looks sees both as they were at one time
        self._held: tuple[PairIndex, dict[tuple[str, str], int]] = (PairIndex(empty, empty), {})

    def __len__(self) -> int:
        base, recent = self._held
        return len(base) + len(recent)

    def find(self, sha256: Column, files: Column) -> Indices:
        """Number of each pair; -1 for those that are not there."""
        base, recent = self._held
        found = base.find(sha256, files)
        if recent:
            for start, pairs in _pairs(sha256, files):
                for place, pair in enumerate(pairs, start):
                    if (number := recent.get(pair)) is not None:
                        found[place] = number
        return found

    def add(self, sha256: Column, files: Column) -> Indices:
        """Number of each pair, which it gets now where it has none."""
        with self._lock:
            found = np.empty(len(files), np.int32)
            for start in range(0, len(files), _BATCH):
                batch = slice(start, start + _BATCH)
                found[batch] = self._add(sha256.slice(start, _BATCH), files.slice(start, _BATCH))
            return found

    def columns(self) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """All pairs, in the order of their numbers."""
        with self._lock:
            base, recent = self._held
            shas, names = _columns(recent)
        return (
            pa.chunked_array([*base.sha256.chunks, shas], pa.string()),
            pa.chunked_array([*base.files.chunks, names], pa.string()),
        )

    def _add(self, sha256: Column, files: Column) -> Indices:
        base, recent = self._held
        found = base.find(sha256, files)
        for start, pairs in _pairs(sha256, files):
            for place, pair in enumerate(pairs, start):
                if found[place] < 0:
                    found[place] = recent.setdefault(pair, len(base) + len(recent))
        if len(recent) > max(_FEW, len(base) // 3):
            self._held = base.with_more(*_columns(recent)), {}
        return found


def _columns(pairs: Iterable[tuple[str, str]]) -> tuple[pa.Array, pa.Array]:
    return pa.array([sha for sha, _ in pairs], pa.string()), pa.array([name for _, name in pairs], pa.string())


def _equal(left: Column, at: Indices, right: Column, there: Indices) -> NDArray[np.bool_]:
    return np.asarray(pc.equal(left.take(pa.array(at)), right.take(pa.array(there))))


def _pairs(sha256: Column, files: Column) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Pairs in lists of Python objects, each with the number of pairs before it."""
    for start in range(0, len(files), _BATCH):
        shas, names = sha256.slice(start, _BATCH).to_pylist(), files.slice(start, _BATCH).to_pylist()
        yield start, list(zip(shas, names, strict=True))
