"""The list that a review hands out: every file with what people decided about it, and the verdict."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bqat_pipeline.datasets import DatasetStore, Generation, durable
from bqat_pipeline.datasets.csv_files import CsvList, plain
from bqat_pipeline.datasets.queries import batches
from bqat_pipeline.datasets.records import now
from bqat_pipeline.datasets.tables import TableWriter
from bqat_pipeline.review.advice import ADVICE_FIELDS, ADVICE_SOURCES, advice_columns
from bqat_pipeline.review.decision_log import DecisionLog
from bqat_pipeline.review.decisions import DECISIONS, UNDECIDED, Decision, RowDecisions, read_pictures

# What is to be done with a picture, by decision.
DISPOSITIONS: dict[Decision | None, str] = {
    Decision.KEEP: "accept",
    Decision.REJECT: "retake",
    Decision.UNSURE: "look_again",
    None: UNDECIDED,
}
REVIEW_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("file", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("disposition", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("reviewer", pa.string()),
        pa.field("time", pa.timestamp("us", "UTC")),
        pa.field("before", pa.string()),
        *ADVICE_FIELDS,
    ]
)
_READ = ("row", "file", "sha256", *ADVICE_SOURCES)


def write_review(store: DatasetStore, key: str, profiles: "ds.Dataset", generation: Generation) -> dict[str, Any]:
    """Put review.parquet and review.csv of a generation in place, with the decisions as they are now.

    Returns
    -------
    Files by disposition, and the share that was decided.
    """
    log = DecisionLog(store.decisions(key))
    log.compact()
    decided = log.current().rows(read_pictures(profiles))
    words = _ReviewRows(decided)
    with tempfile.TemporaryDirectory() as folder:
        place = generation.review_list
        written = durable.temporary_name(place.local) if place.is_local else Path(folder) / place.name
        try:
            with (
                TableWriter(generation.table("review"), REVIEW_SCHEMA) as table,
                CsvList(written, REVIEW_SCHEMA.names) as lines,
            ):
                for batch in batches(profiles, [name for name in _READ if name in profiles.schema.names]):
                    rows = words.rows(batch)
                    table.write(rows)
                    lines.write(*(_text(rows.column(name)) for name in REVIEW_SCHEMA.names))
            place.put_file(written)
        finally:
            written.unlink(missing_ok=True)
    counts = decided.counts()
    summary: dict[str, Any] = {
        "rows": len(decided.pictures),
        **{word: counts[str(decision or UNDECIDED)] for decision, word in DISPOSITIONS.items()},
    }
    done = summary["rows"] - summary[UNDECIDED]
    summary["decided"] = done
    summary["decided_percent"] = round(100 * done / summary["rows"], 2) if summary["rows"] else 0.0
    details = {"summary": summary, "decisions": decided.version, "time": now().isoformat()}
    generation.write_details("review", details)
    return summary


class _ReviewRows:
    """What is told about each row, batch by batch; texts of an action are looked up by its number."""

    def __init__(self, decided: RowDecisions) -> None:
        self._decided = decided
        actions = [action if action.decision else None for action in decided.decisions.actions]
        self._reasons = pa.array([*(a and a.reason for a in actions), None], pa.string())
        self._reviewers = pa.array([*(a and a.reviewer for a in actions), None], pa.string())
        self._times = pa.array([*(a and a.time for a in actions), None], pa.timestamp("us", "UTC"))
        self._dispositions = pa.array([DISPOSITIONS[decision] for decision in DECISIONS])

    def rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of ``REVIEW_SCHEMA`` of a batch of profiles."""
        numbers = np.asarray(batch.column("row"))
        actions = pa.array(self._decided.numbers[numbers] % len(self._reasons))  # -1: the last, which is none
        before = [decision and decision.value for decision in map(self._decided.before, numbers.tolist())]
        columns = {
            "row": batch.column("row").cast(pa.int64()),
            "file": batch.column("file"),
            "sha256": batch.column("sha256"),
            "disposition": self._dispositions.take(pa.array(self._decided.codes[numbers])),
            "reason": self._reasons.take(actions),
            "reviewer": self._reviewers.take(actions),
            "time": self._times.take(actions),
            "before": pa.array(before, pa.string()),
            **advice_columns(batch),
        }
        return pa.RecordBatch.from_arrays([columns[name] for name in REVIEW_SCHEMA.names], schema=REVIEW_SCHEMA)


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, "%Y-%m-%dT%H:%M:%SZ")
    return plain(column) if pa.types.is_string(column.type) else column
