"""Where a data set stands: what became of its files, the verdict, the scorecard."""

from collections.abc import Sequence

from bqat_pipeline.columns import MEASURED, STATUSES, ColumnSet
from bqat_pipeline.report import words
from bqat_pipeline.report.aggregates import Aggregates
from bqat_pipeline.report.document import Outcomes, RequirementResult, Standing, StatusCount
from bqat_pipeline.report.measures import Measure
from bqat_pipeline.report.rates import change, rate
from bqat_pipeline.requirements import Profile, Requirement, Scorecard, Tally

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


def standing(aggregates: Aggregates, profile: Profile) -> Standing:
    """The verdict on the data set as a whole."""
    card = aggregates.scorecard
    overall = outcomes(card.overall)
    return Standing(
        profile=profile.name,
        profile_title=profile.title,
        profile_version=profile.version,
        profile_description=" ".join(profile.description.split()),
        profile_digest=profile.digest,
        not_covered=list(profile.not_covered),
        files=card.rows,
        measured=card.measured,
        usable=rate(card.measured, card.rows),
        outcomes=overall,
        headline=_headline(card, overall),
        causes=_causes(card),
    )


def _headline(card: Scorecard, overall: Outcomes) -> str:
    if not card.rows:
        return "The data set holds no files."
    if not card.measured:
        return "No face could be measured in any of the files."
    if overall.pass_rate.value is None:
        return "None of the pictures could be assessed against this profile."
    return (
        f"{words.percent(overall.pass_rate.value)} of {words.plural(overall.assessed, 'assessed picture')} "
        f"meet every required limit, {words.percent(overall.fail_rate.value)} miss at least one; "
        "the rest lie too close to a limit to tell."
    )


def _causes(card: Scorecard) -> list[str]:
    """The requirements that most pictures miss, in words."""
    required = [r for r in card.profile.requirements if r.severity == "required"]
    ranked = sorted(required, key=lambda r: -card.requirements[r.name].failed)
    return [_cause(r, card) for r in ranked[:_CAUSES] if card.requirements[r.name].failed]


def _cause(requirement: Requirement, card: Scorecard) -> str:
    tally = card.requirements[requirement.name]
    text = f"{requirement.title}: {words.plural(tally.failed, 'picture')} ({words.percent(tally.fail_rate)})"
    return text if requirement.measured.boolean else f"{text}, limit {words.tidy(requirement.limit)}"


def scorecard(
    card: Scorecard, columns: ColumnSet, measures: Sequence[Measure], before: Scorecard | None = None
) -> list[RequirementResult]:
    """One line for each requirement, in the order of the profile, with the change since another scorecard."""
    shown = {requirement.name: measure.name for measure in measures for requirement in measure.requirements}
    return [_line(card, r, columns, shown.get(r.name, ""), before) for r in card.profile.requirements]


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
