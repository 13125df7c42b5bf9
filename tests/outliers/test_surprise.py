import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqat_pipeline.outliers.surprise import TwoSided, normal_score

VALUES = st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6)), min_size=20, max_size=300)


@settings(max_examples=80, deadline=None)
@given(values=VALUES, probes=st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20))
def test_further_out_is_never_less_surprising(values: list[float], probes: list[float]) -> None:
    tails = TwoSided.fit(np.sort(np.array(values)))
    signed = tails.surprise(np.sort(np.array(probes)))
    assert np.isfinite(signed).all()
    assert (np.diff(signed) >= -1e-9).all()


@settings(max_examples=60, deadline=None)
@given(values=VALUES, factor=st.sampled_from([0.5, 2.0, 1024.0]))
def test_units_do_not_matter(values: list[float], factor: float) -> None:
    ordered = np.sort(np.array(values))
    expected = TwoSided.fit(ordered).surprise(ordered)
    np.testing.assert_allclose(TwoSided.fit(ordered * factor).surprise(ordered * factor), expected, atol=1e-6)


def test_inside_the_data_it_is_the_empirical_tail() -> None:
    values = np.arange(1000.0)
    signed = TwoSided.fit(values).surprise(np.array([989.0, 499.5, 10.0]))
    # 11 of 1000 are at least 989; both sides count twice
    assert signed == pytest.approx([-np.log(2 * 11 / 1000), 0.0, np.log(2 * 11 / 1000)], abs=0.02)


def test_beyond_the_data_distance_counts() -> None:
    tails = TwoSided.fit(np.sort(np.random.default_rng(0).normal(size=5000)))
    far = tails.surprise(np.array([5.0, 10.0, 20.0]))
    assert far[1] - far[0] > 2
    assert far[2] - far[1] == pytest.approx(2 * (far[1] - far[0]), rel=0.01)


def test_a_few_bad_rows_cannot_hide_themselves() -> None:
    r = np.random.default_rng(0)
    clean = np.sort(r.normal(size=5000))
    dirty = np.sort(np.append(clean[:-25], np.full(25, 40.0)))
    assert TwoSided.fit(dirty).surprise(np.array([40.0]))[0] > np.log(1e6)


def test_normal_scores_of_normal_data_are_normal() -> None:
    r = np.random.default_rng(0)
    values = r.normal(size=20_000)
    scores = normal_score(TwoSided.fit(np.sort(values)).surprise(values))
    inside = np.abs(values) < 2
    assert np.abs(scores - values)[inside].max() < 0.1


def test_a_zero_or_negative_value_in_a_positive_column_is_surprising() -> None:
    tails = TwoSided.fit(np.sort(np.random.default_rng(0).lognormal(3, 0.8, 1000)))
    assert tails.logarithm
    assert (tails.surprise(np.array([0.0, -5.0])) < -5).all()
