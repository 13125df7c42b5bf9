"""Why a row is unusual, in values and in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log
from statistics import NormalDist
from typing import Literal

import numpy as np
import pyarrow as pa

from bqat_pipeline.outliers.matrix import Feature, Matrix
from bqat_pipeline.outliers.tail import LEVELS, Measure, RowScores, TailModel

MAX_REASONS = 5
# A second column that moves with one already named says nothing new.
_ECHO = 0.95
# Of the columns that do not go together, name those that carry this share of the distance.
_CARRIED = 0.8
# Diagonal of the precision matrix from which the other columns explain more than half of a column's variance.
_DEPENDENT = 2.0
# Frequencies beyond this are extrapolated; no figure is given.
_RAREST = 1_000_000

REASON = pa.struct(
    [
        ("column", pa.string()),
        ("value", pa.float64()),
        ("direction", pa.string()),
        ("kind", pa.string()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("expected", pa.float64()),
        ("surprise", pa.float64()),
        ("words", pa.string()),
    ]
)

Kind = Literal["single", "combination", "rare"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a row's score.

    Attributes
    ----------
    column, value : What was measured.
    direction : ``high`` or ``low`` against what is usual; ``yes`` or ``no`` for flags.
    kind : ``single``: far out by itself; ``combination``: does not go with the other columns; ``rare``: a flag that
        few pictures have.
    low, high : Usual range (5 to 95 % of the pictures); None for flags.
    expected : For ``combination``: the value that the other columns suggest.
    surprise : Of the cell by itself, as log10: 3 means one ordinary picture in a thousand.
    words : The reason as a sentence.
    """

    column: str
    value: float
    direction: Literal["high", "low", "yes", "no"]
    kind: Kind
    low: float | None
    high: float | None
    expected: float | None
    surprise: float
    words: str


def explain(model: TailModel, values: Matrix, scores: RowScores, row: int, cut: float) -> list[Reason]:
    """Up to five reasons of a row, most important first.

    Parameters
    ----------
    model : The fitted model.
    values : (n, columns) as ``TailModel.score`` took them.
    scores : What it answered.
    row : Which of the n rows.
    cut : Surprise in nats from which a part of the score counts as a reason.
    """
    parts: dict[Kind, float] = {
        "single": float(scores.single[row]),
        "combination": float(scores.combination[row]),
        "rare": float(scores.rare[row]),
    }
    winner = max(parts, key=lambda kind: parts[kind])
    cut = min(cut, parts[winner])
    found: list[Reason] = []
    named: list[int] = []
    for kind in sorted(parts, key=lambda k: k != winner):
        if parts[kind] < cut:
            continue
        for position in _positions(model, values, scores, row, kind, cut):
            if len(found) == MAX_REASONS:
                return found
            if position in named or (kind != "combination" and _echoes(model, position, named)):
                continue
            named.append(position)
            found.append(_reason(model, values, scores, row, position, kind))
    return found


def _positions(model: TailModel, values: Matrix, scores: RowScores, row: int, kind: Kind, cut: float) -> Iterator[int]:
    """Columns that make up a part of the score, most important first."""
    first = len(model.measures)
    cells = np.abs(scores.cells[row])
    if kind == "single":
        # what the largest cell lost on its way to the row's score, the others lose too
        lost = cells.max() - scores.single[row]
        for position in np.argsort(-cells, kind="stable"):
            if cells[position] - lost < cut - 1e-9:
                return
            yield int(position)
    elif kind == "rare":
        for position in first + np.argsort(-cells[first:], kind="stable"):
            if cells[position] < 1.0:
                return
            yield int(position)
    else:
        terms = scores.normal[row] * scores.pull[row]
        total, carried = terms.sum(), 0.0
        for position in np.argsort(-terms, kind="stable"):
            if carried >= _CARRIED * total or terms[position] <= 0:
                return
            carried += terms[position]
            yield int(position)


def _echoes(model: TailModel, position: int, named: list[int]) -> bool:
    """Whether a column moves with one already named."""
    count = len(model.measures)
    return position < count and any(
        other < count and abs(model.correlation[position, other]) > _ECHO for other in named
    )


def _reason(model: TailModel, values: Matrix, scores: RowScores, row: int, position: int, kind: Kind) -> Reason:
    value = float(values[row, position])
    cell = float(scores.cells[row, position])
    count = len(model.measures)
    if position >= count:
        flag = model.flags[position - count]
        answer: Literal["yes", "no"] = "yes" if value > 0.5 else "no"
        words = f"{flag.feature.title}: {answer}, as in {_frequency(abs(cell))} pictures."
        return Reason(flag.feature.name, value, answer, "rare", None, None, None, abs(cell) / log(10), words)
    measure = model.measures[position]
    low, high = _usual(measure)
    if kind == "combination":
        pull = float(scores.pull[row, position])
        suggested = float(scores.normal[row, position]) - pull / float(model.precision[position, position])
        expected = _value(measure, suggested)
        written = f"{measure.feature.title} is {_write(value, measure.feature)}"
        if float(model.precision[position, position]) > _DEPENDENT:
            side = "higher" if pull > 0 else "lower"
            words = f"{written}: {side} than the other measures suggest (about {_write(expected, measure.feature)})."
        else:
            words = f"{written}: one of several measures off at once ({_range(measure)})."
        direction: Literal["high", "low"] = "high" if pull > 0 else "low"
        return Reason(measure.feature.name, value, direction, kind, low, high, expected, abs(cell) / log(10), words)
    direction = "high" if cell > 0 else "low"
    words = (
        f"{measure.feature.title} is {_write(value, measure.feature)}: as {direction} as in {_frequency(abs(cell))} "
        f"pictures ({_range(measure)})."
    )
    return Reason(measure.feature.name, value, direction, "single", low, high, None, abs(cell) / log(10), words)


def _range(measure: Measure) -> str:
    low, high = _usual(measure)
    return f"usual: {_write(low, measure.feature)} to {_write(high, measure.feature)}"


def _usual(measure: Measure) -> tuple[float, float]:
    low, high = np.interp([0.05, 0.95], LEVELS, measure.quantiles)
    return float(low), float(high)


def _value(measure: Measure, score: float) -> float:
    return float(np.interp(NormalDist().cdf(score), LEVELS, measure.quantiles))


def _frequency(surprise: float) -> str:
    if surprise > log(_RAREST):
        return "fewer than 1 in 1,000,000"
    times = max(2.0, exp(surprise))
    digits = 10 ** (len(str(int(times))) - 1)
    rounded = round(times / digits) * digits if times >= 10 else round(times)
    return f"1 in {rounded:,.0f}"


def _write(value: float, feature: Feature) -> str:
    unit = f" {feature.unit}" if feature.unit in ("px", "deg", "bits", "bytes") else ""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{text}{unit}"
