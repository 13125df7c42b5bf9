"""Histograms of measures under a filter: values are put into bins once, then only counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.columns import ALL_COLUMNS
from bqat_pipeline.datasets.operators import Mask
from bqat_pipeline.requirements import Requirement
from bqat_pipeline.review.table import ReviewTable

BINS = 64
MOST_HISTOGRAMS = 12
# Rows that the range of a histogram is taken from, and the share of them on each side that may lie beyond it.
_SAMPLE, _TAIL = 50_000, 0.002
_MISSING = BINS


@dataclass(frozen=True)
class Bins:
    """A measure in bins.

    Attributes
    ----------
    low, high : Where the first bin begins and the last one ends; both also hold what lies beyond.
    codes : (n,) uint8, bin of each row; ``BINS`` where it has no value.
    counts : (64,) of all rows.
    """

    low: float
    high: float
    codes: NDArray[np.uint8]
    counts: list[int]


@dataclass(frozen=True)
class Histogram:
    """A measure under a filter.

    Attributes
    ----------
    column, title, unit : What is measured.
    low, high : Range; the first and the last bin also count what lies beyond.
    all, matching : Rows in each of 64 bins: of the data set, and of those that meet every filter but its own.
    min, max, band : Limits and uncertainty of the (first) requirement on it; None without one.
    """

    column: str
    title: str
    unit: str
    low: float
    high: float
    all: list[int]
    matching: list[int]
    min: float | None
    max: float | None
    band: float | None


def default_histograms(table: ReviewTable) -> list[str]:
    """The measures of the rule set's requirements, in its order; no more than are drawn at once."""
    return list(table.measures)[:MOST_HISTOGRAMS]


def histogram(table: ReviewTable, name: str, mask: Mask) -> Histogram:
    """A measure among the rows of a mask."""
    bins: Bins = table.bins.get(name, lambda: _put_into_bins(table, name))
    column = ALL_COLUMNS.get(name)
    requirement = next(iter(requirements_on(table, name)), None)
    return Histogram(
        column=name,
        title=column.title if column else name,
        unit=column.unit if column else "",
        low=bins.low,
        high=bins.high,
        all=bins.counts,
        matching=bins.counts if mask.all() else _counts(bins.codes[mask]),
        min=requirement.min if requirement else None,
        max=requirement.max if requirement else None,
        band=requirement.band if requirement else None,
    )


def requirements_on(table: ReviewTable, name: str) -> list[Requirement]:
    """Requirements that set a limit on a measure."""
    return [r for r in table.rules.requirements if r.quantity == name]


def _put_into_bins(table: ReviewTable, name: str) -> Bins:
    """Bins over the bulk of the values, wide enough to show the limits."""
    values = table.counted(name)
    low, high = _range(values, requirements_on(table, name))
    with np.errstate(invalid="ignore"):
        scaled = np.clip((values - low) * (BINS / (high - low)), 0, BINS - 1)
    scaled[np.isnan(scaled)] = _MISSING
    codes = scaled.astype(np.uint8)
    table.columns.release([name])
    return Bins(low, high, codes, _counts(codes))


def _range(values: NDArray[np.float64], limits: Sequence[Requirement]) -> tuple[float, float]:
    sample = values[:: max(1, len(values) // _SAMPLE)]
    if not np.isfinite(sample).any():
        sample = values
    sample = sample[np.isfinite(sample)]
    ends: list[float] = [float(q) for q in np.quantile(sample, [_TAIL, 1 - _TAIL])] if sample.size else []
    for r in limits:
        ends += [r.min - 2 * r.band] if r.min is not None else []
        ends += [r.max + 2 * r.band] if r.max is not None else []
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if not high > low:
        reach = abs(low) * 1e-3 or 0.5
        low, high = low - reach, high + reach
    return low, high


def _counts(codes: NDArray[np.uint8]) -> list[int]:
    found: list[Any] = np.bincount(codes, minlength=BINS + 1)[:BINS].tolist()
    return found
