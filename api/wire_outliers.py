"""Outliers as clients of the BQAT API read them: those of the last detection asked for, else the pipeline's own."""

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from api.wire import finite
from bqat_pipeline.datasets import DatasetRecord, DatasetStore

# Table of the detection that a client asked for; the pipeline's own result lies in `outliers`.
DETECTIONS = "detections"
OUTLIERS = "outliers"
# What a row without a score says.
NOT_SCORED = -1


def read_outliers(
    store: DatasetStore, record: DatasetRecord, *, with_data: bool = False, skip: int = 0, limit: int = 0
) -> list[dict[str, Any]]:
    """Flagged rows in the order of the data set, then rows that could not be scored."""
    table = _flagged(store, record.key)
    if table is None:
        return []
    table = table.slice(skip, limit or None)
    rows = [
        {"file": row["file"], "score": NOT_SCORED if finite(row["score"]) is None else row["score"]}
        for row in table.select(["file", "score"]).to_pylist()
    ]
    if with_data:
        data = _data(store, record, table)
        for entry, number in zip(rows, table["row"].to_pylist(), strict=True):
            entry["data"] = data.get(number or 0) or None
    return rows


def delete_outliers(store: DatasetStore, key: str) -> bool:
    """Delete every outlier table of a data set; False when there was none."""
    manifest = store.manifest(key)
    if manifest is None:
        return False
    found = False
    for name in (DETECTIONS, OUTLIERS):
        for suffix in ("parquet", "json"):
            place = store.generation(key, manifest.generation) / f"{name}.{suffix}"
            found = place.is_file() or found
            place.delete()
    return found


def _flagged(store: DatasetStore, key: str) -> pa.Table | None:
    """Columns `row`, `file`, `score` of outliers, then of rows without a score (null)."""
    for name in (DETECTIONS, OUTLIERS):
        dataset = store.table(key, name)
        if dataset is None:
            continue
        flag = ds.field("is_outlier")
        flagged = dataset.to_table(columns=["row", "file", "score"], filter=flag).sort_by("row")
        unscored = dataset.to_table(columns=["row", "file", "score"], filter=ds.field("score").is_null()).sort_by("row")
        return pa.concat_tables([flagged, unscored])
    return None


def _data(store: DatasetStore, record: DatasetRecord, table: pa.Table) -> dict[int, dict[str, float]]:
    """Numbers of the given rows that the detection looked at, by row."""
    profiles = store.profiles(record.key)
    manifest = store.manifest(record.key)
    if profiles is None or manifest is None:
        return {}
    wanted = _columns(store, record.key, manifest.generation)
    present = [
        field.name
        for field in profiles.schema
        if field.name in wanted
        and (pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_boolean(field.type))
    ]
    rows = profiles.to_table(columns=["row", *present], filter=ds.field("row").isin(table["row"].to_pylist()))
    return {
        row["row"]: {name: float(row[name]) for name in present if finite(row[name]) is not None}
        for row in rows.to_pylist()
    }


def _columns(store: DatasetStore, key: str, generation: str) -> set[str]:
    """Columns that the detection looked at."""
    import json

    for name in (DETECTIONS, OUTLIERS):
        place = store.generation(key, generation) / f"{name}.json"
        if place.is_file():
            return set(json.loads(place.read_bytes()).get("columns") or ())
    return set()
