"""Decisions, and entries of the decision log, as rows of JSON and of a download."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa

from bqat_pipeline.review.advice import ADVICE_FIELDS, advice_columns
from bqat_pipeline.review.decision_log import DecisionLog
from bqat_pipeline.review.decisions import Entry, RowDecisions

# Entries of the log in one block of a download.
_BLOCK = 20_000

COLUMNS = pa.schema(
    [
        pa.field("row", pa.int64()),
        pa.field("file", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("decision", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("reviewer", pa.string()),
        pa.field("time", pa.timestamp("us", "UTC")),
        pa.field("before", pa.string()),
    ]
)
# Of a download: what was decided, and what is to be changed when the picture is taken again.
DOWNLOADED = pa.schema([*COLUMNS, *ADVICE_FIELDS])
HISTORY = pa.schema(
    [
        pa.field("time", pa.timestamp("us", "UTC")),
        pa.field("action", pa.string()),
        pa.field("undo", pa.bool_()),
        pa.field("file", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("decision", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("reviewer", pa.string()),
    ]
)


def decision_item(decided: RowDecisions, row: int) -> dict[str, Any]:
    """The decision about a row as JSON, with the decision before it; ``time`` stays a datetime."""
    known = decided.of(row)
    assert known is not None
    sha256, file = decided.pictures.pair(row)
    return {
        "row": row,
        "file": file,
        "sha256": sha256 or None,
        "decision": known.decision.value,
        "reason": known.reason,
        "reviewer": known.reviewer,
        "time": known.time,
        "before": _word(decided.before(row)),
    }


def history_item(entry: Entry) -> dict[str, Any]:
    """An entry of the decision log as JSON; ``time`` stays a datetime."""
    return {
        "time": entry.time,
        "action": entry.action,
        "undo": entry.undo,
        "file": entry.file,
        "sha256": entry.sha256 or None,
        "decision": _word(entry.decision),
        "reason": entry.reason,
        "reviewer": entry.reviewer,
    }


def _word(decision: StrEnum | None) -> str | None:
    return None if decision is None else decision.value


def decision_blocks(decided: RowDecisions, profiles: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The decisions about rows as ``DOWNLOADED``, with what the judge says about them, a batch at a time.

    Parameters
    ----------
    profiles : Rows that somebody decided about; of their columns ``row`` and those of ``ADVICE_SOURCES`` are read.
    """
    for batch in profiles:
        items = [decision_item(decided, row) for row in np.asarray(batch.column("row")).tolist()]
        columns = pa.RecordBatch.from_pylist(items, schema=COLUMNS).columns
        advice = advice_columns(batch)
        yield pa.RecordBatch.from_arrays(
            [*columns, *(advice[field.name] for field in ADVICE_FIELDS)], schema=DOWNLOADED
        )


def history_blocks(log: DecisionLog) -> Iterator[pa.RecordBatch]:
    """All entries of the log in the order of time, a block at a time."""
    start = 0
    while entries := log.entries(start, _BLOCK):
        yield pa.RecordBatch.from_pylist([history_item(entry) for entry in entries], schema=HISTORY)
        start += len(entries)
