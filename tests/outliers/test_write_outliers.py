import json
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.outliers import DetectorError, OutlierOptions, write_outliers
from bqat_pipeline.outliers.extremes import Extremes
from bqat_pipeline.outliers.matrix import features, matrix
from bqat_pipeline.outliers.tail import TailModel
from tests.outliers.tables import dataset, portraits


def written(profiles: ds.Dataset, folder: Path, **options: object) -> tuple[dict, list[dict]]:
    summary = write_outliers(profiles, Generation("set", Location.parse(folder)), OutlierOptions(**options))  # type: ignore[arg-type]
    return summary, pq.read_table(folder / "outliers.parquet").to_pylist()


def test_a_value_far_out_is_flagged_and_the_first_reason_names_it(tmp_path: Path) -> None:
    columns = portraits()
    columns["yaw_degree"][17] = 60.0
    _, rows = written(dataset(columns), tmp_path)
    assert rows[17]["severity"] == "extreme"
    reason = rows[17]["reasons"][0]
    assert (reason["column"], reason["value"], reason["direction"], reason["kind"]) == (
        "yaw_degree",
        60.0,
        "high",
        "single",
    )
    assert reason["low"] < 0 < reason["high"] < 60
    assert "60 deg" in reason["words"]
    assert "higher than all 999 other pictures of the set" in reason["words"]


@pytest.mark.parametrize(
    ("column", "low", "high", "value", "said"),
    [
        ("aux_glasses_score", 0.2, 0.4, 9.05e-06, "Glasses is below 0.001: lower than all"),
        ("aux_glasses_score", 0.2, 0.4, 0.9999996, "Glasses is above 0.999: higher than all"),
        ("aux_glasses_score", 0.2, 0.4, 0.0, "Glasses is 0: lower than all"),
        ("aux_glasses_score", 0.2, 0.4, 1.0, "Glasses is 1: higher than all"),
        ("sharpness", 80.0, 120.0, 0.0000123456, "Sharpness is 0.0000123: lower than all"),
        ("sharpness", 80.0, 120.0, 123456.7, "Sharpness is 123,457: higher than all"),
    ],
)
def test_numbers_in_reasons_are_never_powers_of_ten(
    column: str, low: float, high: float, value: float, said: str, tmp_path: Path
) -> None:
    columns = portraits()
    columns[column] = np.random.default_rng(7).uniform(low, high, len(columns["sharpness"]))
    columns[column][17] = value
    _, rows = written(dataset(columns), tmp_path)
    words = [reason["words"] for reason in rows[17]["reasons"] if reason["column"] == column]
    assert words and words[0].startswith(said)


def test_reasons_claim_no_rate_that_the_set_cannot_show(tmp_path: Path) -> None:
    columns = portraits(343)
    columns["sharpness"][:3] = 0.001, 0.0011, 0.0012
    columns["glasses"][:] = False
    columns["glasses"][5] = columns["eye_closed_left"][5] = True
    _, rows = written(dataset(columns), tmp_path)
    words = " ".join(reason["words"] for row in rows for reason in row["reasons"])
    assert "1 in" not in words and "fewer than" not in words
    first = {row["row"]: row["reasons"][0]["words"] for row in rows if row["reasons"]}
    assert "lower than all 342 other pictures of the set" in first[0]
    # 340 of 343, rounded down
    assert "lower than 99.1 % of the 343 pictures of the set" in first[2]


def test_what_a_sample_shows_is_said_of_the_sample(tmp_path: Path) -> None:
    columns = portraits(1000)
    columns["glasses"][:] = False
    columns["glasses"][:4] = True
    columns["sharpness"][17] = 1e-6
    _, rows = written(dataset(columns), tmp_path, sample=300)
    assert "pictures of the sample" in rows[17]["reasons"][0]["words"]


def test_the_count_of_values_as_far_out_is_exact_at_the_ends_and_never_too_low() -> None:
    ordered = np.sort(np.random.default_rng(0).integers(0, 3000, 5000).astype(float))
    ends = Extremes.fit(ordered)
    for value in (*range(-1, 3002, 7), 0.5):
        for high in (True, False):
            true = int((ordered >= value).sum() if high else (ordered <= value).sum())
            counted = ends.as_far(value, high=high)
            assert counted >= true
            assert counted == true or counted > 49
            if true < 2500:
                assert counted <= 1.1 * true + 50
    assert Extremes.from_json(json.loads(json.dumps(ends.to_json()))).as_far(1.0, high=False) == ends.as_far(
        1.0, high=False
    )


def test_a_pair_that_does_not_match_is_flagged_though_each_value_is_ordinary(tmp_path: Path) -> None:
    columns = portraits()
    columns["ipd"][3], columns["iso_inter_eye_distance"][3] = 130.0, 110.0
    _, rows = written(dataset(columns), tmp_path)
    assert rows[3]["is_outlier"]
    reason = rows[3]["reasons"][0]
    assert reason["kind"] == "combination"
    assert reason["column"] in ("ipd", "iso_inter_eye_distance")
    assert "Interpupillary distance" in reason["words"] and "Inter-eye distance" in reason["words"]
    other = 131 if reason["column"] == "iso_inter_eye_distance" else 109
    assert reason["expected"] == pytest.approx(other, abs=6)


def test_no_reason_calls_a_value_lower_than_a_lower_one(tmp_path: Path) -> None:
    columns = portraits(111)
    for name, others in (
        ("aux_border_contact", ()),
        ("aux_crown_cut", (0.2, 0.1, 0.05)),
        ("aux_skin_highlights", (0.2, 0.1)),
        ("aux_background_shadow", (0.2, 0.1, 0.05)),
    ):
        columns[name] = np.zeros(111)
        start = 5 * len(columns)
        columns[name][start : start + len(others)] = others
        columns[name][3] = 0.04 if name == "aux_border_contact" else 1.0
    _, rows = written(dataset(columns), tmp_path)
    found = {reason["column"]: reason for reason in rows[3]["reasons"]}
    # the others suggest more than 0.04, which no picture has: it was "lower than they suggest (about 0.0356)"
    reason = found["aux_border_contact"]
    assert reason["words"] == "Face cut off is 0.04: higher than all 110 other pictures of the set (usual: 0)."
    assert (reason["kind"], reason["direction"], reason["expected"]) == ("single", "high", None)


def test_two_rare_flags_together_are_flagged_and_one_alone_is_not(tmp_path: Path) -> None:
    columns = portraits(4000)
    columns["glasses"] &= ~columns["eye_closed_left"]
    columns["glasses"][5] = columns["eye_closed_left"][5] = True
    _, rows = written(dataset(columns), tmp_path)
    assert rows[5]["is_outlier"]
    assert {r["column"] for r in rows[5]["reasons"]} >= {"glasses", "eye_closed_left"}
    alone = [r for r, g in zip(rows, columns["glasses"], strict=True) if g and r["row"] != 5]
    assert sum(r["is_outlier"] for r in alone) < 0.2 * len(alone)


def test_few_ordinary_pictures_are_flagged(tmp_path: Path) -> None:
    summary, _ = written(dataset(portraits(10_000)), tmp_path)
    assert summary["outliers"] <= 0.01 * 10_000
    assert summary["extreme"] <= 0.001 * 10_000


def test_pictures_without_a_measured_face_are_never_outliers(tmp_path: Path) -> None:
    columns = portraits()
    columns["status"][:3] = ["no_face", "unreadable", "crashed"]
    columns["brightness"][:3] = 1e6
    summary, rows = written(dataset(columns), tmp_path)
    for row in rows[:3]:
        assert (row["status"], row["score"], row["severity"], row["is_outlier"]) == ("not_assessed", None, None, False)
    assert summary["not_assessed"] == 3
    assert summary["rows"] == 1000


def test_missing_values_add_nothing_and_mostly_empty_rows_are_not_assessed(tmp_path: Path) -> None:
    columns = portraits()
    columns["yaw_degree"][0] = np.nan
    for name in (
        "confidence",
        "ipd",
        "iso_inter_eye_distance",
        "yaw_degree",
        "pitch_degree",
        "roll_degree",
        "brightness",
    ):
        columns[name][1] = np.nan
    _, rows = written(dataset(columns), tmp_path)
    assert rows[0]["status"] == "scored"
    assert rows[1]["status"] == "not_assessed"


def test_constant_empty_and_repeated_columns_are_ignored_with_the_reason(tmp_path: Path) -> None:
    columns = portraits()
    columns["contrast"] = np.full(1000, 7.0)
    columns["dynamic_range"] = np.full(1000, np.nan)
    columns["iso_head_pose_yaw"] = -columns["yaw_degree"]
    summary, _ = written(dataset(columns), tmp_path)
    assert summary["ignored"] == {
        "contrast": "the same value everywhere",
        "dynamic_range": "fewer than 20 values",
        "iso_head_pose_yaw": "moves with yaw_degree",
    }


@pytest.mark.parametrize(
    ("size", "standing"),
    [(0, "too_few_rows"), (19, "too_few_rows"), (20, "ranking_only"), (100, "low_confidence"), (200, "ok")],
)
def test_small_sets_say_how_far_they_can_be_trusted(tmp_path: Path, size: int, standing: str) -> None:
    columns = portraits(max(size, 1))
    if size > 5:
        columns["yaw_degree"][5] = 80.0
    profiles = dataset({k: v[:size] for k, v in columns.items()})
    summary, rows = written(profiles, tmp_path)
    assert summary["standing"] == standing
    assert any(r["is_outlier"] for r in rows) == (standing in ("low_confidence", "ok"))
    assert any(r["score"] is not None for r in rows) == (standing != "too_few_rows")


def test_the_result_does_not_depend_on_how_the_rows_are_stored(tmp_path: Path) -> None:
    columns = portraits(3000)
    whole = dataset(columns)
    table = whole.to_table()
    for start in range(0, 3000, 700):
        pq.write_table(table.slice(start, 700), tmp_path / f"part-{start:05}.parquet", row_group_size=123)
    parts = ds.dataset(tmp_path, format="parquet")
    options = {"sample": 500, "seed": 7}
    first = written(whole, tmp_path / "a", **options)
    assert written(parts, tmp_path / "b", **options) == first
    assert first[0]["fitted_on"] == 500


def test_contamination_flags_that_share_but_for_ties(tmp_path: Path) -> None:
    columns = portraits()
    numeric = {k: v for k, v in columns.items() if v.dtype != bool}
    assert written(dataset(numeric), tmp_path, contamination=0.03)[0]["outliers"] == 30
    assert 0 < written(dataset(columns), tmp_path, contamination=0.03)[0]["outliers"] <= 30


@pytest.mark.parametrize("detector", ["ECOD", "PCA"])
def test_the_detectors_of_the_bqat_api_write_the_same_table(tmp_path: Path, detector: str) -> None:
    columns = portraits()
    columns["yaw_degree"][9] = np.nan
    summary, rows = written(dataset(columns), tmp_path, detector=detector, contamination=0.02)
    assert summary["outliers"] == 20
    assert rows[9]["status"] == "not_assessed"


def test_the_stored_model_scores_like_the_fitted_one(tmp_path: Path) -> None:
    profiles = dataset(portraits())
    chosen = features(profiles.schema)
    batch = profiles.to_table().to_batches()[0]
    values = matrix(batch, [f.name for f in chosen])
    model = TailModel.fit(values, chosen)
    again = TailModel.from_json(json.loads(json.dumps(model.to_json(), allow_nan=False)))
    values = matrix(batch, [f.name for f in model.features])
    np.testing.assert_array_equal(again.score(values).score, model.score(values).score)


def test_the_summary_file_lists_the_most_unusual_pictures_first(tmp_path: Path) -> None:
    columns = portraits()
    columns["yaw_degree"][17] = 60.0
    written(dataset(columns), tmp_path, top=5)
    content = json.loads((tmp_path / "outliers.json").read_text())
    assert len(content["top"]) == 5
    assert content["top"][0]["row"] == 17
    assert [e["score"] for e in content["top"]] == sorted((e["score"] for e in content["top"]), reverse=True)
    assert content["summary"]["first_reasons"]["yaw_degree"] >= 1


def test_a_failed_write_leaves_the_old_table(tmp_path: Path) -> None:
    written(dataset(portraits()), tmp_path)
    before = (tmp_path / "outliers.parquet").read_bytes()
    columns = portraits(10)
    with pytest.raises(DetectorError):
        written(dataset(columns), tmp_path, detector="nonsense")
    assert (tmp_path / "outliers.parquet").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outliers.json", "outliers.parquet"]


@pytest.mark.parametrize("options", [{"rate": 0}, {"contamination": 0.7}, {"detector": "LOF"}, {"sample": 3}])
def test_wrong_options_are_refused(options: dict) -> None:
    with pytest.raises(DetectorError):
        OutlierOptions(**options)
