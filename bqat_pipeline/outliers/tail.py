"""The `tail` detector: how surprising is a row, in one unit, with the reasons.

Each value becomes a normal score by the tail of its column (``surprise.py``). A row has three scores:

* single: its most surprising value, less ln(number of values) for having looked at that many;
* combination: the value that least agrees with what the row's other values suggest (the residual of its regression
  on all other columns, itself scored by its own tail), less the same;
* rare: how rare its combination of yes/no answers is.

The row's surprise is the largest of the three, less the logarithm of their number. Own design; method and evidence:
docs/outliers.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from bqat_pipeline.outliers.extremes import Extremes
from bqat_pipeline.outliers.matrix import Feature, Matrix
from bqat_pipeline.outliers.patterns import MAX_FLAGS, Patterns
from bqat_pipeline.outliers.surprise import Scale, Values, as_surprise, quantile

# Fewer values than this say nothing about a column.
MIN_VALUES = 20
# Columns that agree more than this carry one measure twice; the first one stays.
_SAME = 0.9995
# Shrinkage of the correlation matrix: keeps it invertible, and small deviations between close columns small.
_SHRINK = 0.02
# Products of matrices differ in the 15th digit with the number of rows; rounded, batches do not matter.
_DIGITS = 9
# Columns whose residuals, and rows whose products, are computed at a time: memory, not results, depends on them.
_AT_A_TIME = 8
_ROWS_AT_A_TIME = 10_000
# Levels of the quantiles kept for usual ranges and expected values.
LEVELS = np.round(np.concatenate([[0.001, 0.01], np.linspace(0.025, 0.975, 39), [0.99, 0.999]]), 4)


@dataclass(frozen=True)
class Measure:
    """A numeric column: scale of its values, scale of its residuals, (levels,) values at ``LEVELS``, both ends."""

    feature: Feature
    scale: Scale
    residual: Scale
    quantiles: Values
    extremes: Extremes


@dataclass(frozen=True)
class RowScores:
    """Surprises of n rows, in nats.

    Attributes
    ----------
    score : (n,) of the row; NaN where under half of the columns have a value.
    single, combination, rare : (n,) its three parts, comparable to each other; -inf where a part does not exist.
    normal : (n, measures) signed normal scores of the values; 0 where missing.
    residual : (n, measures) signed normal scores of the residuals, above 0 where a value is higher than the others
        suggest; 0 where missing.
    """

    score: Values
    single: Values
    combination: Values
    rare: Values
    normal: Matrix
    residual: Matrix


@dataclass(frozen=True)
class TailModel:
    """A fitted model.

    Attributes
    ----------
    measures, flags : Columns in use, numeric and yes/no.
    ignored : Other columns, with the reason.
    rows : Rows that it was fitted on.
    whole : Whether these are all measured rows of the set, and not a sample of them.
    correlation, precision : (k, k) of the normal scores of the measures, and its inverse after shrinkage.
    patterns : Combinations of answers, or None where there are no flags.
    """

    measures: tuple[Measure, ...]
    flags: tuple[Feature, ...]
    ignored: dict[str, str]
    rows: int
    whole: bool
    correlation: Matrix
    precision: Matrix
    patterns: Patterns | None

    @classmethod
    def fit(cls, values: Matrix, features: Sequence[Feature], *, whole: bool = True) -> "TailModel":
        """The model of a sample.

        Parameters
        ----------
        values : (n, columns) float64, NaN where missing.
        features : What the columns are.
        whole : Whether these are all measured rows of the set.
        """
        ignored: dict[str, str] = {}
        numeric: list[int] = []
        flags: list[int] = []
        scales: list[Scale] = []
        quantiles: list[Values] = []
        extremes: list[Extremes] = []
        # (columns, rows): a measure's scores lie together. The largest thing in memory, so there is only one of it.
        scores = np.empty((len(features), len(values)))
        for position, feature in enumerate(features):
            ordered = np.sort(values[~np.isnan(values[:, position]), position])
            if ordered.size < MIN_VALUES:
                ignored[feature.name] = f"fewer than {MIN_VALUES} values"
            elif ordered[0] == ordered[-1]:
                ignored[feature.name] = "the same value everywhere"
            elif feature.boolean:
                flags.append(position)
            else:
                scale = Scale.fit(ordered)
                scores[len(numeric)] = scale.score(values[:, position])
                numeric.append(position)
                scales.append(scale)
                quantiles.append(quantile(ordered, LEVELS))
                extremes.append(Extremes.fit(ordered))
        correlation = _correlation(scores[: len(numeric)])
        kept, twins = _twins(correlation)
        ignored |= {features[numeric[i]].name: f"moves with {features[numeric[j]].name}" for i, j in twins.items()}
        ignored |= {features[i].name: f"more than {MAX_FLAGS} yes/no columns" for i in flags[MAX_FLAGS:]}
        correlation = correlation[np.ix_(kept, kept)]
        precision = _precision(correlation)
        for number, i in enumerate(kept):  # never to a later place
            scores[number] = scores[i]
        measures: list[Measure] = []
        regression = _regression(precision)
        for first in range(0, len(kept), _AT_A_TIME):
            some = slice(first, first + _AT_A_TIME)
            residuals = regression[some] @ scores[: len(kept)]
            for i, residual in zip(kept[some], residuals, strict=True):
                known = ~np.isnan(values[:, numeric[i]])
                fitted = Scale.fit(np.sort(residual[known]))
                measures.append(Measure(features[numeric[i]], scales[i], fitted, quantiles[i], extremes[i]))
        return cls(
            measures=tuple(measures),
            flags=tuple(features[i] for i in flags[:MAX_FLAGS]),
            ignored=ignored,
            rows=len(values),
            whole=whole,
            correlation=correlation,
            precision=precision,
            patterns=Patterns.fit(values[:, flags[:MAX_FLAGS]]) if flags else None,
        )

    @property
    def features(self) -> tuple[Feature, ...]:
        """Columns of the matrix that ``score`` takes, in order."""
        return (*(m.feature for m in self.measures), *self.flags)

    def score(self, values: Matrix) -> RowScores:
        """Surprises of rows.

        Parameters
        ----------
        values : (n, columns) float64 in the order of ``features``, NaN where missing.
        """
        count, n = len(self.measures), len(values)
        missing = np.isnan(values)
        normal = np.empty((n, count), order="F")
        for position, measure in enumerate(self.measures):
            normal[:, position] = measure.scale.score(values[:, position])
        residual = self.residual_scores(normal)
        residual[missing[:, :count]] = 0.0
        looked_at = np.log(np.maximum((~missing[:, :count]).sum(axis=1), 1))
        single = _largest(normal) - looked_at
        combination = _largest(residual) - looked_at if count > 1 else np.full(n, -np.inf)
        rare = self.patterns.surprise(values[:, count:]) if self.patterns else np.full(n, -np.inf)
        parts = log(max(1, (count > 0) + (count > 1) + (self.patterns is not None)))
        score = np.round(np.maximum(np.maximum(single, combination), rare) - parts, _DIGITS)
        score[missing.mean(axis=1) > 0.5 if self.features else slice(None)] = np.nan
        return RowScores(score, single - parts, combination - parts, rare - parts, normal, residual)

    def residuals(self, normal: Matrix) -> Matrix:
        """(n, measures) normal score less what its regression on all the other columns gives."""
        # transposed twice: the result lies column by column in memory
        return (_regression(self.precision) @ normal.T).T

    def residual_scores(self, normal: Matrix) -> Matrix:
        """(n, measures) signed normal scores of the residuals, each by the tail of its column."""
        residual = self.residuals(normal)
        for position, measure in enumerate(self.measures):
            residual[:, position] = measure.residual.score(residual[:, position])
        return residual

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data from which ``from_json`` makes an equal model."""
        return {
            "rows": self.rows,
            "whole": self.whole,
            "ignored": self.ignored,
            "measures": [
                _described(m.feature)
                | {
                    "scale": m.scale.to_json(),
                    "residual": m.residual.to_json(),
                    "quantiles": m.quantiles.tolist(),
                    "extremes": m.extremes.to_json(),
                }
                for m in self.measures
            ],
            "flags": [_described(f) for f in self.flags],
            "correlation": self.correlation.tolist(),
            "patterns": self.patterns.to_json() if self.patterns else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "TailModel":
        """The model that ``to_json`` described."""
        count = len(data["measures"])
        correlation = np.array(data["correlation"], np.float64).reshape(count, count)
        return cls(
            measures=tuple(
                Measure(
                    Feature(m["name"], m["title"], m["unit"]),
                    Scale.from_json(m["scale"]),
                    Scale.from_json(m["residual"]),
                    np.array(m["quantiles"]),
                    Extremes.from_json(m["extremes"]),
                )
                for m in data["measures"]
            ),
            flags=tuple(Feature(f["name"], f["title"], f["unit"], True) for f in data["flags"]),
            ignored=data["ignored"],
            rows=data["rows"],
            whole=data["whole"],
            correlation=correlation,
            precision=_precision(correlation),
            patterns=Patterns.from_json(data["patterns"]) if data["patterns"] else None,
        )


def _described(feature: Feature) -> dict[str, Any]:
    return {"name": feature.name, "title": feature.title, "unit": feature.unit}


def _largest(scores: Matrix) -> Values:
    return as_surprise(np.abs(scores).max(axis=1, initial=0.0))


def _regression(precision: Matrix) -> Matrix:
    """(k, k) from the values of a row to each one less what its regression on all the others gives."""
    return (precision / np.diag(precision)).T


def _correlation(scores: Matrix) -> Matrix:
    """(k, k) of (k, rows) normal scores."""
    rows = scores.shape[1]
    sums, products = np.zeros(len(scores)), np.zeros((len(scores), len(scores)))
    for first in range(0, rows, _ROWS_AT_A_TIME):
        # Clipped, so that the few rows that are far out do not make the correlation.
        clipped = np.clip(scores[:, first : first + _ROWS_AT_A_TIME], -3, 3)
        sums += clipped.sum(axis=1)
        products += clipped @ clipped.T
    covariance = products - np.outer(sums, sums) / max(rows, 1)
    # What is left of a constant by rounding is no variance.
    variance = np.where(np.diag(covariance) > 1e-9 * rows, np.diag(covariance), 0.0)
    covariance[variance == 0], covariance[:, variance == 0] = 0.0, 0.0
    deviation = np.sqrt(np.where(variance > 0, variance, 1.0))
    correlation: Matrix = covariance / np.outer(deviation, deviation)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _precision(correlation: Matrix) -> Matrix:
    shrunk = (1 - _SHRINK) * correlation + _SHRINK * np.eye(len(correlation))
    return np.asarray(np.linalg.inv(shrunk), np.float64)


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
