"""Outliers as the BQAT API defines them: the share ``contamination`` of a data set with the highest scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bqat_pipeline.datasets.generation import Generation
from bqat_pipeline.datasets.tables import TableWriter, read_batches
from bqat_pipeline.outliers.detectors import Fitted, fit
from bqat_pipeline.outliers.matrix import Feature, Mask, Matrix, draw, features, matrix, measured
from bqat_pipeline.outliers.options import SAMPLE_ROWS, WIRE_COLUMNS, DetectorOptions
from bqat_pipeline.outliers.surprise import Values

# ECOD keeps sorted columns only; it is exact up to this many rows.
_EXACT_ROWS = 1_000_000
# Score of rows that could not be scored.
UNSCORED = -1.0
_SEED = 0


@dataclass(frozen=True)
class _Plan:
    options: DetectorOptions
    features: tuple[Feature, ...]
    fitted: Fitted
    training: Values | None
    cut: float

    @property
    def names(self) -> list[str]:
        return [f.name for f in self.features]


def detect(profiles: ds.Dataset, options: DetectorOptions) -> Iterator[dict[str, Any]]:
    """Outliers in the order of the data set, then the rows that could not be scored (``score`` -1).

    Each is ``{"row", "file", "score", "data"}``: position in the data set, path, score, and the numbers that were
    used, or None where there was none. Scores strictly above the (1 - contamination) percentile are outliers. Rows
    without a measured face, and rows that lack one of the columns, are not scored. A column that no row has is ignored.

    Raises
    ------
    DetectorError : when the detector cannot work on these rows.
    """
    for batch in detections(profiles, options):
        for entry in batch.to_pylist():
            yield entry | {"data": {k: v for k, v in (entry["data"] or {}).items() if v is not None} or None}


def write_detections(profiles: ds.Dataset, generation: Generation, options: DetectorOptions) -> dict[str, Any]:
    """Write the rows of ``detect`` as the finding ``detections`` of a generation, in one step; answers counts.

    Columns: row int64, file string, score float64, data struct of the columns used.

    Raises
    ------
    DetectorError : when the detector cannot work on these rows.
    """
    plan = _plan(profiles, options)
    outliers = unscored = 0
    with TableWriter(generation.table("detections"), _schema(plan)) as writer:
        for batch in _batches(profiles, plan):
            writer.write(batch)
            missing = int((batch.column("score").to_numpy() == UNSCORED).sum())
            unscored += missing
            outliers += batch.num_rows - missing
    return {
        "detector": options.detector,
        "columns": plan.names,
        "contamination": options.contamination,
        "outliers": outliers,
        "unscored": unscored,
    }


def detections(profiles: ds.Dataset, options: DetectorOptions) -> Iterator[pa.RecordBatch]:
    """The rows of ``detect`` as record batches; memory does not grow with the data set."""
    return _batches(profiles, _plan(profiles, options))


def _plan(profiles: ds.Dataset, options: DetectorOptions) -> _Plan:
    wanted = options.columns or WIRE_COLUMNS
    present = _with_values(profiles, features(profiles.schema, wanted))
    if not present and tuple(wanted) == WIRE_COLUMNS:  # another engine's profiles; clients may spell the defaults out
        present = _with_values(profiles, features(profiles.schema))
    names = [f.name for f in present]
    size = _EXACT_ROWS if options.detector == "ECOD" else SAMPLE_ROWS
    complete = () if options.detector == "tail" else names
    sample = draw(profiles, names, size, _SEED, without_missing=complete)
    fitted = fit(options.detector, sample.values, present, _SEED)
    scores = fitted.training_scores()
    known = scores[np.isfinite(scores)]
    cut = float(np.percentile(known, 100 * (1 - options.contamination))) if known.size else np.inf
    return _Plan(options, present, fitted, scores if sample.complete else None, cut)


def _with_values(profiles: ds.Dataset, chosen: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Those of the columns that have a number in at least one row."""
    unseen = {f.name: f for f in chosen}
    for _, batch in read_batches(profiles, ["status", *unseen]):
        for name in list(unseen):
            if np.isfinite(matrix(batch, [name])[measured(batch)]).any():
                del unseen[name]
        if not unseen:
            break
    return tuple(f for f in chosen if f.name not in unseen)


def _batches(profiles: ds.Dataset, plan: _Plan) -> Iterator[pa.RecordBatch]:
    seen = 0
    for first, batch in _read(profiles, plan):
        values, usable = _usable(batch, plan)
        scores = np.full(len(values), np.nan)
        if plan.training is not None:
            count = int(usable.sum())
            scores[usable] = plan.training[seen : seen + count]
            seen += count
        else:
            scores[usable] = plan.fitted.score(values[usable])
        with np.errstate(invalid="ignore"):
            yield _rows(batch, first, values, scores, scores > plan.cut, plan)
    for first, batch in _read(profiles, plan):
        values, usable = _usable(batch, plan)
        yield _rows(batch, first, values, np.full(len(values), UNSCORED), ~usable, plan)


def _read(profiles: ds.Dataset, plan: _Plan) -> Iterator[tuple[int, pa.RecordBatch]]:
    return read_batches(profiles, ["row", "file", "status", *plan.names])


def _usable(batch: pa.RecordBatch, plan: _Plan) -> tuple[Matrix, Mask]:
    values = matrix(batch, plan.names)
    usable = measured(batch)
    if plan.options.detector != "tail":
        usable &= np.isfinite(values).all(axis=1) & bool(plan.names)
    return values, usable


def _schema(plan: _Plan) -> pa.Schema:
    # Parquet has no struct without fields.
    data = pa.struct([(name, pa.float64()) for name in plan.names or ["none"]])
    fields: list[pa.Field] = [
        pa.field("row", pa.int64()),
        pa.field("file", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("data", data),
    ]
    return pa.schema(fields)


def _rows(
    batch: pa.RecordBatch, first: int, values: Matrix, scores: Values, chosen: Mask, plan: _Plan
) -> pa.RecordBatch:
    index = np.flatnonzero(chosen)
    rows = batch.column("row") if "row" in batch.schema.names else pa.array(np.arange(first, first + batch.num_rows))
    schema = _schema(plan)
    picked = values[index]
    data = pa.StructArray.from_arrays(
        [pa.array(column, from_pandas=True) for column in picked.T]
        or [pa.nulls(len(index), pa.float64()) for _ in schema.field("data").type],
        fields=list(schema.field("data").type),
        mask=pa.array(np.isnan(picked).all(axis=1)) if plan.names else pa.array(np.ones(len(index), bool)),
    )
    return pa.record_batch(
        [
            pc.cast(rows.take(index), pa.int64()),
            batch.column("file").take(index),
            pa.array(scores[index]),
            data,
        ],
        schema=schema,
    )
