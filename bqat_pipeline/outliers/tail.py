"""The `tail` detector: how surprising is a row, in one unit, with the reasons.

Each cell gets a surprise (minus the log of its two-sided tail probability). A row has three scores:

* single: its most surprising cell, less ln(number of cells) for having looked at that many;
* combination: Mahalanobis distance of the signed normal scores, so that values which do not go together count;
* rare: sum over the yes/no columns of minus the log of the value's frequency.

The last two pass through the tail table of the sample, so that all three are surprises. The row's surprise is the
largest of the three less the logarithm of their number. Own design; method and evidence: docs/outliers.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any

import numpy as np

from bqat_pipeline.outliers.matrix import Feature, Matrix
from bqat_pipeline.outliers.surprise import Tail, TwoSided, Values, normal_score

# Fewer values than this say nothing about a column.
MIN_VALUES = 20
# Columns that agree more than this carry one measure twice; the first one stays.
_SAME = 0.9995
# Shrinkage of the correlation matrix: keeps it invertible, and small deviations between close columns small.
_SHRINK = 0.02
# Levels of the quantiles kept for usual ranges and expected values.
LEVELS = np.round(np.concatenate([[0.001, 0.01], np.linspace(0.025, 0.975, 39), [0.99, 0.999]]), 4)


@dataclass(frozen=True)
class Measure:
    """A numeric column: its tails, and (levels,) values at ``LEVELS``."""

    feature: Feature
    tails: TwoSided
    quantiles: Values


@dataclass(frozen=True)
class Flag:
    """A yes/no column: share of `yes`, share given to a value never seen."""

    feature: Feature
    rate: float
    floor: float

    def surprise(self, values: Values) -> Values:
        """(n,) signed surprise, above 0 for `yes`; 0 for the common value and where missing."""
        yes = -log(max(self.rate, self.floor)) if self.rate < 0.5 else 0.0
        no = -log(max(1 - self.rate, self.floor)) if self.rate > 0.5 else 0.0
        return np.where(np.isnan(values), 0.0, np.where(values > 0.5, yes, -no))


@dataclass(frozen=True)
class RowScores:
    """Surprises of n rows, in nats.

    Attributes
    ----------
    score : (n,) of the row; NaN where under half of the columns have a value.
    single, combination, rare : (n,) its three parts, comparable to each other; -inf where a part does not exist.
    cells : (n, columns) signed surprise of each cell, above 0 on the high side; 0 where missing.
    normal : (n, measures) signed normal scores.
    pull : (n, measures) precision matrix times normal scores: above 0 where a value is higher than the others suggest.
    """

    score: Values
    single: Values
    combination: Values
    rare: Values
    cells: Matrix
    normal: Matrix
    pull: Matrix


@dataclass(frozen=True)
class TailModel:
    """A fitted model.

    Attributes
    ----------
    measures, flags : Columns in use, numeric and yes/no.
    ignored : Other columns, with the reason.
    rows : Rows that it was fitted on.
    correlation, precision : (k, k) of the normal scores of the measures, and its inverse after shrinkage.
    combination, rare : Tail tables of the two row sums, or None where there are no such columns.
    """

    measures: tuple[Measure, ...]
    flags: tuple[Flag, ...]
    ignored: dict[str, str]
    rows: int
    correlation: Matrix
    precision: Matrix
    combination: Tail | None = None
    rare: Tail | None = None

    @classmethod
    def fit(cls, values: Matrix, features: Sequence[Feature]) -> "TailModel":
        """The model of a sample.

        Parameters
        ----------
        values : (n, columns) float64, NaN where missing.
        features : What the columns are.
        """
        ignored: dict[str, str] = {}
        measures: list[Measure] = []
        flags: list[Flag] = []
        scores: list[Values] = []
        for column, feature in zip(values.T, features, strict=True):
            ordered = np.sort(column[~np.isnan(column)])
            if ordered.size < MIN_VALUES:
                ignored[feature.name] = f"fewer than {MIN_VALUES} values"
            elif ordered[0] == ordered[-1]:
                ignored[feature.name] = "the same value everywhere"
            elif feature.boolean:
                flags.append(Flag(feature, float(ordered.mean()), 0.5 / ordered.size))
            else:
                tails = TwoSided.fit(ordered)
                measures.append(Measure(feature, tails, np.quantile(ordered, LEVELS)))
                scores.append(normal_score(tails.surprise(column)))
        correlation = _correlation(scores)
        kept, twins = _twins(correlation)
        ignored |= {measures[i].feature.name: f"moves with {measures[j].feature.name}" for i, j in twins.items()}
        correlation = correlation[np.ix_(kept, kept)]
        model = cls(
            measures=tuple(measures[i] for i in kept),
            flags=tuple(flags),
            ignored=ignored,
            rows=len(values),
            correlation=correlation,
            precision=np.linalg.inv((1 - _SHRINK) * correlation + _SHRINK * np.eye(len(kept))),
        )
        return model._with_row_tails(values[:, [i for i, f in enumerate(features) if f.name not in ignored]], features)

    @property
    def features(self) -> tuple[Feature, ...]:
        """Columns of the matrix that ``score`` takes, in order."""
        return tuple(m.feature for m in self.measures) + tuple(f.feature for f in self.flags)

    def score(self, values: Matrix) -> RowScores:
        """Surprises of rows.

        Parameters
        ----------
        values : (n, columns) float64 in the order of ``features``, NaN where missing.
        """
        count = len(self.measures)
        cells, share = self._cells(values)
        normal = normal_score(cells[:, :count])
        pull = normal @ self.precision
        with np.errstate(divide="ignore", invalid="ignore"):
            present = np.round(share * len(self.features))
            single = np.abs(cells).max(axis=1, initial=0.0) - np.log(present)
            combination = _part(self.combination, self._distance(normal, pull, values))
            rare = _part(self.rare, self._rareness(cells, values))
            parts = 1 + (self.combination is not None) + (self.rare is not None)
            score = np.maximum(np.maximum(single, combination), rare) - log(parts)
        score[share < 0.5] = np.nan
        return RowScores(score, single - log(parts), combination - log(parts), rare - log(parts), cells, normal, pull)

    def _with_row_tails(self, values: Matrix, features: Sequence[Feature]) -> "TailModel":
        order = [f.name for f in features if f.name not in self.ignored]
        values = values[:, [order.index(f.name) for f in self.features]]
        cells, share = self._cells(values)
        usable = share >= 0.5
        if not usable.any():
            return self
        combination = rare = None
        if len(self.measures) > 1:
            normal = normal_score(cells[:, : len(self.measures)])
            distance = self._distance(normal, normal @ self.precision, values)
            combination = Tail.fit(np.sort(distance[usable]))
        if self.flags:
            rare = Tail.fit(np.sort(self._rareness(cells, values)[usable]))
        return replace(self, combination=combination, rare=rare)

    def _cells(self, values: Matrix) -> tuple[Matrix, Values]:
        """Signed surprises (n, columns), and (n,) share of the columns that have a value."""
        cells = np.empty_like(values)
        for position, measure in enumerate(self.measures):
            cells[:, position] = measure.tails.surprise(values[:, position])
        for position, flag in enumerate(self.flags, len(self.measures)):
            cells[:, position] = flag.surprise(values[:, position])
        if not len(self.features):
            return cells, np.zeros(len(values))
        return cells, 1 - np.isnan(values).mean(axis=1)

    def _distance(self, normal: Matrix, pull: Matrix, values: Matrix) -> Values:
        # Missing cells add nothing; the sum stands for as many cells as are there.
        return np.einsum("ij,ij->i", normal, pull) * _scale(values[:, : len(self.measures)])

    def _rareness(self, cells: Matrix, values: Matrix) -> Values:
        first = len(self.measures)
        return np.abs(cells[:, first:]).sum(axis=1) * _scale(values[:, first:])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data from which ``from_json`` makes an equal model."""
        return {
            "rows": self.rows,
            "ignored": self.ignored,
            "measures": [
                _feature(m.feature) | {"tails": m.tails.to_json(), "quantiles": m.quantiles.tolist()}
                for m in self.measures
            ],
            "flags": [_feature(f.feature) | {"rate": f.rate, "floor": f.floor} for f in self.flags],
            "correlation": self.correlation.tolist(),
            "precision": self.precision.tolist(),
            "combination": self.combination.to_json() if self.combination else None,
            "rare": self.rare.to_json() if self.rare else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "TailModel":
        """The model that ``to_json`` described."""
        count = len(data["measures"])
        return cls(
            measures=tuple(
                Measure(
                    Feature(m["name"], m["title"], m["unit"]),
                    TwoSided.from_json(m["tails"]),
                    np.array(m["quantiles"]),
                )
                for m in data["measures"]
            ),
            flags=tuple(
                Flag(Feature(f["name"], f["title"], f["unit"], True), f["rate"], f["floor"]) for f in data["flags"]
            ),
            ignored=data["ignored"],
            rows=data["rows"],
            correlation=np.array(data["correlation"]).reshape(count, count),
            precision=np.array(data["precision"]).reshape(count, count),
            combination=Tail.from_json(data["combination"]) if data["combination"] else None,
            rare=Tail.from_json(data["rare"]) if data["rare"] else None,
        )


def _feature(feature: Feature) -> dict[str, Any]:
    return {"name": feature.name, "title": feature.title, "unit": feature.unit}


def _part(tail: Tail | None, sums: Values) -> Values:
    return tail.surprise(sums) if tail else np.full(len(sums), -np.inf)


def _scale(values: Matrix) -> Values:
    if not values.shape[1]:
        return np.ones(len(values))
    present = (~np.isnan(values)).mean(axis=1)
    return 1 / np.maximum(present, 1 / values.shape[1])


def _correlation(scores: list[Values]) -> Matrix:
    if not scores:
        return np.empty((0, 0))
    # Clipped, so that the few rows that are far out do not make the correlation.
    clipped = np.clip(np.stack(scores), -3, 3)
    clipped -= clipped.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.einsum("ij,ij->i", clipped, clipped))
    clipped /= np.where(deviation > 0, deviation, 1)[:, None]
    correlation = clipped @ clipped.T
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _twins(correlation: Matrix) -> tuple[list[int], dict[int, int]]:
    """Positions to keep, and of the others, which kept one they repeat."""
    kept: list[int] = []
    twins: dict[int, int] = {}
    for position, row in enumerate(correlation):
        twin = next((k for k in kept if abs(row[k]) > _SAME), None)
        if twin is None:
            kept.append(position)
        else:
            twins[position] = twin
    return kept, twins
