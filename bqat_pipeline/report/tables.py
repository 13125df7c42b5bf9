"""The short tables of a report as CSV, and the list of files beside the page."""

from pathlib import Path

from bqat_pipeline.datasets.report_folder import NUMBERS
from bqat_pipeline.report.document import Download, Outcomes, Report
from bqat_pipeline.report.lists import write_rows

_TITLES = {
    NUMBERS: "All numbers of this page, versioned schema",
    "scorecard.csv": "Scorecard",
    "measures.csv": "Distribution of every measure",
    "failures.csv": "Pictures that fail, with the limits they miss",
    "outliers.csv": "Unusual pictures, with reasons",
    "duplicates.csv": "Copies, with the suggested keeper",
    "unusable.csv": "Files that could not be used",
    "groups.csv": "Pass rates by group",
}
_OUTCOMES = ("pass", "borderline", "fail", "not_assessed", "pass_rate", "pass_rate_low", "pass_rate_high")


def write_tables(report: Report, folder: Path, rows: dict[str, int]) -> list[Download]:
    """Write the short tables into a folder; the result lists all files, the long ones (``rows``) included."""
    scorecard = [
        (r.name, r.title, r.clause, r.limit, r.severity, *_counts(r.outcomes), r.source) for r in report.scorecard
    ]
    write_rows(
        folder / "scorecard.csv", ("name", "title", "clause", "limit", "severity", *_OUTCOMES, "source"), scorecard
    )
    quantiles = ("n", "missing", "mean", "sd", "min", "p1", "p5", "p25", "p50", "p75", "p95", "p99", "max")
    measures = [
        (m.name, m.title, m.unit, m.clause, *(getattr(m.spread, q) for q in quantiles)) for m in report.measures
    ]
    write_rows(folder / "measures.csv", ("name", "title", "unit", "clause", *quantiles), measures)
    groups = [
        (t.column, g.name, g.files, g.measured, *_counts(g.outcomes), g.main_fault)
        for t in report.groups
        for g in t.groups
    ]
    write_rows(folder / "groups.csv", ("column", "group", "files", "measured", *_OUTCOMES, "main_fault"), groups)
    counts = {"scorecard.csv": len(scorecard), "measures.csv": len(measures), "groups.csv": len(groups)} | rows
    return [
        Download(file=name, title=title, rows=counts.get(name))
        for name, title in _TITLES.items()
        if name == NUMBERS or name in counts
    ]


def _counts(o: Outcomes) -> tuple[int | float | None, ...]:
    return (o.passed, o.borderline, o.failed, o.not_assessed, o.pass_rate.value, o.pass_rate.low, o.pass_rate.high)
