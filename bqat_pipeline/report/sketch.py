"""Distribution of one measure from a single pass: counts in bins of constant relative width.

The bins are those of the floating-point format itself: the sign, the exponent and the first ten bits of the
fraction of a float32 name the bin (the idea of HdrHistogram). No range has to be known beforehand, sketches of
parts add up to the sketch of the whole, the result does not depend on the order of rows, and a value is known
to 0.1 % of itself. A sketch takes 0.4 MB however many values it has seen.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_FRACTION_BITS = 10  # a bin is at most 2**-10 = 0.1 % of its value wide
_SHIFT = 23 - _FRACTION_BITS  # float32 has 23 bits of fraction
_SMALLEST, _LARGEST = 2.0**-20, 2.0**32  # magnitudes outside share the innermost and outermost bin


def _codes(magnitude: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    return (magnitude.view(np.int32) >> _SHIFT).astype(np.int64)


_FIRST = int(_codes(np.array([_SMALLEST], np.float32))[0])
_LAST = int(_codes(np.array([_LARGEST], np.float32))[0])
_SIDE = _LAST - _FIRST  # bins on each side of the bin around zero
_POSITIVE = (np.arange(_FIRST, _LAST + 1, dtype=np.int32) << _SHIFT).view(np.float32).astype(np.float64)
EDGES: Floats = np.concatenate([-_POSITIVE[::-1], _POSITIVE])
"""Edges of all bins, ascending; the bin around zero is the middle one."""


@dataclass(frozen=True)
class Bins:
    """Counts for drawing: `counts[i]` values lie in `edges[i] .. edges[i + 1]`; the rest `below` and `above`."""

    edges: Floats
    counts: Floats
    below: float
    above: float


class Sketch:
    """Counts, mean, standard deviation and extremes of the values seen so far."""

    def __init__(self) -> None:
        self.counts = np.zeros(2 * _SIDE + 1, np.int64)
        self.n = 0
        self.missing = 0
        self.mean = 0.0
        self._squares = 0.0
        self.low = float("inf")
        self.high = float("-inf")

    def add(self, values: Floats) -> None:
        """Take in a batch; NaN and infinities count as missing.

        Parameters
        ----------
        values : (n,) float64.
        """
        finite = values[np.isfinite(values)]
        self.missing += values.size - finite.size
        if not finite.size:
            return
        narrow = finite.astype(np.float32)
        magnitude = np.clip(_codes(np.abs(narrow)) - _FIRST + 1, 0, _SIDE)
        index = np.where(np.signbit(narrow), _SIDE - magnitude, _SIDE + magnitude)
        low, high = int(index.min()), int(index.max())
        self.counts[low : high + 1] += np.bincount(index - low, minlength=high - low + 1)
        # Chan, Golub, LeVeque 1979: mean and squares of two parts joined without cancellation.
        size, mean = finite.size, float(finite.mean())
        total, delta = self.n + size, mean - self.mean
        self._squares += float(((finite - mean) ** 2).sum()) + delta * delta * self.n * size / total
        self.mean += delta * size / total
        self.n = total
        self.low = min(self.low, float(finite.min()))
        self.high = max(self.high, float(finite.max()))

    @property
    def sd(self) -> float:
        """Standard deviation (n - 1); 0 below two values."""
        return float(np.sqrt(self._squares / (self.n - 1))) if self.n > 1 else 0.0

    def cumulative(self) -> Floats:
        """Share of values below each of ``EDGES``, 0..1."""
        return np.concatenate([[0.0], np.cumsum(self.counts)]) / max(self.n, 1)

    def quantile(self, *shares: float) -> list[float]:
        """Values below which the given shares lie; empty sketch: NaN."""
        if not self.n:
            return [float("nan")] * len(shares)
        cumulative = np.cumsum(self.counts)
        values = []
        for share in shares:
            position = share * self.n
            index = min(int(np.searchsorted(cumulative, position, side="left")), self.counts.size - 1)
            if index == _SIDE:
                values.append(0.0)
                continue
            inside = self.counts[index]
            before = cumulative[index] - inside
            fraction = (position - before) / inside if inside else 0.0
            value = EDGES[index] + fraction * (EDGES[index + 1] - EDGES[index])
            values.append(float(np.clip(value, self.low, self.high)))
        return values

    def bins(self, edges: Floats) -> Bins:
        """Counts between edges of one's own; a bin that an edge cuts is shared out by width.

        Parameters
        ----------
        edges : (k + 1,) float64, ascending.
        """
        below = np.interp(edges, EDGES, self.cumulative()) * self.n
        return Bins(edges, np.diff(below), float(below[0]), float(self.n - below[-1]))

    def shift_from(self, other: "Sketch") -> float | None:
        """Wasserstein distance to another distribution in its standard deviations; None where that says nothing.

        The distance is the area between both cumulative curves: by how much values moved on average.
        """
        if self.n < 2 or other.n < 2 or other.sd == 0:
            return None
        difference = np.abs(self.cumulative() - other.cumulative())
        area = float((np.diff(EDGES) * (difference[1:] + difference[:-1]) / 2).sum())
        return area / other.sd
