"""Failure rates of each requirement by groups of people: whether a limit is unfair on this data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bqat_pipeline.report import formatting
from bqat_pipeline.report.by_group_document import ByGroup, ColumnOfGroups, GroupFailures, RequirementByGroup
from bqat_pipeline.report.rates import rate
from bqat_pipeline.requirements import OVERALL, RuleSet, Scorecard, wilson
from bqat_pipeline.requirements.group_differences import UNMEASURED, GroupRate, compare_groups
from bqat_pipeline.requirements.tally import GroupScore

_MOST_SENTENCES = 20
# Columns of by_group.csv.
BY_GROUP = (
    *("column", "group", "requirement", "severity", "failed", "assessed"),
    *("fail_rate", "fail_rate_low", "fail_rate_high", "difference", "p_value", "differs"),
)


def by_group(
    cards: Sequence[Scorecard], rules: RuleSet, *, min_group: int, max_groups: int, no_value: str
) -> ByGroup | None:
    """Failure rates by the columns of the metadata table; None without a column of two groups.

    Parameters
    ----------
    cards : A scorecard for each column.
    min_group : Groups with fewer measured pictures are not shown.
    max_groups : Most groups shown of a column, the largest.
    no_value : The group of pictures that the table says nothing about.
    """
    cards = [card for card in cards if sum(group.group != no_value for group in card.groups) > 1]
    parts = [_Parts.of(card, min_group, max_groups, no_value) for card in cards]
    shown = {id(group) for part in parts for group in part.shown}
    if not shown:
        return None
    found = compare_groups(cards, shown=lambda group: id(group) in shown, no_value=no_value)
    rates = {(r.column, r.group, r.requirement): r for r in found.rates}
    titles = {UNMEASURED: "No measured face", OVERALL: "Any required limit"} | {
        r.name: r.title for r in rules.requirements
    }
    severities = {r.name: r.severity for r in rules.requirements}

    def line(column: str, groups: Sequence[GroupScore], name: str) -> RequirementByGroup:
        failures = [_failures(rates[column, group.group, name]) for group in groups]
        return RequirementByGroup(name=name, title=titles[name], severity=severities.get(name, ""), groups=failures)

    # Of two groups the other one says the same the other way round.
    pairs = {part.column for part in parts if len(part.shown) == 2 and not part.small}
    told = [r for r in found.differences if r.column not in pairs or (r.difference or 0.0) > 0]
    return ByGroup(
        columns=[
            ColumnOfGroups(
                column=part.column,
                groups=[group.group for group in part.shown],
                measured=[group.measured for group in part.shown],
                requirements=[line(part.column, part.shown, name) for name in titles],
                small=len(part.small),
                small_files=sum(group.rows for group in part.small),
                more=part.more,
                unknown_files=part.unknown_files,
                undetected=part.undetected,
            )
            for part in parts
            if part.shown
        ],
        comparisons=found.comparisons,
        differing=len(found.differences),
        sentences=[_sentence(r, titles[r.requirement]) for r in told[:_MOST_SENTENCES]],
    )


@dataclass(frozen=True)
class _Parts:
    """Groups of a column: shown, too small, beyond the most that are shown."""

    column: str
    shown: list[GroupScore]
    small: list[GroupScore]
    more: int
    unknown_files: int

    @classmethod
    def of(cls, card: Scorecard, min_group: int, max_groups: int, no_value: str) -> "_Parts":
        known = [group for group in card.groups if group.group != no_value]
        large = [group for group in known if group.measured >= min_group]
        return cls(
            str(card.group_by),
            large[:max_groups],
            [group for group in known if group.measured < min_group],
            len(large[max_groups:]),
            sum(group.rows for group in card.groups if group.group == no_value),
        )

    @property
    def undetected(self) -> float:
        """Failure rate that the smallest group may have although nobody of it fails."""
        interval = wilson(0, min(group.measured for group in self.shown))
        return interval[1] if interval else 1.0


def _failures(found: GroupRate) -> GroupFailures:
    side: Literal["more", "less", ""] = "" if not found.differs else "more" if (found.difference or 0) > 0 else "less"
    return GroupFailures(
        group=found.group,
        failed=rate(found.failed, found.assessed),
        difference=found.difference,
        p_value=found.adjusted,
        differs=side,
    )


def _sentence(found: GroupRate, title: str) -> str:
    what = "have no measured face" if found.requirement == UNMEASURED else f"fail {title[:1].lower()}{title[1:]}"
    here = _share(found.failed, found.assessed)
    others = _share(found.others_failed, found.others_assessed)
    return f"{found.column} {found.group}: {here} {what}, of the others {others}."


def _share(failed: int, assessed: int) -> str:
    share = formatting.percent(failed / assessed if assessed else None)
    return f"{share} ({formatting.count(failed)} of {formatting.count(assessed)})"


def by_group_rows(found: ByGroup) -> list[tuple[Any, ...]]:
    """Lines of by_group.csv, as ``BY_GROUP`` names their cells."""
    return [
        (
            *(c.column, g.group, r.name, r.severity, g.failed.count, g.failed.total),
            *(g.failed.value, g.failed.low, g.failed.high, g.difference, g.p_value, g.differs),
        )
        for c in found.columns
        for r in c.requirements
        for g in r.groups
    ]
