"""Pass rates by folder or by a column of the metadata CSV."""

from collections.abc import Callable

from bqat_pipeline.report.document import GroupRow, GroupTable
from bqat_pipeline.report.options import ReportOptions
from bqat_pipeline.report.standing import outcomes
from bqat_pipeline.requirements import Scorecard
from bqat_pipeline.requirements.tally import GroupScore

_GAP = 0.02  # smaller differences are not worth a word
_WIDE = 0.2  # an interval wider than 20 percentage points is marked


def group_table(
    card: Scorecard, title: str, options: ReportOptions, name_of: Callable[[str], str] = str
) -> GroupTable | None:
    """One table, largest groups first; None when there is only one group.

    Parameters
    ----------
    card : Scorecard with groups.
    title : Name of the grouping for people.
    name_of : How a group's name is shown.
    """
    if len(card.groups) < 2:
        return None
    large = [g for g in card.groups if g.measured >= options.min_group]
    small = [g for g in card.groups if g.measured < options.min_group]
    shown, more = large[: options.max_groups], large[options.max_groups :]
    return GroupTable(
        column=card.group_by or "",
        title=title,
        groups=[_row(g, card, name_of) for g in shown],
        small=len(small),
        small_files=sum(g.rows for g in small),
        more=len(more),
        more_files=sum(g.rows for g in more),
        ungrouped=card.ungrouped,
    )


def _row(group: GroupScore, card: Scorecard, name_of: Callable[[str], str]) -> GroupRow:
    result = outcomes(group.overall)
    titles = {r.name: r.title for r in card.profile.requirements if r.severity == "required"}
    rates = {
        name: (tally.fail_rate or 0.0, card.requirements[name].fail_rate or 0.0)
        for name, tally in group.requirements.items()
        if tally.assessed and name in titles
    }
    fault = max(rates, key=lambda name: rates[name][0], default=None)
    gap = max(rates, key=lambda name: rates[name][0] - rates[name][1], default=None)
    low, high = result.pass_rate.low, result.pass_rate.high
    has_fault = fault is not None and rates[fault][0] > 0
    has_gap = gap is not None and rates[gap][0] - rates[gap][1] >= _GAP
    return GroupRow(
        name=name_of(group.group),
        files=group.rows,
        measured=group.measured,
        outcomes=result,
        wide=low is not None and high is not None and high - low > _WIDE,
        main_fault=titles[fault] if fault and has_fault else "",
        main_fault_rate=rates[fault][0] if fault and has_fault else None,
        widest_gap=titles[gap] if gap and has_gap else "",
        gap=rates[gap][0] - rates[gap][1] if gap and has_gap else None,
    )
