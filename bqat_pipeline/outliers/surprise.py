"""Surprise: minus the logarithm of a two-sided tail probability, one unit for every measure.

A surprise of ln 1000 means: one ordinary picture in a thousand has a value as far out as this. Inside the range of
the data it is the empirical tail. Beyond the 99 % point it grows in a straight line whose slope comes from the
80, 95 and 99 % points, so that distance counts, and a few bad rows cannot hide themselves.

Values are scored as *normal scores*: the value of a standard normal variable that is as surprising, above 0 on the
high side. They can be correlated and added, which surprises cannot.
"""

from dataclasses import dataclass
from functools import cache
from math import log
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]

# One in 10^50: further out, the figure says nothing more.
MAX_SURPRISE = 50 * log(10)
# Below this many values the 99 % point says nothing.
_MIN_FOR_LINE = 100
# The upper half of the distribution in steps of 1 %, the lower one in steps of 10 %.
_LEVELS = (*np.linspace(0, 0.5, 6)[:-1], *np.linspace(0.5, 0.99, 50))
_TAIL_STEPS = 24
# Differences of normal scores below this are no jump.
_JUMP = 1e-3
# Points on the straight line, where the normal score is a curve.
_FAR_STEPS = 40


@dataclass(frozen=True)
class Scale:
    """Normal score of one measure's values, as a piecewise linear table.

    Attributes
    ----------
    knots, scores : (k,) ascending values, and their signed normal scores; constant beyond.
    logarithm : The values are strictly positive and strongly right-skewed; their logarithm is used.
    """

    knots: Values
    scores: Values
    logarithm: bool = False

    @classmethod
    def fit(cls, ordered: Values) -> "Scale":
        """The table of a sample: (n,) finite values, ascending, n >= 1."""
        logarithm = bool(ordered[0] > 0) and _skewed(ordered)
        values = np.log(ordered) if logarithm else ordered
        upper, lower = _Tail.fit(values), _Tail.fit(-values[::-1])
        places = np.unique(np.concatenate([upper.places(), -lower.places()]))
        # A value that many pictures share is a jump: just below, at and just above it the surprise differs.
        knots = np.stack([np.nextafter(places, -np.inf), places, np.nextafter(places, np.inf)], axis=1)
        high, low = upper.surprise(knots), lower.surprise(-knots)
        # two-sided: both tails together hold twice the probability
        surprise = np.maximum(np.maximum(high, low) - log(2), 0.0)
        scores = np.where(high >= low, 1, -1) * as_score(surprise)
        kept = np.abs(scores - scores[:, 1:2]) > _JUMP
        kept[:, 1] = True
        knots, first = np.unique(knots[kept], return_index=True)
        return cls(knots, np.maximum.accumulate(scores[kept][first]), logarithm)

    def score(self, values: Values) -> Values:
        """(n,) signed normal scores; 0 where the value is NaN."""
        if self.logarithm:
            with np.errstate(divide="ignore", invalid="ignore"):
                # 0 and below were never seen: further out than anything positive; NaN stays
                values = np.where(values <= 0, self.knots[0], np.log(values))
        scores = np.interp(values, self.knots, self.scores)
        scores[np.isnan(scores)] = 0.0
        return scores

    def to_json(self) -> dict[str, Any]:
        return {"knots": self.knots.tolist(), "scores": self.scores.tolist(), "logarithm": self.logarithm}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Scale":
        return cls(np.array(data["knots"], np.float64), np.array(data["scores"], np.float64), data["logarithm"])


@dataclass(frozen=True)
class _Tail:
    """Surprise of the upper tail of one variable; beyond ``start`` it is ln 100 + (x - start) / step, if step > 0."""

    knots: Values
    at: Values
    after: Values
    start: float
    step: float
    floor: float

    @classmethod
    def fit(cls, ordered: Values) -> "_Tail":
        n = ordered.size
        knots = ordered[np.append(True, ordered[1:] > ordered[:-1])]
        if knots.size > 2 * _TAIL_STEPS + len(_LEVELS):
            tail = 1 - np.geomspace(0.01, 1 / n, _TAIL_STEPS)
            index = np.rint(np.concatenate([_LEVELS, tail]) * (n - 1)).astype(int)
            knots = np.unique(ordered[np.append(index, n - 1)])
        floor = 0.5 / n
        at = -np.log(np.maximum((n - np.searchsorted(ordered, knots, "left")) / n, floor))
        after = -np.log(np.maximum((n - np.searchsorted(ordered, knots, "right")) / n, floor))
        start, step = _line(ordered)
        return cls(knots, at, after, start, step, -log(floor))

    def places(self) -> Values:
        """Where the surprise bends: knots, and points along the straight line."""
        if not self.step > 0:
            return self.knots
        far = self.start + self.step * (MAX_SURPRISE - log(100)) * np.linspace(0, 1, _FAR_STEPS) ** 3
        return np.concatenate([self.knots[self.knots <= self.start], far])

    def surprise(self, values: Values) -> Values:
        place = np.searchsorted(self.knots, values, "left")
        inside = np.minimum(place, self.knots.size - 1)
        before = np.maximum(inside - 1, 0)
        width = np.where(inside > before, self.knots[inside] - self.knots[before], 1.0)
        share = np.clip((values - self.knots[before]) / width, 0, 1)
        between = self.after[before] + share * (self.at[inside] - self.after[before])
        found = np.where(values == self.knots[inside], self.at[inside], between)
        found = np.where(place == 0, self.at[0], found)
        found = np.where(place == self.knots.size, self.floor, found)
        if self.step > 0:
            line = log(100) + (values - self.start) / self.step
            found = np.where(values > self.start, line, found)
        return np.minimum(found, MAX_SURPRISE)


def quantile(ordered: Values, levels: ArrayLike) -> Values:
    """Quantiles of an ascending sample, linear between its values."""
    return np.interp(np.asarray(levels) * (ordered.size - 1), np.arange(ordered.size), ordered)


def _line(ordered: Values) -> tuple[float, float]:
    """Where the straight line begins and how long a step of one nat is; step 0 where there is no line."""
    if ordered.size < _MIN_FOR_LINE:
        return float(ordered[-1]), 0.0
    a, b, c = quantile(ordered, [0.80, 0.95, 0.99])
    # An exponential tail would take (b - a) / ln 4 and (c - b) / ln 5 for one nat.
    first, second = (b - a) / log(4), (c - b) / log(5)
    if not second > 0:
        return float(c), 0.0
    step = max(first, second)
    if first > 0:
        step *= max(1.0, min(second / first, 3.0))  # heavier than exponential: longer steps
    return float(c), float(step)


def _skewed(ordered: Values) -> bool:
    # 0 for symmetrical data, 0.39 for a log-normal with sigma 0.5, 0.56 for an exponential
    low, middle, high = quantile(ordered, [0.05, 0.5, 0.95])
    return bool(high > low and (high + low - 2 * middle) / (high - low) > 0.3)


@cache
def _normal_table() -> tuple[Values, Values]:
    surprise = MAX_SURPRISE * np.linspace(0, 1, 1200) ** 3
    inverse = NormalDist().inv_cdf
    return surprise, np.array([-inverse(0.5 * float(np.exp(-u))) for u in surprise])


def as_score(surprise: Values) -> Values:
    """Normal scores, at least 0, of surprises."""
    return np.interp(surprise, *_normal_table())


def as_surprise(score: Values) -> Values:
    """Surprises of normal scores of either sign: -ln(2 (1 - Phi(|score|)))."""
    surprise, table = _normal_table()
    return np.interp(np.abs(score), table, surprise)
