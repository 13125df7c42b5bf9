"""Distributions from one pass agree with those of the whole data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqat_pipeline.report.sketch import Sketch

_VALUES = st.lists(st.floats(-1e6, 1e6).filter(lambda v: v == 0 or abs(v) > 1e-5), min_size=1, max_size=200)


def _sketch(*batches: np.ndarray) -> Sketch:
    sketch = Sketch()
    for batch in batches:
        sketch.add(np.asarray(batch, np.float64))
    return sketch


@given(_VALUES, st.floats(0, 1))
def test_quantile_is_a_value_of_the_data_to_a_thousandth(values: list[float], share: float) -> None:
    found = _sketch(values).quantile(share)[0]
    exact = np.quantile(np.array(values), share, method="inverted_cdf")
    assert found == pytest.approx(exact, rel=2e-3, abs=1e-5)


@given(_VALUES, st.integers(0, 200))
def test_batches_do_not_matter(values: list[float], cut: int) -> None:
    whole, parts = _sketch(values), _sketch(values[:cut], values[cut:])
    assert (whole.counts == parts.counts).all()
    assert (whole.n, whole.low, whole.high) == (parts.n, parts.low, parts.high)
    assert parts.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-9)
    assert parts.sd == pytest.approx(whole.sd, rel=1e-6, abs=1e-6)


def test_mean_and_deviation_are_exact() -> None:
    values = np.random.default_rng(1).normal(1000, 3, 5000)
    sketch = _sketch(values[:100], values[100:])
    assert sketch.mean == pytest.approx(values.mean())
    assert sketch.sd == pytest.approx(values.std(ddof=1))


def test_missing_and_infinite_values_are_counted_apart() -> None:
    sketch = _sketch([1.0, np.nan, np.inf, 2.0])
    assert (sketch.n, sketch.missing) == (2, 2)


def test_bins_hold_every_value_once() -> None:
    values = np.random.default_rng(2).normal(0, 1, 10_000)
    bins = _sketch(values).bins(np.linspace(-2, 2, 41))
    exact, _ = np.histogram(values, bins.edges)
    assert bins.counts.sum() + bins.below + bins.above == pytest.approx(10_000)
    assert np.abs(bins.counts - exact).max() < 5


def test_whole_numbers_fall_into_bins_between_half_numbers() -> None:
    values = np.repeat(np.arange(90, 100), 7)
    assert _sketch(values).bins(np.arange(89.5, 100)).counts == pytest.approx([7] * 10)


def test_moving_everything_by_half_a_deviation_is_a_shift_of_a_half() -> None:
    values = np.random.default_rng(3).normal(50, 8, 20_000)
    assert _sketch(values + 4).shift_from(_sketch(values)) == pytest.approx(0.5, abs=0.01)


def test_no_shift_against_itself_and_none_against_a_constant() -> None:
    values = np.random.default_rng(3).normal(50, 8, 2000)
    assert _sketch(values).shift_from(_sketch(values)) == 0
    assert _sketch(values).shift_from(_sketch(np.ones(5))) is None


def test_empty_sketch_has_no_quantile() -> None:
    assert np.isnan(_sketch(np.array([np.nan])).quantile(0.5)[0])
