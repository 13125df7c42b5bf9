"""Distributions for drawing: bins that show the bulk and the limits, and tails as counts."""

from collections.abc import Mapping
from math import ceil, isfinite
from typing import Any

import numpy as np

from bqat_pipeline.report.aggregates import Aggregates, Rows
from bqat_pipeline.report.document import Histogram, Limit, MeasureResult, Spread, WorstValue
from bqat_pipeline.report.inputs import Labels
from bqat_pipeline.report.measures import Measure
from bqat_pipeline.report.rates import rate
from bqat_pipeline.report.sketch import Floats, Sketch

_BINS = 48
_TAIL = 0.005  # share of the values on each side that may lie outside the drawing,
_REACH = 1.0  # and values further than this from the 5 and 95 % values, in distances between these two


def measure_result(measure: Measure, aggregates: Aggregates, rows: Rows, labels: Labels) -> MeasureResult:
    """One measure's distribution, limits and worst pictures."""
    sketch = aggregates.sketches[measure.name]
    quantity = measure.quantity
    scores = aggregates.scores.get(measure.name)
    score_p5, score_median = scores.quantile(0.05, 0.5) if scores and scores.n else (None, None)
    edges = None if quantity.boolean or sketch.n < 2 else drawing_edges(measure, sketch)
    return MeasureResult(
        name=measure.name,
        title=quantity.title,
        description=quantity.description,
        unit=quantity.unit,
        clause=measure.clause,
        method=measure.method,
        error=quantity.error,
        direction=measure.direction,
        group=measure.group,
        boolean=quantity.boolean,
        spread=spread(sketch, whole=measure.integer),
        histogram=None if edges is None else _histogram(sketch, edges),
        share_true=rate(round(sketch.mean * sketch.n), sketch.n) if quantity.boolean else None,
        score_median=None if score_median is None else round(score_median),
        score_p5=None if score_p5 is None else round(score_p5),
        limits=[Limit(requirement=r.name, low=r.min, high=r.max, band=r.band) for r in measure.requirements],
        worst=[
            WorstValue(row=row, label=labels.picture(rows[row]), value=_value(measure, rows[row]))
            for row in aggregates.worst_of.get(measure.name, [])
            if row in rows
        ],
    )


def _value(measure: Measure, row: Mapping[str, Any]) -> float:
    cells = {name: np.array([np.nan if row.get(name) is None else float(row[name])]) for name in measure.columns}
    return float(measure.values(cells)[0])


def spread(sketch: Sketch, *, whole: bool = False) -> Spread:
    """Mean, extremes and quantiles; whole numbers stay whole."""

    def clean(value: float) -> float | None:
        if not isfinite(value):
            return None
        return float(np.floor(value)) if whole else float(f"{value:.6g}")

    p1, p5, p25, p50, p75, p95, p99 = (clean(v) for v in sketch.quantile(0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99))
    empty = sketch.n == 0
    return Spread(
        n=sketch.n,
        missing=sketch.missing,
        mean=None if empty else sketch.mean,
        sd=sketch.sd if sketch.n > 1 else None,
        min=None if empty else sketch.low,
        p1=p1,
        p5=p5,
        p25=p25,
        p50=p50,
        p75=p75,
        p95=p95,
        p99=p99,
        max=None if empty else sketch.high,
    )


def drawing_edges(measure: Measure, sketch: Sketch) -> Floats | None:
    """Edges from about the 0.5 % to the 99.5 % value, stretched to a limit that is near; None for a single value."""
    low, p5, p95, high = sketch.quantile(_TAIL, 0.05, 0.95, 1 - _TAIL)
    if p95 > p5:
        low, high = max(low, p5 - _REACH * (p95 - p5)), min(high, p95 + _REACH * (p95 - p5))
    if measure.integer:
        low, high = float(np.floor(low)), float(np.floor(high))
        if low == high:  # nearly all the same: show some of the others
            low, high = max(sketch.low, low - 5), min(sketch.high, high + 5)
    elif not high > low:
        low, high = sketch.low, sketch.high
    if not high > low:
        return None
    width = high - low
    for requirement in measure.requirements:
        for limit in (requirement.min, requirement.max):
            if limit is not None and low - width / 2 <= limit <= high + width / 2:
                low, high = min(low, limit - width * 0.04), max(high, limit + width * 0.04)
    if measure.integer:
        step = max(ceil((high - low + 1) / _BINS), 1)
        steps = ceil((high - low + 1) / step)
        return np.asarray(np.floor(low) - 0.5 + step * np.arange(steps + 1), np.float64)
    return np.linspace(low, high, _BINS + 1)


def _histogram(sketch: Sketch, edges: Floats) -> Histogram:
    bins = sketch.bins(edges)
    return Histogram(
        edges=[float(f"{edge:.6g}") for edge in edges],
        counts=[round(float(count), 2) for count in bins.counts],
        below=round(bins.below),
        above=round(bins.above),
    )
