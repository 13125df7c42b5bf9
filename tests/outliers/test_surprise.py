import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqat_pipeline.outliers.surprise import Scale, as_score, as_surprise

VALUES = st.lists(
    st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6).map(lambda x: round(x, 6))), min_size=20, max_size=300
)


def signed(scale: Scale, values: np.ndarray) -> np.ndarray:
    scores = scale.score(values)
    return np.sign(scores) * as_surprise(scores)


@settings(max_examples=80, deadline=None)
@given(values=VALUES, probes=st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20))
def test_further_out_is_never_less_surprising(values: list[float], probes: list[float]) -> None:
    scores = Scale.fit(np.sort(np.array(values))).score(np.sort(np.array(probes)))
    assert np.isfinite(scores).all()
    assert (np.diff(scores) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(values=VALUES, factor=st.sampled_from([0.5, 2.0, 1024.0]))
def test_units_do_not_matter(values: list[float], factor: float) -> None:
    ordered = np.sort(np.array(values))
    expected = Scale.fit(ordered).score(ordered)
    np.testing.assert_allclose(Scale.fit(ordered * factor).score(ordered * factor), expected, atol=1e-6)


def test_inside_the_data_it_is_the_empirical_tail() -> None:
    found = signed(Scale.fit(np.arange(1000.0)), np.array([989.0, 499.5, 10.0]))
    # 11 of 1000 are at least 989; both sides count twice
    assert found == pytest.approx([-np.log(2 * 11 / 1000), 0.0, np.log(2 * 11 / 1000)], abs=0.02)


def test_a_value_that_most_pictures_share_is_no_surprise_and_its_neighbours_are_judged_apart() -> None:
    values = np.sort(np.r_[np.zeros(900), np.linspace(1, 2, 100)])
    found = signed(Scale.fit(values), np.array([-1.0, 0.0, 0.5, 1.5]))
    assert found[1] == 0
    assert found[0] < -6
    assert found[2] == pytest.approx(np.log(10) - np.log(2), abs=0.01)
    assert found[3] > found[2]


def test_beyond_the_data_distance_counts() -> None:
    scale = Scale.fit(np.sort(np.random.default_rng(0).normal(size=5000)))
    far = signed(scale, np.array([5.0, 10.0, 20.0]))
    assert far[1] - far[0] > 2
    assert far[2] - far[1] == pytest.approx(2 * (far[1] - far[0]), rel=0.05)


def test_a_few_bad_rows_cannot_hide_themselves() -> None:
    clean = np.sort(np.random.default_rng(0).normal(size=5000))
    dirty = np.sort(np.append(clean[:-25], np.full(25, 40.0)))
    assert signed(Scale.fit(dirty), np.array([40.0]))[0] > np.log(1e6)


def test_normal_scores_of_normal_data_are_normal() -> None:
    values = np.random.default_rng(0).normal(size=20_000)
    scores = Scale.fit(np.sort(values)).score(values)
    inside = np.abs(values) < 2
    assert np.abs(scores - values)[inside].max() < 0.1


def test_scores_and_surprises_are_two_ways_to_say_the_same() -> None:
    # 4.5 % of a normal distribution lie beyond 2 on both sides together
    assert as_surprise(np.array([2.0, -2.0])) == pytest.approx(-np.log(0.0455), abs=0.01)
    surprises = np.array([0.0, 0.5, 3.0, 20.0, 100.0])
    assert as_surprise(as_score(surprises)) == pytest.approx(surprises, abs=0.01)


def test_a_zero_or_negative_value_in_a_positive_column_is_surprising() -> None:
    scale = Scale.fit(np.sort(np.random.default_rng(0).lognormal(3, 0.8, 1000)))
    assert scale.logarithm
    assert (signed(scale, np.array([0.0, -5.0])) < -5).all()
    assert scale.score(np.array([np.nan]))[0] == 0
