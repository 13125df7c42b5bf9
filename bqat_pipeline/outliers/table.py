"""The outliers of a data set: scores, severities and reasons as a Parquet table, summary and model as JSON."""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import log
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from bqat_pipeline.datasets.generation import Generation
from bqat_pipeline.datasets.tables import TableWriter, read_batches
from bqat_pipeline.outliers.detectors import Fitted, fit
from bqat_pipeline.outliers.matrix import Feature, Mask, Sample, draw, features, matrix, measured
from bqat_pipeline.outliers.options import OutlierOptions
from bqat_pipeline.outliers.reasons import REASON, Reason, explain
from bqat_pipeline.outliers.surprise import Values
from bqat_pipeline.outliers.tail import TailModel

Severity = Literal["none", "unusual", "extreme"]
# How far the results can be trusted, by the number of pictures (docs/outliers.md, small sets).
Reliability = Literal["ok", "low_confidence", "ranking_only", "too_few_rows"]
_RELIABILITY: tuple[tuple[int, Reliability], ...] = (
    (200, "ok"),
    (100, "low_confidence"),
    (20, "ranking_only"),
    (0, "too_few_rows"),
)
# Share of pictures that detectors without a rate of their own flag (BQAT API).
_DEFAULT_CONTAMINATION = 0.05

_FIELDS: list[pa.Field] = [
    pa.field("row", pa.int64(), metadata={"description": "Position in the data set."}),
    pa.field("file", pa.string()),
    pa.field("status", pa.string(), metadata={"description": "`scored` or `not_assessed`."}),
    pa.field(
        "score",
        pa.float64(),
        metadata={"description": "`tail`: s for one ordinary picture in 10^s; others: the detector's own unit."},
    ),
    pa.field("severity", pa.string(), metadata={"description": "`none`, `unusual`, `extreme`; null: not scored."}),
    pa.field("is_outlier", pa.bool_(), metadata={"description": "Severity unusual or extreme."}),
    pa.field("reasons", pa.list_(REASON), metadata={"description": "Up to five, most important first."}),
]
OUTLIERS_SCHEMA = pa.schema(_FIELDS)


@dataclass(frozen=True)
class _Judge:
    """A fitted detector with its cuts; ``model`` is set for `tail` only."""

    features: tuple[Feature, ...]
    fitted: Fitted | None
    model: TailModel | None
    cut: float
    extreme: float
    strict: bool
    standing: Reliability

    @property
    def names(self) -> list[str]:
        return [f.name for f in self.features]

    def flags(self, scores: Values) -> Mask:
        """(n,) bool; False for rows without a score, and for all rows of sets that are too small."""
        if self.standing in ("ranking_only", "too_few_rows"):
            return np.zeros(len(scores), bool)
        with np.errstate(invalid="ignore"):
            return scores > self.cut if self.strict else scores >= self.cut


def write_outliers(
    profiles: ds.Dataset, generation: Generation, options: OutlierOptions | None = None
) -> dict[str, Any]:
    """Write the finding ``outliers`` of a generation, a table and its details; answers the summary.

    One pass over the profiles for a sample that the model is fitted on, one for the scores; memory does not grow with
    the data set, and the result does not depend on the size of batches. Each file appears in one step. The details hold
    ``summary`` (this function's answer), ``top`` (most unusual pictures with reasons) and ``model`` (for `tail`).

    Parameters
    ----------
    profiles : Face profiles (`DatasetStore.profiles`).
    generation : Where the profiles are.
    options : What to look for; None for the defaults.

    Raises
    ------
    DetectorError : when the detector cannot work on these rows.
    """
    options = options or OutlierOptions()
    judge, sample = _fit(profiles, options)
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    top: list[tuple[float, int, dict[str, Any]]] = []
    with TableWriter(generation.table("outliers"), OUTLIERS_SCHEMA) as writer:
        for batch in _scored(profiles, judge):
            writer.write(batch)
            _count(batch, counts, reasons)
            _keep_top(batch, top, options.top)
    summary: dict[str, Any] = {
        "detector": options.detector,
        "options": asdict(options),
        "standing": judge.standing,
        "rows": counts["rows"],
        "scored": counts["scored"],
        "not_assessed": counts["rows"] - counts["scored"],
        "outliers": counts["outliers"],
        "extreme": counts["extreme"],
        "cut": _finite(judge.cut / log(10) if judge.model else judge.cut),
        "fitted_on": len(sample.values),
        "columns": [f.name for f in judge.model.features] if judge.model else judge.names,
        "ignored": judge.model.ignored if judge.model else {},
        "first_reasons": dict(reasons.most_common()),
    }
    content = {
        "summary": summary,
        "top": [entry for _, _, entry in sorted(top, key=lambda item: (-item[0], -item[1]))],
        "model": judge.model.to_json() if judge.model else None,
    }
    generation.write_details("outliers", content)
    return summary


# fitting


def _fit(profiles: ds.Dataset, options: OutlierOptions) -> tuple[_Judge, Sample]:
    chosen = features(profiles.schema, options.columns)
    names = [f.name for f in chosen]
    sample = draw(
        profiles, names, options.sample, options.seed, without_missing=() if options.detector == "tail" else names
    )
    standing = next(word for least, word in _RELIABILITY if sample.population >= least)
    if standing == "too_few_rows" or not chosen:
        return _Judge(chosen, None, None, np.inf, np.inf, True, "too_few_rows"), sample
    if options.detector == "tail":
        model = TailModel.fit(sample.values, chosen, whole=sample.complete)
        positions = [chosen.index(f) for f in model.features]
        cut = -log(options.rate)
        if options.contamination is not None:
            cut = _percentile(model.score(sample.values[:, positions]).score, options.contamination)
        judge = _Judge(
            model.features, None, model, cut, log(10) - log(options.rate), options.contamination is not None, standing
        )
        return judge, sample
    fitted = fit(options.detector, sample.values, chosen, options.seed)
    cut = _percentile(fitted.training_scores(), options.contamination or _DEFAULT_CONTAMINATION)
    return _Judge(chosen, fitted, None, cut, np.inf, True, standing), sample


def _percentile(scores: Values, share: float) -> float:
    known = scores[np.isfinite(scores)]
    return float(np.percentile(known, 100 * (1 - share))) if known.size else np.inf


# scoring


def _scored(profiles: ds.Dataset, judge: _Judge) -> Iterator[pa.RecordBatch]:
    for first, batch in read_batches(profiles, ["row", "file", "status", *judge.names]):
        values = matrix(batch, judge.names)
        usable = measured(batch)
        scores = np.full(len(values), np.nan)
        reasons: list[list[Reason]] = []
        if judge.model:
            index = np.flatnonzero(usable)
            rows = judge.model.score(values[index])
            scores[index] = rows.score
            flagged = judge.flags(scores)
            odd = np.flatnonzero(flagged[index])
            reasons = explain(judge.model, values[index], rows, odd, judge.cut)
            scores /= log(10)
        elif judge.fitted:
            usable &= np.isfinite(values).all(axis=1)
            scores[usable] = judge.fitted.score(values[usable])
            flagged = judge.flags(scores)
        else:
            flagged = np.zeros(len(values), bool)
        yield _table(batch, first, scores, flagged, scores * (log(10) if judge.model else 1) >= judge.extreme, reasons)


def _table(
    batch: pa.RecordBatch,
    first: int,
    scores: Values,
    flagged: Mask,
    extreme: Mask,
    reasons: list[list[Reason]],
) -> pa.RecordBatch:
    """Rows of the table; ``reasons`` are those of the flagged rows, in order, or none at all."""
    scored = np.isfinite(scores)
    severity = np.where(flagged & extreme, "extreme", np.where(flagged, "unusual", "none")).astype(object)
    severity[~scored] = None
    rows = batch.column("row") if "row" in batch.schema.names else pa.array(np.arange(first, first + batch.num_rows))
    return pa.record_batch(
        [
            rows,
            batch.column("file"),
            pa.array(np.where(scored, "scored", "not_assessed")),
            pa.array(np.round(scores, 6), from_pandas=True),
            pa.array(severity, pa.string()),
            pa.array(flagged),
            _lists(flagged, reasons),
        ],
        schema=OUTLIERS_SCHEMA,
    )


def _lists(flagged: Mask, reasons: list[list[Reason]]) -> pa.ListArray:
    counts = np.zeros(len(flagged), np.int32)
    if reasons:
        counts[flagged] = [len(found) for found in reasons]
    flat = pa.array([asdict(reason) for found in reasons for reason in found], REASON)
    return pa.ListArray.from_arrays(np.append(np.int32(0), np.cumsum(counts, dtype=np.int32)), flat)


# summary


def _count(batch: pa.RecordBatch, counts: Counter[str], reasons: Counter[str]) -> None:
    flagged = batch.column("is_outlier").to_numpy(zero_copy_only=False)
    counts["rows"] += batch.num_rows
    counts["scored"] += batch.num_rows - batch.column("score").null_count
    counts["outliers"] += int(flagged.sum())
    counts["extreme"] += batch.column("severity").to_pylist().count("extreme")
    for entry in batch.column("reasons").take(np.flatnonzero(flagged)).to_pylist():
        if entry:
            reasons[entry[0]["column"]] += 1


def _keep_top(batch: pa.RecordBatch, top: list[tuple[float, int, dict[str, Any]]], size: int) -> None:
    scores = batch.column("score").to_numpy(zero_copy_only=False)
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:size]
    for position in order:
        if not np.isfinite(scores[position]):
            return
        entry = batch.slice(position, 1).to_pylist()[0]
        item = (entry["score"], -entry["row"], entry)
        if len(top) < size:
            heapq.heappush(top, item)
        elif item[:2] > top[0][:2]:
            heapq.heapreplace(top, item)
        else:
            return


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
