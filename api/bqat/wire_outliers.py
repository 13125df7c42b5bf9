"""Outliers as clients of the BQAT API read them: of the last detection that a client asked for, else the pipeline's."""

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from api.http.json_values import finite
from bqat_pipeline.columns import DOUBTFUL
from bqat_pipeline.datasets import DatasetRecord, DatasetStore

# Score on the wire of a row that has none.
NOT_SCORED = -1


def read_outliers(
    store: DatasetStore, record: DatasetRecord, *, with_data: bool = False, skip: int = 0, limit: int = 0
) -> list[dict[str, Any]]:
    """Outliers in the order of the data set, then rows that could not be scored."""
    asked = store.found(record.key, "detections")
    if asked is not None:
        columns = ["file", "score", "data"] if with_data else ["file", "score"]
        rows = asked.to_table(columns=columns).slice(skip, limit or None).to_pylist()
        return [_entry(row, row["data"] if with_data else None, with_data) for row in rows]
    found = store.found(record.key, "outliers")
    if found is None:
        return []
    table = _flagged(found).slice(skip, limit or None)
    data = _data(store, record, table) if with_data else {}
    return [_entry(row, data.get(row["row"]), with_data) for row in table.to_pylist()]


def delete_detection(store: DatasetStore, key: str) -> bool:
    """Delete the result of the last detection that a client asked for; False when there was none.

    The pipeline's own outliers stay: the report, `/v1` and Dagster's asset use them.
    """
    current = store.current(key)
    return current is not None and current.discard("detections")


def _entry(row: dict[str, Any], data: dict[str, Any] | None, with_data: bool) -> dict[str, Any]:
    score = finite(row["score"])
    entry = {"file": row["file"], "score": NOT_SCORED if score is None or score == NOT_SCORED else score}
    if with_data:
        entry["data"] = {k: float(v) for k, v in (data or {}).items() if finite(v) is not None} or None
    return entry


def _flagged(found: "ds.Dataset") -> pa.Table:
    """Columns `row`, `file`, `score` of the pipeline's outliers, then of its rows without a score."""
    columns = ["row", "file", "score"]
    flagged = found.to_table(columns=columns, filter=ds.field("is_outlier")).sort_by("row")
    unscored = found.to_table(columns=columns, filter=ds.field("score").is_null()).sort_by("row")
    return pa.concat_tables([flagged, unscored])


def _data(store: DatasetStore, record: DatasetRecord, table: pa.Table) -> dict[int, dict[str, Any]]:
    """Values of the given rows in the columns that the pipeline's detection used, by row."""
    profiles, current = store.profiles(record.key), store.current(record.key)
    if profiles is None or current is None:
        return {}
    used = current.summary("outliers").get("columns", [])
    present = [name for name in used if name in profiles.schema.names]
    wanted = ds.field("row").isin(table["row"].to_pylist()) & ~ds.field("status").isin(list(DOUBTFUL))
    rows = profiles.to_table(columns=["row", *present], filter=wanted)
    return {row.pop("row"): row for row in rows.to_pylist()}
