"""No limit and no outlier rests on the tone of the skin: same room, same light, only the face is darker."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pyarrow.parquet as pq
import pytest
import skimage.data

from bqat_pipeline.columns import columns_for
from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.outliers import OutlierOptions, write_outliers
from bqat_pipeline.requirements import evaluate_row, list_rule_sets, load_rule_set
from tests.outliers.tables import dataset, portraits

# About the light or the colour of the face; the darkened skin may change nothing in what these decide.
LIGHT = ("under_exposure", "over_exposure", "intensity_levels", "light_zones")


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return FaceEngine()


def portrait(name: str) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
    """A package portrait, with the centre and the half axes of its face in px."""
    if name == "hopper":
        path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
        return cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), (262, 218), (78, 112)
    image = cv2.resize(skimage.data.astronaut(), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    return image, (450, 220), (90, 130)


def with_darker_face(name: str, share: float) -> np.ndarray:
    """The portrait with its face at a share of the stored brightness; the room stays as it is."""
    image, centre, axes = portrait(name)
    mask = cv2.ellipse(np.zeros(image.shape[:2], np.float32), centre, axes, 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 6)[..., None]
    return (image * (1 - mask * (1 - share))).astype(np.uint8)


@pytest.mark.parametrize("name", ["hopper", "astronaut"])
@pytest.mark.parametrize("share", [0.6, 0.5, 0.42])
def test_a_darker_face_in_an_unchanged_room_fails_no_limit_of_light(
    engine: FaceEngine, name: str, share: float
) -> None:
    row = engine.analyse(with_darker_face(name, share))
    assert row["status"] in ("ok", "multiple_faces")
    assert row["iso_under_exposure_prevention"] > (0.15 if share > 0.5 else 0.35)  # linear luminance is low indeed
    for profile in map(load_rule_set, list_rule_sets()):
        verdict = evaluate_row(profile, row)
        for requirement in set(LIGHT) & set(verdict.results):
            assert verdict.results[requirement] == "pass", (profile.name, requirement)
        assert "dark" not in " ".join(verdict.reasons)


@pytest.mark.parametrize("name", ["hopper", "astronaut"])
def test_a_darker_face_fails_nothing_that_the_same_face_does_not_fail(engine: FaceEngine, name: str) -> None:
    before, after = (engine.analyse(with_darker_face(name, share)) for share in (1.0, 0.42))
    for profile in map(load_rule_set, list_rule_sets()):
        expected, found = evaluate_row(profile, before), evaluate_row(profile, after)
        worse = {r for r, outcome in found.results.items() if outcome == "fail" and expected.results[r] != "fail"}
        assert not worse and (found.overall == "fail") == (expected.overall == "fail"), (profile.name, worse)


@pytest.mark.parametrize("share", [1.0, 0.6, 0.42])
def test_really_bad_light_fails_every_skin(engine: FaceEngine, share: float) -> None:
    dark = (255 * (with_darker_face("hopper", share) / 255) * (1 / 32) ** (1 / 2.2)).astype(np.uint8)
    row = engine.analyse(dark)
    assert row["status"] == "ok"
    for name in list_rule_sets():
        assert evaluate_row(load_rule_set(name), row).results["intensity_levels"] == "fail", name


@pytest.mark.parametrize("share", [0.6, 0.42])
def test_a_smile_and_its_absence_are_seen_on_a_darker_face(engine: FaceEngine, share: float) -> None:
    for name, smiles in (("astronaut", True), ("hopper", False)):
        row = engine.analyse(with_darker_face(name, share))
        assert (row["smile"], row["glasses"], row["eye_closed_left"]) == (smiles, name == "hopper", False)


def test_a_face_without_detail_fails_whatever_its_tone(engine: FaceEngine) -> None:
    image, _, _ = portrait("hopper")
    for faulty in (image * 0.1, 200 + image * 0.1):  # far too dark; washed out
        row = engine.analyse(faulty.astype(np.uint8))
        assert row["aux_intensity_levels"] < 40
        verdict = evaluate_row(load_rule_set("enrolment-relaxed"), row)
        assert verdict.results["intensity_levels"] == "fail"
        assert any("levels of grey" in reason for reason in verdict.reasons)


def test_no_shipped_limit_is_set_on_a_column_that_follows_skin_tone() -> None:
    registry = columns_for("fusion", 7)
    for profile in map(load_rule_set, list_rule_sets()):
        for requirement in profile.requirements:
            assert not registry[requirement.quantity].follows_skin_tone, (profile.name, requirement.name)


def test_dark_skin_alone_makes_nobody_an_outlier(tmp_path: Path) -> None:
    columns = portraits()
    random = np.random.default_rng(1)
    columns["iso_luminance_mean"] = random.normal(0.25, 0.03, 1000)
    columns["iso_under_exposure_prevention"] = random.beta(4, 60, 1000)
    columns["iso_dynamic_range"] = random.normal(6.65, 0.2, 1000)
    columns["iso_luminance_mean"][7], columns["iso_under_exposure_prevention"][7] = 0.065, 0.85
    columns["iso_dynamic_range"][7] = 4.98

    def reasons(folder: Path, names: tuple[str, ...] | None) -> list[str]:
        write_outliers(dataset(columns), Generation("set", Location.parse(folder)), OutlierOptions(columns=names))
        return [reason["column"] for reason in pq.read_table(folder / "outliers.parquet").to_pylist()[7]["reasons"]]

    assert not {c for c in reasons(tmp_path / "default", None) if c.startswith("iso_")} - {"iso_inter_eye_distance"}
    assert "iso_luminance_mean" in reasons(tmp_path / "named", tuple(columns)[3:])  # asked for by name
