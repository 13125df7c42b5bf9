"""CSV files of every list, written along the way, so that memory does not grow with their length.

They are UTF-8 and begin with a byte-order mark: without one, Excel takes accents for other letters.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets.csv_files import CsvList, plain, plain_cell
from bqat_pipeline.datasets.report_folder import NUMBERS
from bqat_pipeline.report.aggregates import Codes
from bqat_pipeline.report.document import Download, Outcomes, Report
from bqat_pipeline.report.inputs import Labels
from bqat_pipeline.report.metadata.by_group import BY_GROUP, by_group_rows
from bqat_pipeline.requirements import OUTCOMES, OVERALL, RuleSet

_FAIL, _BORDERLINE = OUTCOMES.index("fail"), OUTCOMES.index("borderline")


class Lists:
    """Writers of ``failures.csv`` and ``unusable.csv``; called with every batch of the one pass.

    Parameters
    ----------
    folder : Where the files are written.
    labels : How pictures are called.
    rules : For the titles of requirements.
    """

    columns = ("row", "file", "sha256", "status", "reason_code", "reason", "verdict_reasons")

    def __init__(self, folder: Path, labels: Labels, rules: RuleSet) -> None:
        self._labels = labels
        self._titles = {r.name: r.title for r in rules.requirements}
        failures = ("row", "file", "verdict", "failed", "borderline", "advice")
        self._failures = CsvList(folder / "failures.csv", failures)
        self._unusable = CsvList(folder / "unusable.csv", ("row", "file", "status", "code", "reason"))

    def __enter__(self) -> "Lists":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._failures.close()
        self._unusable.close()

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each file so far."""
        return {"failures.csv": self._failures.rows, "unusable.csv": self._unusable.rows}

    def visit(self, batch: pa.RecordBatch, codes: Codes) -> None:
        """Write the rows of a batch that belong to the lists."""
        self._write_failures(batch, codes)
        self._write_unusable(batch)

    def _write_failures(self, batch: pa.RecordBatch, codes: Codes) -> None:
        wrong = np.flatnonzero(codes[OVERALL] == _FAIL)
        if not wrong.size:
            return
        rows = batch.take(pa.array(wrong))
        chosen = {name: code[wrong] for name, code in codes.items() if name != OVERALL}
        advice = rows.column("verdict_reasons") if "verdict_reasons" in rows.schema.names else None
        self._failures.write(
            rows.column("row"),
            plain(self._labels.pictures(rows)),
            pa.array(["fail"] * rows.num_rows),
            self._named(chosen, _FAIL),
            self._named(chosen, _BORDERLINE),
            pa.array([""] * rows.num_rows) if advice is None else pc.fill_null(pc.binary_join(advice, " "), ""),
        )

    def _named(self, codes: Mapping[str, np.ndarray], wanted: int) -> pa.Array:
        """Titles of the requirements with an outcome, joined by semicolons."""
        # Not binary_join_element_wise with null_handling="skip": pyarrow 25 drops rows in which all are null.
        parts = [
            pc.if_else(pa.array(code == wanted), pa.scalar(f"; {self._titles[name]}"), pa.scalar(""))
            for name, code in codes.items()
        ]
        return pc.utf8_slice_codeunits(pc.binary_join_element_wise(*parts, ""), 2)

    def _write_unusable(self, batch: pa.RecordBatch) -> None:
        rows = batch.filter(pc.invert(pc.is_in(batch.column("status"), value_set=pa.array(MEASURED))))
        if rows.num_rows:
            empty = pa.array([""] * rows.num_rows)
            # A sentence may name the file.
            reason = empty if self._labels.hashed else pc.fill_null(rows.column("reason"), "")
            self._unusable.write(
                rows.column("row"),
                plain(self._labels.pictures(rows)),
                pc.fill_null(rows.column("status"), ""),
                pc.fill_null(rows.column("reason_code"), ""),
                plain(reason),
            )


def write_rows(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A short list as CSV; text that a spreadsheet would take for a formula gets a leading apostrophe."""
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        for row in rows:
            writer.writerow([plain_cell(cell) for cell in row])


_TITLES = {
    NUMBERS: "All numbers of this page, versioned schema",
    "scorecard.csv": "Scorecard",
    "measures.csv": "Distribution of every measure",
    "failures.csv": "Pictures that fail, with the limits they miss",
    "outliers.csv": "Unusual pictures, with reasons",
    "duplicates.csv": "Copies, with the suggested keeper",
    "unusable.csv": "Files that could not be used",
    "groups.csv": "Pass rates by group",
    "by_group.csv": "Failure rate of each requirement by group, with the test of a difference",
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
    if report.by_group is not None:
        rates = by_group_rows(report.by_group)
        write_rows(folder / "by_group.csv", BY_GROUP, rates)
        counts["by_group.csv"] = len(rates)
    return [
        Download(file=name, title=title, rows=counts.get(name))
        for name, title in _TITLES.items()
        if name == NUMBERS or name in counts
    ]


def _counts(o: Outcomes) -> tuple[int | float | None, ...]:
    return (o.passed, o.borderline, o.failed, o.not_assessed, o.pass_rate.value, o.pass_rate.low, o.pass_rate.high)
