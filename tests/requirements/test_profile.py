from pathlib import Path

import pytest

from bqat_pipeline.columns import ALL_COLUMNS, columns_for
from bqat_pipeline.requirements import RuleSetError, list_rule_sets, load_rule_set

MINIMAL = """
name = "mine"
title = "Mine"
version = "1"
[[requirements]]
name = "eyes"
title = "Eye distance"
quantity = "iso_inter_eye_distance"
min = 50
source = "house rule"
certainty = "own"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_the_shipped_profiles_load() -> None:
    assert list_rule_sets() == ["bsi-tr-03121", "enrolment-relaxed", "icao-tr-portrait", "recognition"]
    for name in list_rule_sets():
        profile = load_rule_set(name)
        assert profile.name == name
        assert len(profile.digest) == 64


@pytest.mark.parametrize("name", ["bsi-tr-03121", "enrolment-relaxed", "icao-tr-portrait"])
def test_the_band_of_an_angle_is_the_error_that_the_registry_states(name: str) -> None:
    bands = {r.quantity: r.band for r in load_rule_set(name).requirements}
    angles = [f"iso_head_pose_{angle}" for angle in ("yaw", "pitch", "roll")]
    assert [bands[angle] for angle in angles] == [ALL_COLUMNS[angle].error for angle in angles]
    assert all(ALL_COLUMNS[angle].evidence for angle in angles)


@pytest.mark.parametrize(("line", "band"), [("", 2.5), ("band = 0", 0), ("band = 1.5", 1.5)])
def test_a_rule_set_may_state_a_band_of_its_own(tmp_path: Path, line: str, band: float) -> None:
    text = MINIMAL.replace("iso_inter_eye_distance", "iso_head_pose_yaw") + line
    assert load_rule_set(str(written(tmp_path, text))).requirements[0].band == band


@pytest.mark.parametrize("name", ["bsi-tr-03121", "enrolment-relaxed", "icao-tr-portrait", "recognition"])
def test_shipped_profiles_use_only_columns_of_the_face_engine_that_it_can_compute(name: str) -> None:
    registry = columns_for("bqat")
    for column in load_rule_set(name).columns:
        assert column in registry
        assert registry[column].method != "not_computable"


@pytest.mark.parametrize("name", ["bsi-tr-03121", "enrolment-relaxed", "icao-tr-portrait", "recognition"])
def test_every_shipped_limit_gives_advice_for_each_side(name: str) -> None:
    for requirement in load_rule_set(name).requirements:
        assert bool(requirement.below) == (requirement.min is not None), requirement.name
        assert bool(requirement.above) == (requirement.max is not None), requirement.name


def test_a_user_can_bring_a_file(tmp_path: Path) -> None:
    profile = load_rule_set(written(tmp_path, MINIMAL))
    assert profile.requirements[0].limit == "at least 50 px"


def test_digest_ignores_layout_and_follows_content(tmp_path: Path) -> None:
    first = load_rule_set(written(tmp_path, MINIMAL)).digest
    assert load_rule_set(written(tmp_path, "# a comment\n" + MINIMAL)).digest == first
    assert load_rule_set(written(tmp_path, MINIMAL.replace("50", "51"))).digest != first


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("iso_inter_eye_distance", "iso_nothing", "iso_nothing"),
        ("iso_inter_eye_distance", "file", "file"),
        ("min = 50", "", "min, max or both"),
        ("min = 50", "min = inf", "finite"),
        ("min = 50", "min = 50\nmax = 40", "above max"),
        ("min = 50", "min = 50\nbelow = '{value.__class__}'", "value.__class__"),
        ("min = 50", "min = 50\nbelow = '{value:zz}'", "cannot be written"),
        ("min = 50", "min = 50\nbelow = '{max:.1f}'", "cannot be written"),
        ("min = 50", "min = 50\ntypo = 1", "typo"),
        ('name = "eyes"', 'name = "overall"', "taken"),
        ("version", "version =", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_the_fault(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(RuleSetError, match=r"mine\.toml") as caught:
        load_rule_set(written(tmp_path, MINIMAL.replace(old, new)))
    assert words in str(caught.value)


def test_an_unknown_name_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(RuleSetError, match="icao-tr-portrait"):
        load_rule_set("../../etc/passwd")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleSetError, match="cannot be read"):
        load_rule_set(tmp_path / "none.toml")
