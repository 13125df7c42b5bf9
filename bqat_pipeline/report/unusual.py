"""The unusual pictures: the most unusual ones for the page, all flagged ones as CSV."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from bqat_pipeline.report.aggregates import stream
from bqat_pipeline.report.document import Unusual
from bqat_pipeline.report.galleries import Rows, picture
from bqat_pipeline.report.labels import Labels
from bqat_pipeline.report.lists import CsvList, plain
from bqat_pipeline.report.ranking import Ranking

if TYPE_CHECKING:
    from bqat_pipeline.report.assemble import Material

_COLUMNS = ("row", "file", "sha256", "score", "severity", "is_outlier", "reasons")


@dataclass
class Flagged:
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

    def section(self, rows: Rows, labels: Labels) -> Unusual:
        """The section of the report."""
        if self.summary is None:
            return Unusual(note="Outlier detection has not run on this scan.")
        pictures = [
            picture(
                rows[row],
                labels,
                reasons=[reason["text"] for reason in self.details[row].get("reasons") or [] if reason.get("text")],
                note=self.details[row].get("severity") or "unusual",
            )
            for row in self.order
            if row in rows
        ]
        return Unusual(
            available=True,
            detector=str(self.summary.get("detector", "")),
            scored=self.scored,
            flagged=self.flagged,
            extreme=self.extreme,
            note=str(self.summary.get("note") or ""),
            pictures=pictures,
        )


def unusual(m: "Material", folder: Path) -> Flagged:
    """Read the outlier table in one pass; flagged rows go to ``outliers.csv``."""
    table = m.store.table(m.record.key, "outliers")
    if table is None:
        return Flagged()
    result = Flagged(summary=_summary(m))
    ranking = Ranking(m.options.unusual)
    with CsvList(folder / "outliers.csv", ("row", "file", "score", "severity", "reasons")) as out:
        for batch in stream(table, _COLUMNS):
            result.scored += batch.num_rows - batch.column("score").null_count
            flagged = batch.filter(pc.fill_null(batch.column("is_outlier"), False))
            if not flagged.num_rows:
                continue
            result.flagged += flagged.num_rows
            result.extreme += pc.sum(pc.equal(flagged.column("severity"), "extreme")).as_py() or 0
            scores = pc.cast(flagged.column("score"), pa.float64()).to_numpy(zero_copy_only=False)
            ranking.add(scores, flagged.column("row").to_numpy(zero_copy_only=False))
            out.write(
                flagged.column("row"),
                plain(m.labels.pictures(flagged)),
                pc.cast(flagged.column("score"), pa.string()),
                flagged.column("severity"),
                plain(_texts(flagged.column("reasons"))),
            )
        result.files["outliers.csv"] = out.rows
    result.order = ranking.rows
    chosen = pc.field("row").isin(result.order)
    names = [name for name in ("row", "severity", "score", "reasons") if name in table.schema.names]
    result.details = {row["row"]: row for row in table.to_table(columns=names, filter=chosen).to_pylist()}
    return result


def _summary(m: "Material") -> dict[str, Any]:
    place = m.store.generation(m.record.key, m.manifest.generation) / "outliers.json"
    try:
        found = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _texts(reasons: pa.Array) -> pa.Array:
    """The sentences of each row's reasons, joined."""
    return pa.array([" ".join(r["text"] for r in row or [] if r.get("text")) for row in reasons.to_pylist()], pa.string())


