"""Which templates are close to each other: an exact search of all pairs, in bounded memory.

Two steps. An orthogonal projection onto few directions never makes a distance larger, so a pair that is too far apart
there is too far apart in full; what is left, usually one pair in a hundred thousand, is compared in full. Nothing is
lost by it, whatever the templates are: the directions, those of the largest variance, only decide how much is left.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

Templates = NDArray[np.float16]
Numbers = NDArray[np.float32]
Index = NDArray[np.int64]

_DIRECTIONS = 48
_SAMPLE = 20_000  # templates that the directions are found from
# Templates in a block: its products stay in the processor's cache.
_ROWS, _COLUMNS = 512, 4096
_SLACK = 1e-4  # for rounding: of squared distances, in the first step only
_FULL_SHARE = 0.005  # of the pairs of a block; if more are left, a product in full is cheaper than looking at each
_CANDIDATES = 200_000  # pairs compared in full at a time


@dataclass(frozen=True)
class ClosePairs:
    """Pairs below a distance, the closest first.

    Attributes
    ----------
    first, second : (m,) positions; within one set ``first < second``.
    distance : (m,) float32.
    left_out : Whether there were more pairs than could be kept; those that are kept are the closest.
    """

    first: Index
    second: Index
    distance: Numbers
    left_out: bool = False


class Searchable:
    """Templates prepared for searching.

    Parameters
    ----------
    templates : (n, 128) float16, each of length 1.
    """

    def __init__(self, templates: Templates, directions: Numbers | None = None) -> None:
        self.templates = templates
        self.directions = _directions(templates) if directions is None else directions
        self.reduced = np.empty((len(templates), self.directions.shape[1]), np.float32)
        for start in range(0, len(templates), _SAMPLE):
            part = templates[start : start + _SAMPLE].astype(np.float32)
            self.reduced[start : start + _SAMPLE] = part @ self.directions
        self._half_square = np.einsum("ij,ij->i", self.reduced, self.reduced) / 2

    def __len__(self) -> int:
        return len(self.templates)

    def near(self, template: NDArray[np.floating], threshold: float, most: int) -> tuple[Index, Numbers]:
        """Positions and distances of the templates closer to one than a threshold, the closest first, at most ``most``.

        Parameters
        ----------
        template : (128,) of length 1.
        """
        wanted = template.astype(np.float32)
        reduced = wanted @ self.directions
        score = self.reduced @ reduced - self._half_square
        found = np.flatnonzero(score > float(reduced @ reduced) / 2 - (threshold**2 + _SLACK) / 2)
        distance = np.concatenate(
            [
                np.linalg.norm(self.templates[part].astype(np.float32) - wanted, axis=1)
                for part in np.array_split(found, max(1, len(found) // _CANDIDATES))
            ]
        )
        close = distance < threshold
        found, distance = found[close], distance[close]
        order = np.lexsort((found, distance))[:most]
        return found[order], distance[order]

    def as_rows(self, part: slice) -> Numbers:
        """(n, directions + 2) of some, whose product with ``as_columns`` is minus half the squared distance."""
        reduced, half_square = self.reduced[part], self._half_square[part, None]
        return np.hstack([reduced, -half_square, np.ones_like(half_square)])

    def as_columns(self) -> Numbers:
        """(n, directions + 2), see ``as_rows``."""
        one = np.ones((len(self), 1), np.float32)
        return np.hstack([self.reduced, one, -self._half_square[:, None]])


def close_pairs(
    templates: Templates, threshold: float, *, other: Templates | None = None, most: int = 1_000_000, workers: int = 1
) -> ClosePairs:
    """All pairs of templates closer than a threshold: within one set, or between two.

    Needs 400 bytes for each template beside the templates, and 16 for each pair.

    Parameters
    ----------
    templates : (n, 128) float16, each of length 1.
    threshold : Largest distance, 0..2, exclusive.
    other : (m, 128): pairs are of one template of each set.
    most : Pairs that are kept.
    workers : Threads.
    """
    rows = Searchable(templates)
    columns = rows if other is None else Searchable(other, rows.directions)
    right = columns.as_columns()
    kept = _Kept(threshold, most)

    def search(start: int) -> None:
        block = rows.as_rows(slice(start, start + _ROWS))
        for first in range(start if other is None else 0, len(columns), _COLUMNS):
            products = block @ right[first : first + _COLUMNS].T
            near = np.flatnonzero(products.ravel() > -(kept.threshold**2 + _SLACK) / 2)
            if near.size > products.size * _FULL_SHARE:
                near = _near_in_full(rows.templates, columns.templates, start, first, kept.threshold)
            if not near.size:
                continue
            i, j = np.divmod(near, products.shape[1])
            i, j = i + start, j + first
            if other is None:
                i, j = i[i < j], j[i < j]
            kept.add(*_compared(rows.templates, columns.templates, i, j))

    # One thread each for the products: the comparison, which is half of the work, would not be shared otherwise.
    with threadpoolctl.threadpool_limits(1, "blas"), ThreadPoolExecutor(max(1, workers)) as pool:
        for _ in pool.map(search, range(0, len(rows), _ROWS)):
            pass
    return kept.result()


def _near_in_full(a: Templates, b: Templates, start: int, first: int, threshold: float) -> Index:
    """Places in a block of the pairs that may be closer than a threshold, by all numbers of the templates."""
    block, columns = a[start : start + _ROWS].astype(np.float32), b[first : first + _COLUMNS].astype(np.float32)
    products = block @ columns.T
    # lengths are not quite 1 in float16
    products -= np.einsum("ij,ij->i", block, block)[:, None] / 2
    products -= np.einsum("ij,ij->i", columns, columns)[None] / 2
    return np.flatnonzero(products.ravel() > -(threshold**2 + _SLACK) / 2)


def _compared(a: Templates, b: Templates, i: Index, j: Index) -> tuple[Index, Index, Numbers]:
    """Distances of pairs, compared in full."""
    distance = np.empty(len(i), np.float32)
    for part in _parts(len(i)):
        difference = a[i[part]].astype(np.float32) - b[j[part]].astype(np.float32)
        distance[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return i, j, distance


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, _CANDIDATES):
        yield slice(start, min(count, start + _CANDIDATES))


class _Kept:
    """The closest pairs found so far."""

    def __init__(self, threshold: float, most: int) -> None:
        self.threshold = threshold
        self._most = most
        self._found: list[tuple[Index, Index, Numbers]] = []
        self._count = 0
        self._left_out = False
        self._lock = threading.Lock()

    def add(self, i: Index, j: Index, distance: Numbers) -> None:
        """Keep those below the threshold."""
        close = distance < self.threshold
        if close.any():
            with self._lock:
                self._found.append((i[close], j[close], distance[close]))
                self._count += int(close.sum())
                if self._count > 2 * self._most:
                    self._shrink()

    def result(self) -> ClosePairs:
        """All of them, in order."""
        self._shrink()
        i, j, distance = self._found[0]
        return ClosePairs(i, j, distance, self._left_out)

    def _shrink(self) -> None:
        parts, self._found = self._found, []
        empty = np.empty(0, np.int64)
        i, j = (np.concatenate([empty, *(part[k] for part in parts)]) for k in (0, 1))
        distance = np.concatenate([np.empty(0, np.float32), *(part[2] for part in parts)])
        order = np.lexsort((j, i, distance))
        if len(order) > self._most:
            order, self._left_out = order[: self._most], True
            self.threshold = min(self.threshold, float(np.nextafter(distance[order[-1]], np.float32(3))))
        self._found.append((i[order], j[order], distance[order]))
        self._count = len(order)


def _directions(templates: Templates) -> Numbers:
    """(128, directions) orthonormal: those along which the templates differ most."""
    step = max(1, len(templates) // _SAMPLE)
    sample = templates[::step].astype(np.float32)
    sample -= sample.mean(axis=0) if len(sample) else 0
    _, vectors = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    return np.ascontiguousarray(vectors[:, ::-1][:, :_DIRECTIONS], np.float32)
