"""The search for close templates: exact, bounded, in order."""

import numpy as np
import pytest

from bqat_pipeline.identity import closeness
from bqat_pipeline.identity.closeness import Searchable, close_pairs


def made_up(count: int, planted: int, seed: int = 0, spread: float = 1.0) -> tuple[np.ndarray, set[tuple[int, int]]]:
    """(count, 128) float16 templates around a common direction, and pairs of them that are 0.05 to 0.33 apart."""
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(count, 128)) + spread * draw.normal(size=128)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chosen = draw.permutation(count)[: 2 * planted]
    a, b = chosen[:planted], chosen[planted:]
    noise = draw.normal(size=(planted, 128))
    noise -= (noise * vectors[a]).sum(axis=1, keepdims=True) * vectors[a]
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    angle = 2 * np.arcsin(draw.uniform(0.05, 0.33, (planted, 1)) / 2)
    vectors[b] = np.cos(angle) * vectors[a] + np.sin(angle) * noise
    pairs = {(min(i, j), max(i, j)) for i, j in zip(a.tolist(), b.tolist(), strict=True)}
    return vectors.astype(np.float16), pairs


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("workers", [1, 3])
def test_all_planted_pairs_are_found_and_no_others(spread: float, workers: int) -> None:
    templates, planted = made_up(2500, 100, spread=spread)
    found = close_pairs(templates, 0.34, workers=workers)
    all_apart = 2 - 2 * templates.astype(np.float64) @ templates.astype(np.float64).T
    i, j = np.nonzero(np.triu(all_apart < 0.339**2, 1))
    got = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert planted <= got
    assert set(zip(i.tolist(), j.tolist(), strict=True)) <= got
    exact = np.linalg.norm(templates[found.first].astype(float) - templates[found.second].astype(float), axis=1)
    np.testing.assert_allclose(found.distance, exact, atol=1e-5)
    assert (np.diff(found.distance) >= 0).all()
    assert found.distance[-1] < 0.34
    assert not found.left_out


def test_pairs_between_two_sets() -> None:
    templates, planted = made_up(3000, 100, seed=1)
    a, b = templates[:1300], templates[1300:]
    found = close_pairs(a, 0.34, other=b, workers=2)
    got = {(i, j + 1300) for i, j in zip(found.first.tolist(), found.second.tolist(), strict=True)}
    assert {pair for pair in planted if pair[0] < 1300 <= pair[1]} <= got
    assert all(i < 1300 <= j for i, j in got)


def test_more_pairs_than_can_be_kept_leave_the_closest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closeness, "_ROWS", 64)
    draw = np.random.default_rng(2)
    one_person = np.ones(128) / 128**0.5 + draw.normal(0, 0.005, (700, 128)) * draw.uniform(0, 2, (700, 1))
    templates = (one_person / np.linalg.norm(one_person, axis=1, keepdims=True)).astype(np.float16)
    everything = close_pairs(templates, 0.34)
    some = close_pairs(templates, 0.34, most=1000, workers=2)
    assert len(everything.first) > 200_000
    assert some.left_out
    assert not everything.left_out
    np.testing.assert_array_equal(some.first, everything.first[:1000])
    np.testing.assert_array_equal(some.second, everything.second[:1000])


def test_one_template_against_a_set() -> None:
    templates, planted = made_up(20_000, 50, seed=3)
    searchable = Searchable(templates)
    for i, j in planted:
        positions, distances = searchable.near(templates[i], 0.34, 10)
        assert positions.tolist() == [i, j]
        assert distances[0] < 1e-3
    assert len(searchable.near(-templates[0], 0.34, 10)[0]) == 0
    assert len(searchable.near(templates[0], 2.0, 7)[0]) == 7


def test_nothing_and_little() -> None:
    for count in (0, 1, 2):
        found = close_pairs(np.eye(128, dtype=np.float16)[:count], 0.34)
        assert len(found.first) == 0
    twice = np.repeat(np.eye(128, dtype=np.float16)[:1], 2, axis=0)
    assert close_pairs(twice, 0.34).distance.tolist() == [0.0]
