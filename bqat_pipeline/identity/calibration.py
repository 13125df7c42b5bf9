"""Error rates of the templates on a labelled set, and the thresholds that follow (ISO/IEC 19795-1).

FMR: share of pairs of different persons that are closer than the threshold (false match rate). FNMR: share of pairs of
one person that are not (false non-match rate). Pairs that share a person are not independent, so intervals are found by
drawing persons, not pairs, with replacement.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.templates import DatasetTemplates

RATES = (0.01, 0.001, 0.0001)
_DRAWS = 200
_MOST = 2000  # pictures: two million pairs


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a threshold costs.

    Attributes
    ----------
    fmr : Wanted false match rate.
    threshold : Distance, exclusive, at which it is kept.
    fnmr, fnmr_low, fnmr_high : False non-match rate, and its 95 % interval.
    threshold_low, threshold_high : 95 % interval of the threshold.
    """

    fmr: float
    threshold: float
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    threshold_low: float
    threshold_high: float


@dataclass(frozen=True)
class Calibration:
    """Figures of a labelled set.

    Attributes
    ----------
    pictures, persons : With a template and a name.
    genuine, impostor : Pairs of one person, and of two.
    points : For each rate of ``RATES`` that the number of pairs can show.
    """

    pictures: int
    persons: int
    genuine: int
    impostor: int
    points: tuple[OperatingPoint, ...]


def calibrate(of: DatasetTemplates, names: NDArray[np.object_], seed: int = 0) -> Calibration:
    """Error rates of the templates of a data set whose pictures carry the names of persons.

    Parameters
    ----------
    names : Of every row of the profiles; empty: not known.

    Raises
    ------
    IdentityError : when there are too few pairs.
    """
    known = np.flatnonzero(names[of.position] != "")
    draw = np.random.default_rng(seed)
    if len(known) > _MOST:
        known = np.sort(draw.choice(known, _MOST, replace=False))
    vectors = of.templates.vectors[of.vector[known]].astype(np.float32)
    _, person = np.unique(names[of.position[known]].astype(str), return_inverse=True)
    a, b = np.triu_indices(len(known), 1)
    distance = np.sqrt(np.maximum(2 - 2 * (vectors @ vectors.T)[a, b], 0))
    same = person[a] == person[b]
    genuine, impostor = int(same.sum()), int((~same).sum())
    if genuine < 10 or impostor < 100:
        raise IdentityError(
            f"too few pairs to calibrate: {genuine} of one person and {impostor} of two; at least 10 and 100 are needed"
        )
    order = np.argsort(distance, kind="stable")
    pairs = _Pairs(distance[order], same[order], person[a][order], person[b][order])
    persons = int(person.max()) + 1
    rates = [rate for rate in RATES if impostor * rate >= 1]
    best = [pairs.at(rate, np.ones(persons)) for rate in rates]
    drawn = np.array(
        [
            [pairs.at(rate, weights) for rate in rates]
            for weights in (np.bincount(draw.integers(0, persons, persons), minlength=persons) for _ in range(_DRAWS))
        ]
    )
    points = []
    for number, (rate, (threshold, fnmr)) in enumerate(zip(rates, best, strict=True)):
        low, high = np.nanpercentile(drawn[:, number], [2.5, 97.5], axis=0)
        points.append(
            OperatingPoint(
                rate,
                round(float(threshold), 4),
                round(float(fnmr), 5),
                round(float(low[1]), 5),
                round(float(high[1]), 5),
                round(float(low[0]), 4),
                round(float(high[0]), 4),
            )
        )
    return Calibration(len(known), persons, genuine, impostor, tuple(points))


@dataclass(frozen=True)
class _Pairs:
    """All pairs, sorted by distance."""

    distance: NDArray[np.floating]
    same: NDArray[np.bool_]
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    def at(self, rate: float, weights: np.ndarray) -> tuple[float, float]:
        """Threshold at which a false match rate is kept, and the FNMR there, with persons counted by weights."""
        weight = weights[self.first] * np.where(self.same, 1, weights[self.second])
        false = np.cumsum(np.where(self.same, 0, weight))
        missed = np.cumsum(np.where(self.same, weight, 0))
        if not false[-1] or not missed[-1]:
            return np.nan, np.nan
        place = int(np.searchsorted(false, rate * false[-1], side="right"))
        place = min(place, len(false) - 1)
        below = missed[place - 1] if place else 0.0
        return float(self.distance[place]), float(1 - below / missed[-1])
