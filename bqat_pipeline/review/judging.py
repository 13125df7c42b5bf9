"""All rows of a generation against a rule set: outcome of each requirement, verdict, and how bad a picture is."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bqat_pipeline.datasets.operators import Mask, Numbers
from bqat_pipeline.requirements import OUTCOMES, OVERALL, Requirement, RuleSet, evaluate_batch, judge_batch
from bqat_pipeline.requirements.evaluate import needed_columns
from bqat_pipeline.requirements.quantities import Quantity, stand_in
from bqat_pipeline.review.profile_columns import ProfileColumns, Rows

Codes = NDArray[np.int8]

FAIL, NOT_ASSESSED = OUTCOMES.index("fail"), OUTCOMES.index("not_assessed")
_BATCH = 65_536
# Rank of a picture that could not be used at all: worse than any number of failures.
_UNUSABLE = 255


@dataclass(frozen=True)
class Judgement:
    """What a rule set says of every row.

    Attributes
    ----------
    rules : The limits.
    outcomes : Requirement name to (n,) int8 codes in ``OUTCOMES``.
    verdict : (n,) int8 codes in ``OUTCOMES``.
    worst : (n,) rows, the worst first: pictures that cannot be used at all (not measured); then by the number of
        required limits that fail; without a failure those with a required limit that could not be judged, then
        borderline ones, then those that pass. Equal ones by the required limit that is missed most, in units of its
        band (without a band: of its span, else of the limit), or that is nearest; then by row.
    """

    rules: RuleSet
    outcomes: dict[str, Codes]
    verdict: Codes
    worst: Rows = field(repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.verdict.nbytes * (len(self.outcomes) + 1) + self.worst.nbytes

    def with_outcome(self, name: str, outcome: int) -> Mask:
        """(n,) bool, rows in which a requirement has an outcome."""
        return self.outcomes[name] == outcome


def judge(profiles: ProfileColumns, rules: RuleSet) -> Judgement:
    """Judge every row; reads only the columns that are not in memory yet, and measures nothing."""
    names = [name for name in needed_columns(rules, profiles.schema.names) if profiles.is_number(name)]
    columns = profiles.numbers(names)
    outcomes = {r.name: np.full(profiles.rows, NOT_ASSESSED, np.int8) for r in rules.requirements}
    verdict = np.full(profiles.rows, NOT_ASSESSED, np.int8)
    failures = np.zeros(profiles.rows, np.uint8)
    distance = np.full(profiles.rows, -np.inf, np.float32)
    for first in range(0, profiles.rows, _BATCH):
        part = slice(first, min(first + _BATCH, profiles.rows))
        batch = _batch(columns, names, part, part.stop - first)
        measured = profiles.measured[part]
        for name, codes in evaluate_batch(rules, batch).items():
            codes[~measured] = NOT_ASSESSED
            (verdict if name == OVERALL else outcomes[name])[part] = codes
        # Without any of their columns, as in rows of another engine, there is nothing to be far from.
        for requirement in (r for r in rules.requirements if r.severity == "required" and names):
            failures[part] += outcomes[requirement.name][part] == FAIL
            beyond = _beyond(requirement, measure(requirement.measured, columns, part))
            np.fmax(distance[part], beyond.astype(np.float32), out=distance[part])
        profiles.release(names)
    rank = np.array([0, 1, 0, 2], np.uint8)[verdict]  # pass, borderline, fail, not_assessed
    rank[failures > 0] = 2 + np.minimum(failures, 250)[failures > 0]
    rank[~profiles.measured] = _UNUSABLE
    distance[~profiles.measured] = 0
    return Judgement(rules, outcomes, verdict, np.lexsort((-distance, -rank.astype(np.int16))).astype(np.int32))


def reasons(profiles: ProfileColumns, rules: RuleSet, rows: Rows) -> list[list[str]]:
    """What to change in each of some pictures, most important first."""
    names = [name for name in needed_columns(rules, profiles.schema.names) if profiles.is_number(name)]
    columns = {name: values[rows] for name, values in profiles.numbers(names).items()}
    profiles.release(names)
    found = judge_batch(rules, _batch(columns, names, slice(0, len(rows)), len(rows)))[1]
    return [why if profiles.measured[row] else [] for row, why in zip(rows.tolist(), found, strict=True)]


def measure(quantity: Quantity, columns: dict[str, Numbers], part: slice = slice(None)) -> Numbers:
    """Values of a quantity from columns (or what stands in for them), NaN where it is unknown."""
    size = len(next(iter(columns.values()))[part]) if columns else 0
    nothing = np.full(size, np.nan)
    sources = [columns.get(name, columns.get(stand_in(name) or name)) for name in quantity.columns]
    with np.errstate(all="ignore"):
        found = quantity.compute(*(nothing if values is None else values[part] for values in sources))
    return np.asarray(found, np.float64)


def _batch(columns: dict[str, Numbers], names: list[str], part: slice, size: int) -> pa.RecordBatch:
    if not names:  # a table of another kind: nothing can be judged
        return pa.record_batch({"row": np.arange(size)})
    return pa.record_batch([pa.array(columns[name][part]) for name in names], names=names)


def _beyond(requirement: Requirement, values: Numbers) -> Numbers:
    """How far each value is beyond the limits, in units of the band; negative within them.

    A limit without a band is met or missed: how nearly it is met says nothing.
    """
    low, high = requirement.min, requirement.max
    span = high - low if low is not None and high is not None else abs(low if low is not None else high or 0)
    unit = requirement.band or span or 1.0
    sides = ([low - values] if low is not None else []) + ([values - high] if high is not None else [])
    found: Numbers = np.max(sides, axis=0) / unit
    if not requirement.band:
        found[found <= 0] = -np.inf
    return found
