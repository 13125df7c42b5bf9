"""Verdicts: a row or a batch of face profiles against a rule set.

A value is compared with its limits under the uncertainty of its measurement (``band``)::

        fail    | borderline | pass       pass | borderline |    fail
    ────────────┼──── min ───┼────────···──────┼──── max ───┼────────────
             min-band     min+band          max-band     max+band

Overall: ``fail`` when a required one fails, else ``not_assessed`` when a required one could not be judged,
else ``borderline``, else ``pass``. Recommended ones only add reasons, informative ones nothing.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10, nan
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.requirements.quantities import Quantity, Values, quantity, stand_in
from bqat_pipeline.requirements.rule_set import Requirement, RuleSet

Outcome = Literal["pass", "borderline", "fail", "not_assessed"]
# Codes in arrays are positions in this tuple.
OUTCOMES: tuple[Outcome, ...] = ("pass", "borderline", "fail", "not_assessed")
PASS, BORDERLINE, FAIL, NOT_ASSESSED = range(4)
# Key of the overall verdict in the result of evaluate_batch; no requirement may have this name.
OVERALL = "overall"
MAX_REASONS = 5

Codes = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of one row.

    Attributes
    ----------
    overall : ``pass``, ``borderline``, ``fail`` or ``not_assessed``.
    results : Requirement name to outcome, in the order of the rule set.
    reasons : Up to five sentences that say what to change, most important first.
    """

    overall: Outcome
    results: dict[str, Outcome]
    reasons: tuple[str, ...]


def evaluate_row(rules: RuleSet, row: Mapping[str, Any]) -> Verdict:
    """Verdict of one face profile.

    Parameters
    ----------
    rules : Limits.
    row : Column name to value; missing and null ones make their requirements ``not_assessed``. Rows whose
        ``status`` is not in ``MEASURED`` are not assessed at all.
    """
    if row.get("status", MEASURED[0]) not in MEASURED:
        return Verdict("not_assessed", dict.fromkeys((r.name for r in rules.requirements), "not_assessed"), ())
    values = quantity_values(rules, row)
    codes = {r.name: outcome_code(r, values[r.name]) for r in rules.requirements}
    required = {codes[r.name] for r in rules.requirements if r.severity == "required"}
    return Verdict(
        OUTCOMES[next((code for code in (FAIL, NOT_ASSESSED, BORDERLINE) if code in required), PASS)],
        {name: OUTCOMES[code] for name, code in codes.items()},
        _reasons(rules, {n: [c] for n, c in codes.items()}, {n: [v] for n, v in values.items()}),
    )


def quantity_values(rules: RuleSet, row: Mapping[str, Any]) -> dict[str, float]:
    """Value of each requirement's quantity in one row, by the requirement's name; NaN where it is not known."""
    numbers = {name: _number(_lookup(row, name)) for name in rules.columns}
    return {r.name: _computed(r.measured, [numbers[name] for name in r.measured.columns]) for r in rules.requirements}


def row_value(row: Mapping[str, Any], name: str) -> float:
    """Value of a quantity in one row, NaN where it is not known; computed from others where the row lacks it."""
    found = quantity(name)
    return _computed(found, [_number(_lookup(row, column)) for column in found.columns])


def _computed(found: Quantity, numbers: list[float]) -> float:
    if len(numbers) == 1:
        return numbers[0]
    with np.errstate(all="ignore"):
        return float(found.compute(*(np.array([number]) for number in numbers))[0])


def evaluate_batch(rules: RuleSet, batch: pa.RecordBatch) -> dict[str, Codes]:
    """Outcome codes (n,) int8 by requirement name, and under ``overall``; ``OUTCOMES[code]`` is the outcome.

    Equal to ``evaluate_row`` on every row. Columns that the batch lacks make their requirements ``not_assessed``;
    a batch without ``status`` counts as measured.
    """
    return judged_values(rules, batch)[0]


def judge_batch(rules: RuleSet, batch: pa.RecordBatch) -> tuple[list[Outcome], list[list[str]]]:
    """Overall outcome and reasons of each row, equal to those of ``evaluate_row`` but many times faster."""
    codes, values = judged_values(rules, batch)
    overall = codes[OVERALL]
    with_reasons = np.zeros(batch.num_rows, bool)
    for requirement in rules.requirements:
        with_reasons |= np.isin(codes[requirement.name], (BORDERLINE, FAIL))
    reasons: list[list[str]] = [[] for _ in range(batch.num_rows)]
    # Lists, because reading single numbers of an array is slow.
    code_lists = {name: code.tolist() for name, code in codes.items()}
    value_lists = {name: value.tolist() for name, value in values.items()}
    for row in np.flatnonzero(with_reasons).tolist():
        reasons[row] = list(_reasons(rules, code_lists, value_lists, row))
    return [OUTCOMES[code] for code in overall], reasons


def judged_values(rules: RuleSet, batch: pa.RecordBatch) -> tuple[dict[str, Codes], dict[str, Values]]:
    """What ``evaluate_batch`` says, and the values (n,) float64 that it is said of, by requirement name."""
    values = _values(rules, {name: _column(batch, name) for name in rules.columns})
    unmeasured = _unmeasured(batch)
    codes: dict[str, Codes] = {}
    for requirement in rules.requirements:
        code = outcome_codes(requirement, values[requirement.name])
        code[unmeasured] = NOT_ASSESSED
        codes[requirement.name] = code
    overall = _overall(rules, codes, batch.num_rows)
    overall[unmeasured] = NOT_ASSESSED
    return {**codes, OVERALL: overall}, values


def needed_columns(rules: RuleSet, available: list[str]) -> list[str]:
    """The columns among those available that ``evaluate_batch`` reads."""
    names = ["status"]
    for name in rules.columns:
        names += [name] if name in available else [alias for alias in [stand_in(name)] if alias]
    return [name for name in dict.fromkeys(names) if name in available]


# values


def _lookup(row: Mapping[str, Any], name: str) -> Any:
    if name in row:
        return row[name]
    alias = stand_in(name)
    return row.get(alias) if alias else None


def _number(value: Any) -> float:
    if isinstance(value, (int, float, np.number, np.bool_)):  # bool is an int
        number = float(value)
        return number if isfinite(number) else nan
    return nan


def _column(batch: pa.RecordBatch, name: str) -> Values:
    names = batch.schema.names
    found = name if name in names else stand_in(name)
    if found is None or found not in names:
        return np.full(batch.num_rows, np.nan)
    column = batch.column(found)
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return np.full(batch.num_rows, np.nan)
    values = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(values), values, np.nan)


def _unmeasured(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    if "status" not in batch.schema.names:
        return np.zeros(batch.num_rows, bool)
    inside = pc.is_in(batch.column("status"), value_set=pa.array(MEASURED))
    return ~inside.to_numpy(zero_copy_only=False)


def _values(rules: RuleSet, columns: dict[str, Values]) -> dict[str, Values]:
    with np.errstate(all="ignore"):
        return {
            r.name: np.asarray(r.measured.compute(*(columns[c] for c in r.measured.columns)), np.float64)
            for r in rules.requirements
        }


# outcomes


def outcome_codes(requirement: Requirement, value: Values) -> Codes:
    """Outcome codes (n,) int8 of values (n,) float64 in the unit of the quantity; ``OUTCOMES[code]`` is the outcome."""
    code = np.zeros(value.shape, np.int8)
    low, high, band = requirement.min, requirement.max, requirement.band
    with np.errstate(invalid="ignore"):
        near = np.zeros(value.shape, bool)
        beyond = np.zeros(value.shape, bool)
        if low is not None:
            near |= value < low + band
            beyond |= value < low - band
        if high is not None:
            near |= value > high - band
            beyond |= value > high + band
    code[near] = BORDERLINE
    code[beyond] = FAIL
    code[~np.isfinite(value)] = NOT_ASSESSED
    return code


def outcome_code(requirement: Requirement, value: float) -> int:
    """Outcome code of one value: what ``outcome_codes`` says of it, without arrays, which take many times as long."""
    low, high, band = requirement.min, requirement.max, requirement.band
    if not isfinite(value):
        return NOT_ASSESSED
    if (low is not None and value < low - band) or (high is not None and value > high + band):
        return FAIL
    near = (low is not None and value < low + band) or (high is not None and value > high - band)
    return BORDERLINE if near else PASS


def _overall(rules: RuleSet, codes: Mapping[str, Codes], size: int) -> Codes:
    required = [codes[r.name] for r in rules.requirements if r.severity == "required"]
    overall = np.zeros(size, np.int8)
    for outcome in (BORDERLINE, NOT_ASSESSED, FAIL):  # the last one wins
        for code in required:
            overall[code == outcome] = outcome
    return overall


# reasons


def _reasons(
    rules: RuleSet, codes: Mapping[str, Sequence[int]], values: Mapping[str, Sequence[float]], row: int = 0
) -> tuple[str, ...]:
    ranked = sorted(
        (r for r in rules.requirements if r.severity != "informative" and codes[r.name][row] in (BORDERLINE, FAIL)),
        # The sort is stable: within a rank the order of the rule set stays.
        key=lambda r: (r.severity != "required", codes[r.name][row] != FAIL, bool(_first(rules, r, codes, row))),
    )
    return tuple(reason_sentence(rules, r, values[r.name][row], codes, row) for r in ranked[:MAX_REASONS])


def reason_sentence(
    rules: RuleSet, requirement: Requirement, value: float, codes: Mapping[str, Sequence[int]], row: int = 0
) -> str:
    """The reason why a requirement is failed or borderline: its advice, or what has to be mended before it.

    Parameters
    ----------
    value : Of the requirement's quantity, in its unit.
    codes : Outcome codes of each row, by requirement name.
    """
    first = _first(rules, requirement, codes, row)
    if not first:
        return advice_sentence(requirement, value, borderline=codes[requirement.name][row] == BORDERLINE)
    title = requirement.title[0].upper() + requirement.title[1:]
    found = ", ".join(f"{r.finding} (borderline)" if codes[r.name][row] == BORDERLINE else r.finding for r in first)
    return f"{title}: {_found(requirement, value)}; mend this first: {found}."


def _first(rules: RuleSet, requirement: Requirement, codes: Mapping[str, Sequence[int]], row: int) -> list[Requirement]:
    """The failed or borderline requirements that one yields to."""
    return [r for r in rules.precedence[requirement.name] if codes[r.name][row] in (BORDERLINE, FAIL)]


_SIZE_AND_PLACE = frozenset(
    {
        *("iso_inter_eye_distance", "aux_eye_distance", "aux_head_length_ratio", "aux_head_width_ratio"),
        *("aux_face_position_x", "aux_face_position_y", "aux_image_aspect", "image_width", "image_height"),
    }
)


def advice_sentence(requirement: Requirement, value: float, *, borderline: bool) -> str:
    """A sentence that says what to change about a value outside a limit, or near one.

    A value that is within the limits, nearer to one than the error of its measurement, gets no instruction and no
    finding: most of those who are told "raise the chin" at 1.8 ± 3.7 degrees look straight ahead, and a head of which
    14 % are cut off where 20 % may be is not said to be cut off.

    Parameters
    ----------
    value : In the unit of the quantity.
    borderline : Whether the value is near a limit rather than outside it.
    """
    r = requirement
    # A value between both limits (a borderline one) is compared with the nearer one.
    low_side = r.max is None or (r.min is not None and value - r.min < r.max - value)
    limit = r.min if low_side else r.max
    assert limit is not None
    aim = r.target if r.target is not None else limit
    if borderline and r.target is None:  # a value at the limit would still be borderline
        aim = limit + r.band if low_side else limit - r.band
    template = (r.below if low_side else r.above) or f"{r.title} is too {'low' if low_side else 'high'}"
    amount = _visible(abs(value - aim), template)
    error = r.measured.error
    about = _about(amount, r.measured.unit, error, borderline=borderline)
    advice = template.format(value=value, amount=amount, about=about, min=r.min, max=r.max).rstrip(". ")
    if r.measured.boolean:
        return f"{advice}."
    if borderline:  # nobody can tell whether anything has to change
        within = (r.min is None or value >= r.min) and (r.max is None or value <= r.max)
        if not within:
            advice = f"Perhaps {advice[0].lower()}{advice[1:]}"
        elif r.quantity in _SIZE_AND_PLACE and not error:  # what to do is plain; what follows the colon is a finding
            advice = f"To be sure, {advice[0].lower()}{advice[1:]}".partition(": ")[0]
        else:
            advice = f"Look at the picture: {r.title.lower()} is within the limit, but by less than its error"
    doubt = ", borderline: within the error of the measurement" if error else ", borderline"
    return f"{advice} ({r.title.lower()} {_found(r, value)}{doubt if borderline else ''})."


def _found(requirement: Requirement, value: float) -> str:
    return f"{requirement.written(value)}, limit {requirement.limit}"


_WORDS = {"deg": " degrees", "px": " px", "bits": " bits", "bytes": " bytes"}


def _about(amount: float, unit: str, error: float, *, borderline: bool) -> str:
    """How much to change, in words: ` by about 10 degrees`, or ` a little` where the error is as large as the change.

    The amount is a multiple of 1, 2, 5, 10, 20, ... whichever is the first that is not below the error.
    """
    if error and (borderline or amount <= error):
        return " a little"
    step = _round_number(error) if error else 0.0
    rounded = max(1, round(amount / step)) * step if step else amount
    return f" by about {rounded:.6g}{_WORDS.get(unit, '')}"


def _round_number(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, ... (and 0.5, 0.2, 0.1, ...) that is not below a number above 0."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _visible(amount: float, template: str) -> float:
    """The amount, increased where the template would round it to 0, so that no advice asks for 0 px."""
    for _, field, spec, _ in string.Formatter().parse(template):
        if field != "amount":
            continue
        for step in (0.001, 0.01, 0.1, 1.0):
            if any(digit in "123456789" for digit in format(amount, spec or "")):
                break
            amount = step
    return amount
