"""Why a row is unusual, in values and in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, floor, log
from statistics import NormalDist
from typing import Literal

import numpy as np
import pyarrow as pa

from bqat_pipeline.outliers.matrix import Feature, Matrix
from bqat_pipeline.outliers.surprise import Values, as_surprise
from bqat_pipeline.outliers.tail import LEVELS, Measure, RowScores, TailModel

MAX_REASONS = 5
# Columns tried as the one to blame: the most surprising ones.
_SUSPECTS = 8
# Diagonal of the precision matrix from which the other columns explain more than half of a column's variance.
_DEPENDENT = 2.0
# Share of the pull on a value that one column must have to be named.
_STANDS_OUT = 0.3
# How close to 0 or 1 a share or a probability is no longer written as a number.
_NEARLY = 0.001

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
    expected : For ``combination``: the value that the other columns suggest; None where they suggest none that the set
        has on that side.
    surprise : Of the value (or residual, or combination of answers) by itself, as log10: 3 means one in a thousand.
        From a fitted tail, for the order only.
    words : The reason as a sentence; what it claims was counted among the pictures of the set.
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


def explain(
    model: TailModel, values: Matrix, scores: RowScores, rows: Sequence[int] | np.ndarray, cut: float
) -> list[list[Reason]]:
    """Up to five reasons for each of some rows, most important first.

    Values are blamed in the order in which putting them right (giving them what the row's other values suggest) makes
    the row ordinary soonest. So one wrong value is blamed alone, and not with it all that should agree with it.

    Parameters
    ----------
    model : The fitted model.
    values : (n, columns) as ``TailModel.score`` took them.
    scores : What it answered.
    rows : Which of the n rows.
    cut : Surprise in nats of a row from which it is unusual.
    """
    index = np.asarray(rows, np.int64)
    blamed = _blame(model, values[index], scores.normal[index], cut - scores.single[index] + _top(scores.normal[index]))
    found: list[list[Reason]] = []
    for number, row in enumerate(index):
        measured = [_reason(model, float(values[row, p]), scores, row, p) for p in blamed[number]]
        rare = _rare(model, values[row]) if scores.rare[row] >= min(cut, scores.score[row]) else []
        first = scores.rare[row] > max(scores.single[row], scores.combination[row])
        found.append((rare + measured if first else measured + rare)[:MAX_REASONS])
    return found


def _top(scores: Matrix) -> Values:
    return as_surprise(np.abs(scores).max(axis=1, initial=0.0))


def _blame(model: TailModel, values: Matrix, normal: Matrix, least: Values) -> list[list[int]]:
    """Columns to put right in each row, in order, until no value and no residual is as surprising as ``least``.

    Parameters
    ----------
    values, normal : (n, columns) and (n, measures) of the rows.
    least : (n,) surprise in nats from which a cell makes its row unusual.
    """
    blamed: list[list[int]] = [[] for _ in range(len(normal))]
    count = normal.shape[1]
    if not count:
        return blamed
    missing = np.isnan(values[:, :count])
    current = normal.copy()
    worst, suspects = _suspects(model, current, missing)
    open_rows = np.flatnonzero(worst >= least - 1e-9)
    for _ in range(MAX_REASONS):
        if not open_rows.size:
            break
        tried = suspects[open_rows]
        trial = np.repeat(current[open_rows], tried.shape[1], axis=0)
        at = (np.arange(len(trial)), tried.ravel())
        trial[at] -= model.residuals(trial)[at]
        after, _ = _suspects(model, trial, np.repeat(missing[open_rows], tried.shape[1], axis=0))
        best = after.reshape(tried.shape).argmin(axis=1)
        chosen = tried[np.arange(len(tried)), best]
        for row, position in zip(open_rows, chosen, strict=True):
            if position not in blamed[row]:
                blamed[row].append(int(position))
        current[open_rows] = trial.reshape(*tried.shape, count)[np.arange(len(tried)), best]
        worst, suspects = _suspects(model, current, missing)
        open_rows = open_rows[worst[open_rows] >= least[open_rows] - 1e-9]
    return blamed


def _suspects(model: TailModel, normal: Matrix, missing: Matrix) -> tuple[Values, np.ndarray]:
    """(n,) largest surprise of a value or a residual, and (n, few) columns that may be to blame."""
    residual = np.abs(model.residual_scores(normal))
    residual[missing] = 0.0
    oddness = np.maximum(residual, np.abs(normal))
    few = min(_SUSPECTS, normal.shape[1])
    order = np.argsort(-oddness, axis=1, kind="stable")[:, :few]
    return as_surprise(oddness[np.arange(len(normal)), order[:, 0]]), order


def _rare(model: TailModel, row: Values) -> list[Reason]:
    assert model.patterns is not None
    first = len(model.measures)
    flags = row[first:]
    odd = model.patterns.rare_answers(flags)
    surprise = float(model.patterns.surprise(flags[None])[0])
    reasons = []
    for position in odd:
        value = float(flags[position])
        answer: Literal["yes", "no"] = "yes" if value > 0.5 else "no"
        words = f"{model.flags[position].title}: {answer}"
        if position == odd[0]:
            others = [f"{model.flags[o].title}: {'yes' if flags[o] > 0.5 else 'no'}" for o in odd[1:]]
            words += f", together with {' and '.join(others)}" if others else ""
            words += f", as rare as in {_counted(model, exp(-surprise))}."
        else:
            rate = float(model.patterns.rates[position])
            words += f", by itself as in {_counted(model, rate if value > 0.5 else 1 - rate)}."
        reasons.append(
            Reason(model.flags[position].name, value, answer, "rare", None, None, None, surprise / log(10), words)
        )
    return reasons


def _reason(model: TailModel, value: float, scores: RowScores, row: int, position: int) -> Reason:
    measure = model.measures[position]
    low, high = _usual(measure)
    alone, beside = float(scores.normal[row, position]), float(scores.residual[row, position])
    kind: Kind = "single" if abs(alone) >= abs(beside) else "combination"
    expected = None
    if kind == "combination" and float(model.precision[position, position]) > _DEPENDENT:
        expected = _value(measure, alone - float(model.residuals(scores.normal[row])[position]))
        if (value - expected) * beside <= 0:
            # The columns suggest more than any picture of the set has: there is no such value to write.
            expected = None
            if (alone > 0 and value > high) or (alone < 0 and value < low):
                kind = "single"
    score = alone if kind == "single" else beside
    surprise = float(as_surprise(np.array(score)))
    direction: Literal["high", "low"] = "high" if score > 0 else "low"
    written = f"{measure.feature.title} is {_write(value, measure.feature)}"
    if kind == "single":
        words = f"{written}: {_place(model, measure, value, direction)} ({_range(measure)})."
    elif expected is not None:
        side = "higher" if score > 0 else "lower"
        beside_what = _companion(model, scores.normal[row], position)
        words = f"{written}: {side} than {beside_what} suggest (about {_write(expected, measure.feature)})."
    else:
        words = f"{written}: unusually {direction} beside the other measures ({_range(measure)})."
    return Reason(measure.feature.name, value, direction, kind, low, high, expected, surprise / log(10), words)


def _companion(model: TailModel, normal: Values, position: int) -> str:
    """What a value does not go with: the column that its expected value follows from most, if one stands out."""
    pulls = np.abs(model.precision[:, position] * normal)
    pulls[position] = 0.0
    largest = int(pulls.argmax())
    if pulls[largest] < _STANDS_OUT * pulls.sum():
        return "the other measures"
    return f"{model.measures[largest].feature.title} and the other measures"


def _range(measure: Measure) -> str:
    low, high = (_write(value, measure.feature) for value in _usual(measure))
    return f"usual: {low}" if low == high else f"usual: {low} to {high}"


def _usual(measure: Measure) -> tuple[float, float]:
    low, high = np.interp([0.05, 0.95], LEVELS, measure.quantiles)
    return float(low), float(high)


def _value(measure: Measure, score: float) -> float:
    return float(np.interp(NormalDist().cdf(score), LEVELS, measure.quantiles))


def _place(model: TailModel, measure: Measure, value: float, direction: Literal["high", "low"]) -> str:
    """Where a value lies among those of its column, for example ``lower than 99.4 % of the 343 pictures``.

    Counted: the sentence claims nothing that the pictures do not show.
    """
    ends, higher = measure.extremes, direction == "high"
    side = "higher" if higher else "lower"
    where = " of the set" if model.whole else " of the sample"
    if ends.count < model.rows:
        where += " that have it"
    own = 1 if model.whole else 0  # the picture is one of those that were counted
    as_far = ends.as_far(value, high=higher)
    if as_far <= own:
        return f"{side} than all {ends.count - own:,}{' other' if own else ''} pictures{where}"
    share = (ends.count - as_far) / ends.count
    if share < 0.5:
        return f"unusually {direction}"
    return f"{side} than {_percent(share, ends.count)} of the {ends.count:,} pictures{where}"


def _percent(share: float, count: int) -> str:
    """A share, rounded down to as many digits as the number of pictures allows."""
    digits = 1 if count < 10_000 else 2
    return f"{floor(share * 100 * 10**digits + 1e-9) / 10**digits:.{digits}f} %"


def _counted(model: TailModel, share: float) -> str:
    number = share * model.rows
    # half a picture is how the model counts a combination that it never saw
    seen = "none" if number < 0.75 else f"{round(number):,}"
    return f"{seen} of the {model.rows:,} pictures{'' if model.whole else ' of the sample'}"


def _write(value: float, feature: Feature) -> str:
    """A value with three digits, never as a power of ten; shares and probabilities close to 0 or 1 by a bound."""
    if feature.unit == "0..1" and 0 < value < _NEARLY:
        return f"below {_NEARLY}"
    if feature.unit == "0..1" and 1 - _NEARLY < value < 1:
        return f"above {1 - _NEARLY:g}"
    unit = f" {feature.unit}" if feature.unit in ("px", "deg", "bits", "bytes") else ""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{np.format_float_positional(float(text), trim='-') if 'e' in text else text}{unit}"
