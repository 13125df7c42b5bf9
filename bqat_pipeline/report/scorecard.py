"""Where a data set stands: what became of its files, the verdict, the scorecard."""

from collections.abc import Callable, Mapping, Sequence

from bqat_pipeline.columns import MEASURED, STATUSES, ColumnSet
from bqat_pipeline.report import formatting
from bqat_pipeline.report.aggregates import Aggregates
from bqat_pipeline.report.document import (
    DatasetVerdict,
    GroupRow,
    GroupTable,
    Outcomes,
    RequirementResult,
    RuleSetResult,
    StatusCount,
)
from bqat_pipeline.report.inputs import ReportOptions
from bqat_pipeline.report.measures import Measure
from bqat_pipeline.report.rates import change, rate
from bqat_pipeline.report.sketch import Sketch
from bqat_pipeline.report.standing import percentiles
from bqat_pipeline.requirements import Requirement, RuleSet, Scorecard, Tally
from bqat_pipeline.requirements.tally import GroupScore

_CAUSES = 3


def outcomes(tally: Tally) -> Outcomes:
    """A tally with its intervals."""
    return Outcomes(
        passed=tally.passed,
        borderline=tally.borderline,
        failed=tally.failed,
        not_assessed=tally.not_assessed,
        pass_rate=rate(tally.passed, tally.assessed),
        fail_rate=rate(tally.failed, tally.assessed),
    )


def statuses(aggregates: Aggregates) -> list[StatusCount]:
    """Files by status, those that were measured first; statuses that do not occur are left out."""
    counts = dict(aggregates.scorecard.unmeasured)
    several = sum(n for (status, _), n in aggregates.reasons.items() if status == "multiple_faces")
    counts["multiple_faces"] = several
    counts["ok"] = aggregates.scorecard.measured - several
    return [
        StatusCount(
            status=status,
            meaning=STATUSES.get(status, status),
            count=counts[status],
            share=rate(counts[status], aggregates.rows),
            measured=status in MEASURED,
        )
        for status in dict.fromkeys([*STATUSES, *counts])
        if counts.get(status)
    ]


def dataset_verdict(aggregates: Aggregates, rules: RuleSet) -> DatasetVerdict:
    """The verdict on the data set."""
    card = aggregates.scorecard
    overall = outcomes(card.overall)
    return DatasetVerdict(
        profile=rules.name,
        profile_title=rules.title,
        profile_version=rules.version,
        profile_description=" ".join(rules.description.split()),
        profile_digest=rules.digest,
        not_covered=list(rules.not_covered),
        files=card.rows,
        measured=card.measured,
        usable=rate(card.measured, card.rows),
        outcomes=overall,
        headline=_headline(card, overall),
        causes=_causes(card),
        advice=aggregates.shortfall.sentences() if aggregates.shortfall else [],
        rule_sets=[
            RuleSetResult(name=s.name, title=s.title, chosen=s.chosen, outcomes=outcomes(s.overall))
            for s in aggregates.rule_sets
        ],
    )


def _headline(card: Scorecard, overall: Outcomes) -> str:
    if not card.rows:
        return "The data set holds no files."
    if not card.measured:
        return "No face could be measured in any of the files."
    if overall.pass_rate.value is None:
        return "None of the pictures could be assessed against this profile."
    return (
        f"{formatting.percent(overall.pass_rate.value)} of {formatting.plural(overall.assessed, 'assessed picture')} "
        f"meet every required limit, {formatting.percent(overall.fail_rate.value)} miss at least one; "
        "the rest lie too close to a limit to tell."
    )


def _causes(card: Scorecard) -> list[str]:
    """The requirements that most pictures miss, in words."""
    required = [r for r in card.rules.requirements if r.severity == "required"]
    ranked = sorted(required, key=lambda r: -card.requirements[r.name].failed)
    return [_cause(r, card) for r in ranked[:_CAUSES] if card.requirements[r.name].failed]


def _cause(requirement: Requirement, card: Scorecard) -> str:
    tally = card.requirements[requirement.name]
    text = f"{requirement.title}: {formatting.plural(tally.failed, 'picture')} ({formatting.percent(tally.fail_rate)})"
    return text if requirement.measured.boolean else f"{text}, limit {formatting.tidy(requirement.limit)}"


def scorecard(
    card: Scorecard,
    columns: ColumnSet,
    measures: Sequence[Measure],
    before: Scorecard | None = None,
    sketches: Mapping[str, Sketch] | None = None,
) -> list[RequirementResult]:
    """One line for each requirement, in the order of the rule set, with the change since another scorecard.

    Parameters
    ----------
    sketches : Distributions by measure, for percentiles.
    """
    shown = {requirement.name: measure.name for measure in measures for requirement in measure.requirements}
    lines = [_line(card, r, columns, shown.get(r.name, ""), before) for r in card.rules.requirements]
    return [
        _with_percentiles(line, r, (sketches or {}).get(line.measure))
        for line, r in zip(lines, card.rules.requirements, strict=True)
    ]


def _with_percentiles(line: RequirementResult, requirement: Requirement, sketch: Sketch | None) -> RequirementResult:
    own = percentiles(sketch) if sketch is not None else None
    if own is None:
        return line
    words = " · ".join(f"{value:{requirement.format}}" for value in own.values())
    return line.model_copy(update={**own, "own": formatting.tidy(words)})


def _line(
    card: Scorecard, r: Requirement, columns: ColumnSet, measure: str, before: Scorecard | None
) -> RequirementResult:
    column = columns.get(measure)
    result = outcomes(card.requirements[r.name])
    tally = before.requirements.get(r.name) if before else None
    earlier = outcomes(tally).pass_rate if tally else None
    return RequirementResult(
        name=r.name,
        title=r.title,
        measure=measure,
        description=r.measured.description,
        clause=column.clause if column else "",
        unit=r.measured.unit,
        low=r.min,
        high=r.max,
        band=r.band,
        limit=r.limit,
        severity=r.severity,
        source=r.source,
        certainty=r.certainty,
        outcomes=result,
        before=earlier,
        change=change(result.pass_rate, earlier) if earlier else None,
    )


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
    titles = {r.name: r.title for r in card.rules.requirements if r.severity == "required"}
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
