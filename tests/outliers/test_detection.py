import importlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.outliers import (
    WIRE_COLUMNS,
    WIRE_DETECTORS,
    DetectorError,
    DetectorOptions,
    detect,
    write_detections,
)
from bqat_pipeline.outliers.detectors import fit
from bqat_pipeline.outliers.ecod import Ecod
from bqat_pipeline.outliers.options import DetectorName
from tests.outliers.tables import dataset, portraits


def ecod_of_the_contract(values: np.ndarray) -> np.ndarray:
    """The definition in words, element by element."""
    n, columns = values.shape
    scores = np.zeros(n)
    for j in range(columns):
        x = values[:, j]
        deviation = x - x.mean()
        skewness = 0.0 if np.ptp(x) == 0 else np.mean(deviation**3) / np.mean(deviation**2) ** 1.5
        for i in range(n):
            left, right = -np.log(np.mean(x <= x[i])), -np.log(np.mean(x >= x[i]))
            by_sign = left if skewness < 0 else right if skewness > 0 else left + right
            scores[i] += max(by_sign, left, right)
    return scores


@pytest.fixture
def mixed() -> np.ndarray:
    r = np.random.default_rng(3)
    return np.c_[
        r.normal(size=150), r.exponential(size=150), -r.exponential(size=150), r.integers(0, 3, 150), np.ones(150)
    ]


def test_ecod_scores_follow_the_definition(mixed: np.ndarray) -> None:
    np.testing.assert_allclose(Ecod.fit(mixed).score(mixed), ecod_of_the_contract(mixed), rtol=0, atol=1e-12)


def test_ecod_scores_equal_those_of_pyod(mixed: np.ndarray) -> None:
    from pyod.models.ecod import ECOD

    symmetric = np.r_[-np.arange(75.0), np.arange(75.0)]
    values = np.c_[mixed[:, :4], symmetric]
    np.testing.assert_allclose(Ecod.fit(values).score(values), ECOD().fit(values).decision_scores_, rtol=0, atol=1e-12)


@pytest.mark.parametrize("detector", ["COPOD", "IForest", "KNN", "CBLOF", "PCA"])
def test_the_other_detectors_score_as_those_of_pyod(mixed: np.ndarray, detector: DetectorName) -> None:
    models = importlib.import_module(f"pyod.models.{detector.lower()}")
    seeded = {} if detector in ("COPOD", "KNN") else {"random_state": 5}
    for values in (mixed[:, :4], np.repeat(mixed[:40, :4], 3, axis=0), mixed[:3, :2]):
        smaller = {
            "KNN": {"n_neighbors": min(5, len(values) - 1)},
            "CBLOF": {"n_clusters": min(8, max(2, len(values) // 2))},
        }
        peer = getattr(models, detector)(**seeded, **smaller.get(detector, {}))
        try:
            peer.fit(values)
        except ValueError:
            with pytest.raises(DetectorError):
                fit(detector, values, (), seed=5)
            continue
        found = fit(detector, values, (), seed=5)
        np.testing.assert_allclose(found.training_scores(), peer.decision_scores_, rtol=1e-9, atol=1e-12)
        if detector != "COPOD":  # PyOD's counts the new rows among the fitted ones
            np.testing.assert_allclose(found.score(values + 0.3), peer.decision_function(values + 0.3), rtol=1e-9)


def test_outliers_are_strictly_above_the_percentile_in_the_order_of_the_data_set() -> None:
    columns = portraits(400)
    values = np.c_[tuple(columns[c] for c in WIRE_COLUMNS)]
    scores = ecod_of_the_contract(values)
    expected = np.flatnonzero(scores > np.percentile(scores, 95))
    found = list(detect(dataset(columns), DetectorOptions()))
    assert [r["row"] for r in found] == expected.tolist()
    assert [r["score"] for r in found] == pytest.approx(scores[expected].tolist(), abs=1e-12)
    assert found[0]["file"] == columns["file"][expected[0]]
    assert found[0]["data"] == {c: pytest.approx(float(columns[c][expected[0]])) for c in WIRE_COLUMNS}


def test_ties_at_the_cut_are_not_outliers() -> None:
    columns = portraits(100)
    for name in WIRE_COLUMNS:
        columns[name] = np.zeros(100)
    assert list(detect(dataset(columns), DetectorOptions())) == []


def test_rows_that_could_not_be_scored_come_last_with_minus_one() -> None:
    columns = portraits(300)
    columns["ipd"][0] = np.nan
    columns["status"][1] = "no_face"
    found = list(detect(dataset(columns), DetectorOptions()))
    assert [(r["row"], r["score"]) for r in found[-2:]] == [(0, -1.0), (1, -1.0)]
    assert set(found[-2]["data"]) == set(WIRE_COLUMNS) - {"ipd"}
    assert all(r["score"] > 0 for r in found[:-2])


def test_a_column_that_no_row_has_is_ignored() -> None:
    columns = portraits(300)
    columns["contrast"] = np.full(300, np.nan)
    options = DetectorOptions(columns=("ipd", "contrast", "no_such_column", "yaw_degree"))
    found = list(detect(dataset(columns, contrast=pa.float64()), options))
    assert found
    assert all(r["score"] > 0 and set(r["data"]) == {"ipd", "yaw_degree"} for r in found)


def test_booleans_count_as_numbers_and_so_does_numeric_text() -> None:
    columns = portraits(300)
    columns["text"] = np.array([str(v) for v in columns["ipd"]], object)
    columns["text"][4] = "none"
    found = list(detect(dataset(columns), DetectorOptions(columns=("smile", "text"))))
    assert found[-1]["row"] == 4
    assert found[-1]["data"] == {"smile": float(columns["smile"][4])}


def test_a_data_set_without_any_number_has_only_unscored_rows() -> None:
    columns = portraits(30)
    found = list(detect(dataset(columns), DetectorOptions(columns=("nothing",))))
    assert len(found) == 30
    assert all(r["score"] == -1 and r["data"] is None for r in found)


def test_an_empty_data_set_has_no_outliers() -> None:
    profiles = dataset({k: v[:0] for k, v in portraits(5).items()})
    assert list(detect(profiles, DetectorOptions())) == []


@pytest.mark.parametrize("detector", WIRE_DETECTORS)
def test_every_detector_finds_the_turned_head_and_answers_the_same_twice(detector: str) -> None:
    columns = portraits(200)
    columns["yaw_degree"][7], columns["pitch_degree"][7], columns["roll_degree"][7] = 70.0, 60.0, 50.0
    columns["constant"] = np.ones(200)
    options = DetectorOptions(detector, (*WIRE_COLUMNS, "constant"), 0.05)  # type: ignore[arg-type]
    found = list(detect(dataset(columns), options))
    assert len(found) == 10
    assert max(found, key=lambda r: r["score"])["row"] == 7 or detector in ("ECOD", "COPOD")
    assert 7 in [r["row"] for r in found]
    assert list(detect(dataset(columns), options)) == found


@pytest.mark.parametrize("detector", WIRE_DETECTORS)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_tiny_sets_give_an_answer_or_a_clear_error(detector: str, size: int) -> None:
    profiles = dataset({k: v[:size] for k, v in portraits(5).items()})
    try:
        found = list(detect(profiles, DetectorOptions(detector)))  # type: ignore[arg-type]
    except DetectorError as error:
        assert "ECOD works" in str(error)
    else:
        assert len(found) <= size


def test_contamination_above_a_half_fails() -> None:
    with pytest.raises(DetectorError, match=r"0\.6"):
        DetectorOptions(contamination=0.6)


@pytest.mark.parametrize("detector", ["ECOD", "KNN"])
def test_large_sets_are_fitted_on_a_sample_and_every_row_is_scored(
    detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bqat_pipeline.outliers.detection._EXACT_ROWS", 500)
    monkeypatch.setattr("bqat_pipeline.outliers.detection.SAMPLE_ROWS", 500)
    columns = portraits(2000)
    columns["yaw_degree"][1999] = 70.0
    found = list(detect(dataset(columns), DetectorOptions(detector)))  # type: ignore[arg-type]
    assert 60 <= len(found) <= 140
    assert found[-1]["row"] == 1999 or detector == "ECOD"


def test_written_detections_hold_the_same_rows(tmp_path: Path) -> None:
    columns = portraits(300)
    columns["ipd"][0] = np.nan
    profiles = dataset(columns)
    summary = write_detections(profiles, Generation("set", Location.parse(tmp_path)), DetectorOptions())
    rows = pq.read_table(tmp_path / "detections.parquet").to_pylist()
    expected = list(detect(profiles, DetectorOptions()))
    assert [(r["row"], r["file"], r["score"]) for r in rows] == [(r["row"], r["file"], r["score"]) for r in expected]
    assert (summary["outliers"], summary["unscored"]) == (len(rows) - 1, 1)


@pytest.mark.parametrize("columns", [None, (), WIRE_COLUMNS])
def test_profiles_without_the_default_columns_are_judged_by_what_they_have(columns: tuple[str, ...] | None) -> None:
    # Those of another engine; clients send nothing, an empty list, or the defaults spelled out.
    profiles = portraits(300)
    for name in WIRE_COLUMNS:
        del profiles[name]
    found = list(detect(dataset(profiles), DetectorOptions(columns=columns)))
    assert len(found) == 15
    assert {"brightness", "sharpness"} <= set(found[0]["data"])
