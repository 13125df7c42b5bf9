"""The unusual pictures: the most unusual ones for the page, all flagged ones as CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bqat_pipeline.datasets.csv_files import CsvList, plain
from bqat_pipeline.report.aggregates import Ranking, Rows, stream
from bqat_pipeline.report.document import Outliers
from bqat_pipeline.report.formatting import count, number
from bqat_pipeline.report.galleries import picture
from bqat_pipeline.report.inputs import Labels, ReportInputs
from bqat_pipeline.report.sketch import Floats

_COLUMNS = ("row", "file", "score", "severity", "is_outlier", "reasons")
_RANKED = 6  # pictures shown where none can be called unusual
_RELIABILITY_NOTES = {
    "low_confidence": "With fewer than 200 pictures these are hints, no more.",
    "ranking_only": "Fewer than 100 pictures are too few to call one unusual; they are ranked only.",
    "too_few_rows": "Fewer than 20 pictures are too few for statistics.",
}


@dataclass
class OutlierTable:
    """What the outlier table holds."""

    summary: dict[str, Any] | None = None
    scored: int = 0
    flagged: int = 0
    extreme: int = 0
    order: list[int] = field(default_factory=list)
    details: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> set[int]:
        return set(self.order)

    def section(self, rows: Rows, labels: Labels) -> Outliers:
        """The section of the report."""
        if self.summary is None:
            return Outliers(note="Outlier detection has not run on this scan.")
        pictures = [
            picture(rows[row], labels, reasons=_sentences(self.details[row]["reasons"]), note=self._note(row))
            for row in self.order
            if row in rows and row in self.details
        ]
        return Outliers(
            available=True,
            detector=str(self.summary.get("detector", "")),
            scored=self.scored,
            flagged=self.flagged,
            extreme=self.extreme,
            note=_RELIABILITY_NOTES.get(str(self.summary.get("standing")), ""),
            pictures=pictures,
        )

    def _note(self, row: int) -> str:
        found = self.details[row]
        label = {"extreme": "Extreme", "unusual": "Unusual"}.get(found["severity"] or "", "Ranked")
        tail = self.summary is not None and self.summary.get("detector") == "tail"
        # The score's tail is fitted: it orders the pictures, and is no rate that the set could show.
        place = f"no. {count(self.order.index(row) + 1)} of {count(self.scored)}"
        return f"{label}: {place}" if tail else f"{label}: score {number(found['score'])}"


def read_outliers(inputs: ReportInputs, folder: Path) -> OutlierTable:
    """Read the outlier table in one pass; flagged rows go to ``outliers.csv``."""
    table = inputs.generation.found("outliers")
    if table is None:
        return OutlierTable()
    result = OutlierTable(summary=inputs.generation.summary("outliers"))
    ranked_only = result.summary is not None and result.summary.get("standing") == "ranking_only"
    ranking = Ranking(min(inputs.options.unusual, _RANKED) if ranked_only else inputs.options.unusual)
    with CsvList(folder / "outliers.csv", ("row", "file", "score", "severity", "reasons")) as out:
        for batch in stream(table, _COLUMNS):
            result.scored += batch.num_rows - batch.column("score").null_count
            if ranked_only:
                scores, rows = _keys(batch)
                ranking.add(np.where(scores > 0, scores, np.nan), rows)
            flagged = batch.filter(pc.fill_null(batch.column("is_outlier"), False))
            if not flagged.num_rows:
                continue
            result.flagged += flagged.num_rows
            result.extreme += pc.sum(pc.equal(flagged.column("severity"), "extreme")).as_py() or 0
            ranking.add(*_keys(flagged))
            out.write(
                flagged.column("row"),
                plain(inputs.labels.pictures(flagged)),
                pc.cast(flagged.column("score"), pa.string()),
                flagged.column("severity"),
                plain(_texts(flagged.column("reasons"))),
            )
        result.files["outliers.csv"] = out.rows
    result.order = ranking.rows
    chosen = pc.field("row").isin(result.order)
    details = table.to_table(columns=["row", "severity", "score", "reasons"], filter=chosen)
    result.details = {row["row"]: row for row in details.to_pylist()}
    return result


def _keys(batch: pa.RecordBatch) -> tuple[Floats, npt.NDArray[np.int64]]:
    return batch.column("score").to_numpy(zero_copy_only=False), batch.column("row").to_numpy(zero_copy_only=False)


def _sentences(reasons: Sequence[Mapping[str, Any]] | None) -> list[str]:
    return [str(reason["words"]) for reason in reasons or [] if reason.get("words")]


def _texts(reasons: pa.Array) -> pa.Array:
    """The sentences of each row's reasons, joined."""
    return pa.array([" ".join(_sentences(row)) for row in reasons.to_pylist()], pa.string())
