"""The sections of the report in the order of the page: the one list of them. Each has a template of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bqat_pipeline.columns import STATUS_TITLES
from bqat_pipeline.report.aggregates import Aggregates
from bqat_pipeline.report.comparison.differences import Baseline, comparison
from bqat_pipeline.report.distributions import measure_result
from bqat_pipeline.report.document import (
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
from bqat_pipeline.report.material import Material
from bqat_pipeline.report.outliers import OutlierTable
from bqat_pipeline.report.provenance import caveats, provenance
from bqat_pipeline.report.scorecard import group_table, scorecard, standing

EXAMPLES = 8  # file names shown for each reason


@dataclass(frozen=True)
class Counted:
    """What sections are built from: the tables of a data set, read and counted once."""

    material: Material
    found: Aggregates
    outliers: OutlierTable
    duplicates: DuplicateTable
    baseline: Baseline | None
    fingerprint: str


def _scorecard(c: Counted) -> list[RequirementResult]:
    before = c.baseline.aggregates.scorecard if c.baseline else None
    return scorecard(c.found.scorecard, c.material.columns, c.material.measures, before)


def _measures(c: Counted) -> list[MeasureResult]:
    return [measure_result(measure, c.found, c.found.rows_kept, c.material.labels) for measure in c.material.measures]


def _unusable(c: Counted) -> list[UnusableGroup]:
    found, rows, labels = c.found, c.found.rows_kept, c.material.labels
    unmeasured = found.scorecard.unmeasured
    return [
        UnusableGroup(
            status=status,
            code=code,
            title=STATUS_TITLES.get(status, status),
            # A sentence may name the file.
            sentence="" if labels.hashed else found.reason_words.get((status, code), ""),
            count=count,
            examples=[labels.picture(rows[row]) for row in found.reason_rows[status, code] if row in rows],
        )
        for (status, code), count in found.reasons.most_common()
        if status in unmeasured
    ]


def _groups(c: Counted) -> list[GroupTable]:
    m, found = c.material, c.found
    tables = [group_table(found.scorecard, "Folder", m.options, m.labels.folder)]
    tables += [group_table(card, str(card.group_by), m.options) for card in found.by_metadata]
    return [table for table in tables if table is not None]


def _comparison(c: Counted) -> Comparison | None:
    m = c.material
    return comparison(c.found, c.baseline, m.measures, m.columns, m.manifest) if c.baseline else None


def _provenance(c: Counted) -> list[Fact]:
    m = c.material
    return provenance(m.record, m.manifest, m.rules, c.fingerprint, show_paths=not m.labels.hashed)


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
    Section("verdict", "verdict", "Verdict", "standing", lambda c: standing(c.found, c.material.rules)),
    Section("scorecard", "scorecard", "Scorecard", "scorecard", _scorecard),
    Section("measures", "measures", "Measures", "measures", _measures),
    Section(
        "worst",
        "worst",
        "Worst pictures",
        "worst",
        lambda c: worst_pictures(c.found.worst, c.found.rows_kept, c.material.rules, c.material.labels),
        optional=True,
    ),
    Section(
        "outliers",
        "unusual",
        "Unusual pictures",
        "unusual",
        lambda c: c.outliers.section(c.found.rows_kept, c.material.labels),
    ),
    Section(
        "duplicates",
        "copies",
        "Copies",
        "duplicates",
        lambda c: c.duplicates.section(c.found.rows_kept, c.material.labels),
    ),
    Section("unusable", "unusable", "Unusable files", "unusable", _unusable),
    Section("groups", "groups", "Groups", "groups", _groups, optional=True),
    Section("comparison", "comparison", "Comparison", "comparison", _comparison, optional=True),
    Section("provenance", "provenance", "Provenance", "provenance", _provenance),
    Section("limits", "limits", "Limits", "caveats", lambda c: caveats(c.material.columns, c.material.rules)),
    # The list of files is written last, from all that the other sections hold.
    Section("downloads", "downloads", "Downloads", "downloads", lambda c: []),
)


def sections_of(report: Report) -> list[Section]:
    """The sections that the page of a report shows."""
    return [section for section in SECTIONS if not section.optional or getattr(report, section.field)]
