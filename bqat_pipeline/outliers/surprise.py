"""Surprise: minus the logarithm of a tail probability, one unit for every measure.

A surprise of ln 1000 means: one ordinary picture in a thousand has a value as far out as this. Inside the range of
the data it is the empirical tail. Beyond the 99 % point it grows in a straight line whose slope comes from the
80, 95 and 99 % points, so that distance counts, and a few bad rows cannot hide themselves.
"""

from dataclasses import dataclass
from functools import cache
from math import log
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# Beyond e^-700 probabilities are not numbers any more.
MAX_SURPRISE = 700.0
# Below this many values the 99 % point says nothing.
_MIN_FOR_LINE = 100
# The upper half of the distribution in steps of 1 %, the lower one in steps of 10 %.
_LEVELS = (*np.linspace(0, 0.5, 6)[:-1], *np.linspace(0.5, 0.99, 50))
_TAIL_STEPS = 24


@dataclass(frozen=True)
class Tail:
    """Upper tail of one variable as a piecewise linear table.

    Attributes
    ----------
    knots : (k + 1,) ascending values; the last one is repeated.
    at : (k + 1,) surprise of exactly that value; last: of anything beyond.
    slope : (k + 1,) growth between the knot before and this one.
    start, scale : Beyond ``start`` the surprise is ln 100 + (x - start) / scale; scale 0: no such line.
    """

    knots: Values
    at: Values
    slope: Values
    start: float
    scale: float

    @classmethod
    def fit(cls, ordered: Values) -> "Tail":
        """The table of a sample.

        Parameters
        ----------
        ordered : (n,) finite values, ascending, n >= 1.
        """
        n = ordered.size
        knots = np.unique(ordered)
        if knots.size > 2 * _TAIL_STEPS + len(_LEVELS):
            tail = 1 - np.geomspace(0.01, 1 / n, _TAIL_STEPS)
            index = np.rint(np.concatenate([_LEVELS, tail]) * (n - 1)).astype(int)
            knots = np.unique(ordered[np.append(index, n - 1)])
        floor = 0.5 / n
        at = -np.log(np.maximum((n - np.searchsorted(ordered, knots, "left")) / n, floor))
        right = -np.log(np.maximum((n - np.searchsorted(ordered, knots, "right")) / n, floor))
        slope = np.zeros(knots.size + 1)
        slope[1:-1] = (at[1:] - right[:-1]) / np.diff(knots)
        start, scale = _line(ordered)
        return cls(np.append(knots, knots[-1]), np.append(at, -log(floor)), slope, start, scale)

    def surprise(self, values: Values) -> Values:
        """(n,) surprise of each value, at least 0; NaN gives a meaningless number, to be masked by the caller."""
        index = np.searchsorted(self.knots[:-1], values, "left")
        found = self.at[index] - self.slope[index] * (self.knots[index] - values)
        if self.scale > 0:
            with np.errstate(over="ignore", invalid="ignore"):
                far = values > self.start
                found[far] = log(100) + (values[far] - self.start) / self.scale
        return np.minimum(found, MAX_SURPRISE)

    def to_json(self) -> dict[str, Any]:
        return {
            "knots": self.knots.tolist(),
            "at": self.at.tolist(),
            "slope": self.slope.tolist(),
            "start": self.start,
            "scale": self.scale,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Tail":
        knots, at, slope = (np.array(data[key], np.float64) for key in ("knots", "at", "slope"))
        return cls(knots, at, slope, data["start"], data["scale"])


def _line(ordered: Values) -> tuple[float, float]:
    """Where the straight line begins and how long a step of one nat is; step 0 where there is no line."""
    if ordered.size < _MIN_FOR_LINE:
        return float(ordered[-1]), 0.0
    a, b, c = np.quantile(ordered, [0.80, 0.95, 0.99])
    # An exponential tail would take (b - a) / ln 4 and (c - b) / ln 5 for one nat.
    first, second = (b - a) / log(4), (c - b) / log(5)
    if not second > 0:
        return float(c), 0.0
    scale = max(first, second)
    if first > 0:
        scale *= max(1.0, min(second / first, 3.0))  # heavier than exponential: longer steps
    return float(c), float(scale)


@dataclass(frozen=True)
class TwoSided:
    """Both tails of one measure.

    Attributes
    ----------
    upper, lower : Tails of the values and of the negated values.
    logarithm : The values are strictly positive and strongly right-skewed; their logarithm is used.
    """

    upper: Tail
    lower: Tail
    logarithm: bool

    @classmethod
    def fit(cls, ordered: Values) -> "TwoSided":
        """Tables of a sample: (n,) finite values, ascending, n >= 1."""
        logarithm = bool(ordered[0] > 0) and _skewed(ordered)
        values = np.log(ordered) if logarithm else ordered
        return cls(Tail.fit(values), Tail.fit(-values[::-1]), logarithm)

    def surprise(self, values: Values) -> Values:
        """(n,) signed surprise: above 0 on the high side, below 0 on the low side; 0 where the value is NaN."""
        if self.logarithm:
            with np.errstate(divide="ignore", invalid="ignore"):
                # 0 and below were never seen: further out than anything positive
                values = np.where(values > 0, np.log(values), np.where(np.isnan(values), np.nan, -1e6))
        upper, lower = self.upper.surprise(values), self.lower.surprise(-values)
        signed = np.where(upper >= lower, upper, -lower)
        # two-sided: both tails together hold twice the probability
        signed = np.sign(signed) * np.maximum(np.abs(signed) - log(2), 0.0)
        signed[np.isnan(values)] = 0.0
        return signed

    def to_json(self) -> dict[str, Any]:
        return {"upper": self.upper.to_json(), "lower": self.lower.to_json(), "logarithm": self.logarithm}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "TwoSided":
        return cls(Tail.from_json(data["upper"]), Tail.from_json(data["lower"]), data["logarithm"])


def _skewed(ordered: Values) -> bool:
    # 0 for symmetrical data, 0.39 for a log-normal with sigma 0.5, 0.56 for an exponential
    low, middle, high = np.quantile(ordered, [0.05, 0.5, 0.95])
    return bool(high > low and (high + low - 2 * middle) / (high - low) > 0.3)


@cache
def _normal_table() -> tuple[Values, Values]:
    surprise = MAX_SURPRISE * np.linspace(0, 1, 600) ** 3
    inverse = NormalDist().inv_cdf
    return surprise, np.array([-inverse(0.5 * float(np.exp(-u))) for u in surprise])


def normal_score(signed: Values) -> Values:
    """Signed surprise as the value of a standard normal variable that is as surprising."""
    surprise, score = _normal_table()
    return np.sign(signed) * np.interp(np.abs(signed), surprise, score)
