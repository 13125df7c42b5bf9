"""Failure rates of groups: what is marked is more than chance, however many groups and limits are compared."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import fisher_exact

from bqat_pipeline.requirements import ScorecardCounter, load_rule_set
from bqat_pipeline.requirements.group_differences import GroupComparison, compare_groups, fisher, holm

RULES = load_rule_set("enrolment-relaxed")


def compared(groups: dict[str, np.ndarray], **options: str) -> GroupComparison:
    """Groups compared by their inter-eye distances; everything else passes."""
    names = [name for name, values in groups.items() for _ in values]
    values = np.concatenate(list(groups.values()))
    passing = {c: np.zeros(values.size) for c in RULES.columns} | {"aux_intensity_levels": np.full(values.size, 200.0)}
    table = passing | {"iso_inter_eye_distance": values, "status": ["ok"] * values.size, "who": names}
    counter = ScorecardCounter(RULES, "who")
    counter.add(pa.RecordBatch.from_pydict(table))
    return compare_groups([counter.result()], **options)


@pytest.mark.parametrize(
    "case", [(3, 10, 1, 40), (0, 13, 0, 5), (8, 8, 0, 9), (17, 26, 33, 37), (60, 1000, 4000, 99_000)]
)
def test_the_test_is_fishers(case: tuple[int, int, int, int]) -> None:
    a, n, b, m = case
    assert fisher(a, n, b, m) == pytest.approx(fisher_exact([[a, n - a], [b, m - b]])[1], rel=1e-6)
    assert fisher(b, m, a, n) == pytest.approx(fisher(a, n, b, m), rel=1e-6)


def test_many_pictures_take_the_normal_limit_which_is_as_good() -> None:
    for a, b in ((10_300, 200_000), (10_030, 200_000), (9_800, 201_000)):
        exact = fisher_exact([[a, 90_000], [b, 1_800_000]])[1]
        assert fisher(a, a + 90_000, b, b + 1_800_000) == pytest.approx(exact, rel=0.1)


def test_p_values_are_raised_for_the_number_of_comparisons() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_a_group_that_fails_more_often_is_marked_from_both_sides() -> None:
    found = compared({"a": np.full(100, 100.0), "b": np.r_[np.full(30, 20.0), np.full(70, 100.0)]})
    marked = {(r.group, r.requirement): r for r in found.differences}
    assert set(marked) == {(g, r) for g in "ab" for r in ("inter_eye_distance", "overall")}
    distance = marked["b", "inter_eye_distance"]
    assert (distance.failed, distance.assessed, distance.others_failed, distance.others_assessed) == (30, 100, 0, 100)
    assert distance.difference == pytest.approx(0.3) and marked["a", "overall"].difference == pytest.approx(-0.3)
    assert found.comparisons == 2  # of two groups each is the other's other; limits that nobody fails do not count


def test_chance_and_trifles_are_not_marked() -> None:
    assert not compared({"a": np.full(39, 100.0), "b": np.r_[20.0, np.full(4, 100.0)]}).differences
    many = compared({"a": np.r_[np.full(4000, 20.0), np.full(96_000, 100.0)], "b": np.full(100_000, 100.0)})
    assert many.differences
    trifle = compared({"a": np.r_[np.full(1000, 20.0), np.full(99_000, 100.0)], "b": np.full(100_000, 100.0)})
    assert trifle.rates[-1].adjusted <= 1 and not trifle.differences  # one percentage point, certain as it is


def test_one_false_mark_in_twenty_tables_at_most() -> None:
    random, marked, tables = np.random.default_rng(3), 0, 200
    for _ in range(tables):
        groups = {name: np.where(random.random(40) < 0.2, 20.0, 100.0) for name in "abcdefgh"}
        marked += bool(compared(groups).differences)
    assert marked <= tables * 0.05 + 3 * (tables * 0.05 * 0.95) ** 0.5


def test_pictures_without_a_value_are_no_group() -> None:
    found = compared({"a": np.full(50, 100.0), "b": np.full(50, 100.0), "?": np.full(50, 20.0)}, no_value="?")
    assert {r.group for r in found.rates} == {"a", "b"} and not found.comparisons
