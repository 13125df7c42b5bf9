"""Whether a limit fails one group of pictures more often than the others, beyond chance, however many are compared."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import erfc, sqrt

import numpy as np

from bqat_pipeline.requirements.evaluate import OVERALL
from bqat_pipeline.requirements.tally import GroupScore, Scorecard, wilson

# Beside the names of requirements: rows without a measured face, of all rows of the group.
UNMEASURED = "unmeasured"
CERTAIN = 0.05  # chance of one false difference or more among all that are compared
LEAST = 0.02  # smaller differences are not worth a word, however certain
# Expected pictures in each of the four cells from which the normal distribution is as good as the exact one.
_MANY = 1000
_FAR = 100  # standard deviations (and pictures) from the expected number, beyond which nothing is added up


@dataclass(frozen=True, slots=True)
class GroupRate:
    """How often a group fails a requirement, beside all other groups of the column.

    Attributes
    ----------
    column, group : The group.
    requirement : Name in the rule set, ``overall`` (any required one) or ``unmeasured``.
    failed, assessed : Pictures of the group.
    others_failed, others_assessed : Pictures of the other groups together.
    p_value : Fisher's exact test, two-sided; 1 where there is nothing to compare.
    adjusted : The same for the number of comparisons (Holm), 0..1.
    """

    column: str
    group: str
    requirement: str
    failed: int
    assessed: int
    others_failed: int
    others_assessed: int
    p_value: float
    adjusted: float = 1.0

    @property
    def rate(self) -> float | None:
        """Share of the group that fails, 0..1."""
        return self.failed / self.assessed if self.assessed else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % Wilson interval of the rate."""
        return wilson(self.failed, self.assessed)

    @property
    def difference(self) -> float | None:
        """Rate less that of the others, -1..1."""
        if not self.assessed or not self.others_assessed:
            return None
        return self.failed / self.assessed - self.others_failed / self.others_assessed

    @property
    def differs(self) -> bool:
        """Whether the difference is at least two percentage points and more than chance."""
        return self.difference is not None and abs(self.difference) >= LEAST and self.adjusted < CERTAIN


@dataclass(frozen=True)
class GroupComparison:
    """Rates of all groups of all columns, and how many comparisons they were adjusted for."""

    rates: tuple[GroupRate, ...]
    comparisons: int

    @property
    def differences(self) -> list[GroupRate]:
        """Those that differ, the largest difference first."""
        found = [rate for rate in self.rates if rate.differs]
        return sorted(found, key=lambda rate: -abs(rate.difference or 0.0))


def compare_groups(
    cards: Iterable[Scorecard], *, shown: Callable[[GroupScore], bool] = lambda group: True, no_value: str = ""
) -> GroupComparison:
    """Failure rates of each group against the other groups of its column, for each requirement.

    Fisher's exact test (for many pictures its normal limit), adjusted by Holm's method (Scand. J. Statist. 6, 1979,
    65-70) over everything that is compared: if no limit treats any group otherwise, the chance that anything is marked
    is at most 5 %. Requirements that nobody fails, or everybody, cannot show a difference and are not counted (Tarone,
    Biometrics 46, 1990, 515-522).

    Parameters
    ----------
    cards : Scorecards of one rule set, each with the groups of a column.
    shown : Groups that are compared; all others count among the others.
    no_value : Group of the pictures of which the column says nothing; it is left out.
    """
    rates: list[GroupRate] = []
    counted: list[int] = []
    for card in cards:
        groups = [group for group in card.groups if group.group != no_value]
        for requirement in (UNMEASURED, OVERALL, *card.requirements):
            counts = [_counts(group, requirement) for group in groups]
            first = len(rates)
            rates += [
                _rate(str(card.group_by), group.group, requirement, own, counts)
                for group, own in zip(groups, counts, strict=True)
                if shown(group)
            ]
            failed, assessed = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
            if 0 < failed < assessed and len(groups) > 1:
                # Of two groups each is the other's other: one comparison.
                counted += range(first, min(first + 1, len(rates)) if len(groups) == 2 else len(rates))
    adjusted = dict(zip(counted, holm([rates[place].p_value for place in counted]), strict=True))
    of_pair = {_pair(rates[place]): value for place, value in adjusted.items()}
    return GroupComparison(
        tuple(
            replace(rate, adjusted=adjusted.get(place, of_pair.get(_pair(rate), 1.0)))
            for place, rate in enumerate(rates)
        ),
        len(counted),
    )


def fisher(failed: int, assessed: int, others_failed: int, others_assessed: int) -> float:
    """Two-sided p value of Fisher's exact test of two shares; its normal limit with continuity correction for many."""
    total, bad = assessed + others_assessed, failed + others_failed
    if not assessed or not others_assessed or not 0 < bad < total:
        return 1.0
    expected = assessed * bad / total
    deviation = sqrt(expected * (total - bad) / total * others_assessed / (total - 1))
    if min(assessed, others_assessed) * min(bad, total - bad) / total >= _MANY:
        return erfc(max(0.0, abs(failed - expected) - 0.5) / deviation / sqrt(2))
    reach = int(_FAR * (deviation + 1))
    if abs(failed - expected) >= reach - 1:
        return 0.0
    low = max(0, bad - others_assessed, int(expected) - reach)
    high = min(assessed, bad, int(expected) + reach)
    k = np.arange(low, high, dtype=np.float64)
    # Ratios of neighbours of the hypergeometric distribution: no factorials, whatever the counts.
    steps = np.log((assessed - k) * (bad - k)) - np.log((k + 1) * (others_assessed - bad + k + 1))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    weights = np.exp(logs - logs.max())
    as_rare = weights <= weights[failed - low] * (1 + 1e-7)
    return min(1.0, float(weights[as_rare].sum() / weights.sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, step by step from the smallest."""
    order = np.argsort(p_values, kind="stable")
    steps = np.array(p_values, np.float64)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return [float(value) for value in adjusted]


def _counts(group: GroupScore, requirement: str) -> tuple[int, int]:
    """Failed and assessed pictures."""
    if requirement == UNMEASURED:
        return group.rows - group.measured, group.rows
    tally = group.overall if requirement == OVERALL else group.requirements[requirement]
    return tally.failed, tally.assessed


def _rate(
    column: str, group: str, requirement: str, own: tuple[int, int], counts: Sequence[tuple[int, int]]
) -> GroupRate:
    failed = sum(count[0] for count in counts) - own[0]
    assessed = sum(count[1] for count in counts) - own[1]
    return GroupRate(column, group, requirement, *own, failed, assessed, fisher(*own, failed, assessed))


def _pair(rate: GroupRate) -> tuple[object, ...]:
    """The comparison of a group with its others, the same from either side."""
    sides = ((rate.failed, rate.assessed), (rate.others_failed, rate.others_assessed))
    return rate.column, rate.requirement, *sorted(sides)
