import numpy as np
import pytest

from bqat_pipeline.outliers.patterns import Patterns


@pytest.fixture
def answers() -> np.ndarray:
    values = np.zeros((1000, 3))
    values[:400, 0] = 1  # common: smiles
    values[400:430, 1] = 1  # rare: glasses
    values[430:440, 2] = 1  # rarer: eyes closed
    values[440, 1:] = 1  # both
    return values


def test_the_rarer_the_combination_the_greater_the_surprise(answers: np.ndarray) -> None:
    patterns = Patterns.fit(answers)
    nothing, glasses, closed, both = patterns.surprise(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1.0]]))
    assert nothing == 0
    assert (glasses, closed, both) == pytest.approx((np.log(1000 / 41), np.log(1000 / 11), np.log(1000)))


def test_common_answers_and_missing_ones_do_not_count(answers: np.ndarray) -> None:
    patterns = Patterns.fit(answers)
    assert patterns.surprise(np.array([[1.0, 1, 0]])) == patterns.surprise(np.array([[0.0, 1, 0]]))
    assert patterns.surprise(np.array([[np.nan, np.nan, np.nan]])) == 0


def test_a_combination_never_seen_is_the_most_surprising(answers: np.ndarray) -> None:
    patterns = Patterns.fit(answers[:440])
    assert patterns.surprise(np.array([[0, 1, 1.0]]))[0] == pytest.approx(np.log(2 * 440))


def test_a_rare_no_counts_like_a_rare_yes(answers: np.ndarray) -> None:
    turned = 1 - answers
    np.testing.assert_array_equal(Patterns.fit(turned).surprise(turned), Patterns.fit(answers).surprise(answers))
    assert Patterns.fit(turned).rare_answers(turned[440]) == [2, 1]
