"""The sections of the report in the order of the page: the one list of them. Each has a template of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bqat_pipeline.columns import STATUS_TITLES
from bqat_pipeline.report.aggregates import Aggregates
from bqat_pipeline.report.by_group_document import ByGroup
from bqat_pipeline.report.comparison.differences import Baseline, comparison
from bqat_pipeline.report.distributions import measure_result
from bqat_pipeline.report.document import (
    Caveat,
    Comparison,
    Fact,
    GroupTable,
    MeasureResult,
    Report,
    RequirementResult,
    UnusableGroup,
)
from bqat_pipeline.report.duplicates import DuplicateTable
from bqat_pipeline.report.galleries import worst_pictures
from bqat_pipeline.report.identities import identities
from bqat_pipeline.report.inputs import ReportInputs
from bqat_pipeline.report.metadata import NO_VALUE
from bqat_pipeline.report.metadata.by_group import by_group
from bqat_pipeline.report.outliers import OutlierTable
from bqat_pipeline.report.provenance import caveats, provenance
from bqat_pipeline.report.scorecard import dataset_verdict, group_table, scorecard

EXAMPLES = 8  # file names shown for each reason


@dataclass(frozen=True)
class Counted:
    """What sections are built from: the tables of a data set, read and counted once."""

    inputs: ReportInputs
    found: Aggregates
    outliers: OutlierTable
    duplicates: DuplicateTable
    baseline: Baseline | None
    fingerprint: str


def _scorecard(c: Counted) -> list[RequirementResult]:
    before = c.baseline.aggregates.scorecard if c.baseline else None
    return scorecard(c.found.scorecard, c.inputs.columns, c.inputs.measures, before, c.found.sketches)


def _measures(c: Counted) -> list[MeasureResult]:
    return [measure_result(measure, c.found, c.found.kept_rows, c.inputs.labels) for measure in c.inputs.measures]


def _unusable(c: Counted) -> list[UnusableGroup]:
    found, rows, labels = c.found, c.found.kept_rows, c.inputs.labels
    unmeasured = found.scorecard.unmeasured
    return [
        UnusableGroup(
            status=status,
            code=code,
            title=STATUS_TITLES.get(status, status),
            # A sentence may name the file.
            sentence="" if labels.hashed else found.reason_sentences.get((status, code), ""),
            count=count,
            examples=[labels.picture(rows[row]) for row in found.reason_rows[status, code] if row in rows],
        )
        for (status, code), count in found.reasons.most_common()
        if status in unmeasured
    ]


def _groups(c: Counted) -> list[GroupTable]:
    inputs, found = c.inputs, c.found
    tables = [group_table(found.scorecard, "Folder", inputs.options, inputs.labels.folder)]
    tables += [group_table(card, str(card.group_by), inputs.options) for card in found.by_metadata]
    return [table for table in tables if table is not None]


def _by_group(c: Counted) -> ByGroup | None:
    options = c.inputs.options
    return by_group(
        c.found.by_metadata,
        c.inputs.rules,
        min_group=options.min_compared,
        max_groups=options.max_groups,
        no_value=NO_VALUE,
    )


def _comparison(c: Counted) -> Comparison | None:
    inputs = c.inputs
    return comparison(c.found, c.baseline, inputs.measures, inputs.columns, inputs.manifest) if c.baseline else None


def _provenance(c: Counted) -> list[Fact]:
    inputs = c.inputs
    return provenance(inputs.record, inputs.manifest, inputs.rules, c.fingerprint, show_paths=not inputs.labels.hashed)


def _limits(c: Counted) -> list[Caveat]:
    inputs = c.inputs
    return caveats(inputs.columns, inputs.rules, background=inputs.manifest.background)


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes
    ----------
    name : Of the template.
    anchor : In the page's address; people have links to it.
    title : In the contents.
    field : Of the report, with the numbers.
    build : Makes them.
    optional : Whether the page goes without the section when there are none.
    """

    name: str
    anchor: str
    title: str
    field: str
    build: Callable[[Counted], Any]
    optional: bool = False

    @property
    def template(self) -> str:
        return f"{self.name}.html"


SECTIONS = (
    Section("verdict", "verdict", "Verdict", "standing", lambda c: dataset_verdict(c.found, c.inputs.rules)),
    Section("scorecard", "scorecard", "Scorecard", "scorecard", _scorecard),
    Section("measures", "measures", "Measures", "measures", _measures),
    Section(
        "worst",
        "worst",
        "Worst pictures",
        "worst",
        lambda c: worst_pictures(c.found.worst, c.found.kept_rows, c.inputs.rules, c.inputs.labels),
        optional=True,
    ),
    Section(
        "outliers",
        "unusual",
        "Unusual pictures",
        "unusual",
        lambda c: c.outliers.section(c.found.kept_rows, c.inputs.labels),
    ),
    Section(
        "duplicates",
        "copies",
        "Copies",
        "duplicates",
        lambda c: c.duplicates.section(c.found.kept_rows, c.inputs.labels),
    ),
    Section(
        "identities",
        "same-person",
        "Same person",
        "identities",
        lambda c: identities(c.inputs.generation, hashed=c.inputs.labels.hashed),
        optional=True,
    ),
    Section("unusable", "unusable", "Unusable files", "unusable", _unusable),
    Section("groups", "groups", "Groups", "groups", _groups, optional=True),
    Section("by_group", "by-group", "By group", "by_group", _by_group, optional=True),
    Section("comparison", "comparison", "Comparison", "comparison", _comparison, optional=True),
    Section("provenance", "provenance", "Provenance", "provenance", _provenance),
    Section("limits", "limits", "Limits", "caveats", _limits),
    # The list of files is written last, from all that the other sections hold.
    Section("downloads", "downloads", "Downloads", "downloads", lambda c: []),
)


def sections_of(report: Report) -> list[Section]:
    """The sections that the page of a report shows."""
    return [section for section in SECTIONS if not section.optional or getattr(report, section.field)]
