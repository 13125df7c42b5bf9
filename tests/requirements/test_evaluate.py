import math
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqat_pipeline import requirements
from bqat_pipeline.columns import STATUSES, columns_for
from bqat_pipeline.requirements import (
    OUTCOMES,
    evaluate_batch,
    evaluate_row,
    judge_batch,
    list_rule_sets,
    load_rule_set,
    quantity,
    requirement_outcomes,
)
from tests.requirements.rows import GOOD


def icao(**changes: object):
    return evaluate_row(load_rule_set("icao-tr-portrait"), GOOD | changes)


def test_a_good_portrait_passes_without_reasons() -> None:
    verdict = icao()
    assert verdict.overall == "pass"
    assert verdict.reasons == ()


def test_no_advice_asks_for_an_amount_of_nothing() -> None:
    rules = load_rule_set("icao-tr-portrait")
    for distance in (88.4, 89.6, 89.99, 90.0, 90.4, 91.9):
        (reason,) = evaluate_row(rules, GOOD | {"iso_inter_eye_distance": distance}).reasons
        assert " 0 px" not in reason


def test_the_outcomes_of_a_picture_equal_its_verdict_and_say_value_and_limit() -> None:
    rules = load_rule_set("icao-tr-portrait")
    row = GOOD | {"iso_head_pose_yaw": 9.2, "iso_inter_eye_distance": None}
    outcomes = {outcome.name: outcome for outcome in requirement_outcomes(rules, row)}
    assert {name: outcome.outcome for name, outcome in outcomes.items()} == evaluate_row(rules, row).results
    yaw = outcomes["yaw"]
    assert (yaw.value, yaw.min, yaw.max, yaw.unit, yaw.clause) == (9.2, -5, 5, "deg", "7.4.11")
    assert yaw.sentence == evaluate_row(rules, row).reasons[0]
    assert outcomes["inter_eye_distance"].value is None
    assert outcomes["inter_eye_distance"].outcome == "not_assessed"


def test_the_advice_says_side_and_amount() -> None:
    # ISO yaw above 0: the nose points to the right of the picture.
    assert icao(iso_head_pose_yaw=9.2).reasons[0].startswith("Turn the head by about 10 degrees to the image left")
    assert icao(iso_head_pose_yaw=-9.2).reasons[0].startswith("Turn the head by about 10 degrees to the image right")
    assert icao(iso_head_pose_pitch=12.0).reasons[0].startswith("Raise the chin by about 10 degrees")
    assert icao(iso_head_pose_roll=12.0).reasons[0].startswith("Tilt the head by about 12 degrees clockwise")
    assert "Move the face 10% of the image width to the image left" in icao(aux_face_position_x=0.6).reasons[0]
    assert "Move the face up by 5% of the image height" in icao(aux_face_position_y=0.55).reasons[0]


@pytest.mark.parametrize(("angle", "value"), [("yaw", -4.6), ("pitch", 1.8), ("pitch", -5.0), ("roll", 7.5)])
def test_an_angle_within_its_limit_by_less_than_its_error_gets_no_instruction(angle: str, value: float) -> None:
    (reason,) = icao(**{f"iso_head_pose_{angle}": value}).reasons
    advice, _, found = reason.partition(" (")
    assert advice == f"Look at the picture: {angle} is within the limit, but by less than its error"
    assert f"{angle} {value:.1f} ± " in found and found.endswith("borderline: within the error of the measurement).")


@pytest.mark.parametrize(("angle", "value"), [("yaw", 5.6), ("pitch", -8.2), ("roll", 8.5)])
def test_no_angle_is_asked_for_inside_the_error_of_the_measurement(angle: str, value: float) -> None:
    (reason,) = icao(**{f"iso_head_pose_{angle}": value}).reasons
    advice, _, found = reason.partition(" (")
    assert advice.startswith("Perhaps ") and " a little" in advice and "degrees" not in advice
    assert f"{angle} {value:.1f} ± " in found and found.endswith("borderline: within the error of the measurement).")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("aux_crown_cut", 0.14, "Look at the picture: head cut off at the top is within the limit, but by less than its error"),
        ("aux_crown_cut", 0.22, "Perhaps the head is cut off at the top: the whole head must be in the picture"),
        ("aux_side_room", 0.09, "Look at the picture: room beside the head is within the limit, but by less than its error"),
        ("aux_eye_closed_score_left", 0.37, "Look at the picture: left eye closed is within the limit, but by less"),
        ("aux_mouth_open_score", 0.6, "Perhaps close the mouth"),
        ("aux_eye_redness", 0.215, "Look at the picture: red eyes is within the limit, but by less than its error"),
        ("aux_level_spacing", 2.6, "Look at the picture: posterisation is within the limit, but by less than its error"),
        ("aux_intensity_levels", 130, "Look at the picture: intensity levels is within the limit, but by less than"),
        # size and place: what to do is plain
        ("iso_inter_eye_distance", 91, "To be sure, use a larger picture or move closer (inter-eye distance 91 px, "),
        ("aux_face_position_y", 0.497, "To be sure, move the face up by 1% of the image height"),
        ("aux_head_length_ratio", 0.58, "Perhaps move closer or crop tighter: the head fills 58% of the image height"),
    ],
)  # fmt: skip
def test_what_is_borderline_is_not_said_as_if_it_were_certain(column: str, value: float, words: str) -> None:
    (reason,) = icao(**{column: value}).reasons
    assert reason.startswith(words) and reason.endswith(", borderline).")


def test_nobody_is_told_to_move_the_head_in_a_picture_that_has_to_be_turned_first() -> None:
    # yaw and pitch are about the axes of the picture as it lies: upside down, a raised chin has a pitch above 0
    for turned in ({"aux_upside_down": True}, {"aux_quarter_turn": 1}):
        for name in ("icao-tr-portrait", "bsi-tr-03121", "enrolment-relaxed"):
            row = GOOD | turned | {"iso_head_pose_pitch": 29.0, "iso_head_pose_yaw": -29.0, "aux_gaze_deviation": 40.0}
            found = {o.name: o.sentence for o in requirement_outcomes(load_rule_set(name), row)}
            for angle in ("yaw", "pitch", "looking_at_camera"):
                assert "; mend this first: the picture " in found[angle], found[angle]


def test_what_has_to_be_mended_first_is_not_certain_either_where_it_is_borderline() -> None:
    width, cut = icao(aux_crown_cut=0.22, aux_head_width_ratio=0.45).reasons
    assert cut.startswith("Perhaps the head is cut off at the top")
    assert width.endswith("; mend this first: the head is cut off at the top (borderline).")


@pytest.mark.parametrize(
    ("yaw", "outcome"),
    [(0, "pass"), (2.5, "pass"), (2.6, "borderline"), (5, "borderline"), (7.5, "borderline"), (7.6, "fail")],
)
def test_yaw_near_the_limit_is_borderline_within_the_measurement_error(yaw: float, outcome: str) -> None:
    assert icao(iso_head_pose_yaw=yaw).results["yaw"] == outcome
    assert icao(iso_head_pose_yaw=-yaw).results["yaw"] == outcome


def test_a_missing_value_is_not_assessed_and_never_a_pass() -> None:
    verdict = icao(iso_head_pose_yaw=None)
    assert verdict.results["yaw"] == "not_assessed"
    assert verdict.overall == "not_assessed"


def test_a_failure_outweighs_a_missing_value() -> None:
    assert icao(iso_head_pose_yaw=None, aux_eye_closed_score_left=0.9).overall == "fail"


def test_recommended_requirements_do_not_decide() -> None:
    verdict = icao(aux_smile_score=0.97)
    assert verdict.results["neutral_expression"] == "fail"
    assert verdict.overall == "pass"
    assert verdict.reasons == ("Ask for a neutral expression (smile 97%, limit at most 50%).",)


def test_informative_requirements_are_judged_and_neither_decide_nor_give_a_reason(tmp_path: Path) -> None:
    shipped = Path(requirements.__file__).with_name("icao-tr-portrait.toml").read_text()
    before, _, rest = shipped.partition('name = "neutral_expression"')
    path = tmp_path / "house.toml"
    path.write_text(f'{before}name = "neutral_expression"{rest.replace("recommended", "informative", 1)}')
    verdict = evaluate_row(load_rule_set(str(path)), GOOD | {"aux_smile_score": 0.97})
    assert (verdict.results["neutral_expression"], verdict.overall, verdict.reasons) == ("fail", "pass", ())


def test_at_most_five_reasons_required_failures_first() -> None:
    verdict = icao(
        aux_smile_score=0.9,
        iso_head_pose_yaw=4.0,
        aux_eye_closed_score_left=0.9,
        aux_eye_closed_score_right=0.9,
        aux_mouth_open_score=0.8,
        iso_inter_eye_distance=20.0,
        iso_head_pose_pitch=30.0,
    )
    assert len(verdict.reasons) == 5
    assert not any("borderline" in reason for reason in verdict.reasons)


def test_pictures_that_were_not_measured_are_not_assessed() -> None:
    verdict = icao(status="no_face")
    assert verdict.overall == "not_assessed"
    assert set(verdict.results.values()) == {"not_assessed"}


def test_position_and_head_length_follow_from_native_values_where_an_engine_has_only_those() -> None:
    # eyes at x = 300 and 500, y = 400 in a picture of 768 x 1024 px, turned by 20 degrees
    distance, yaw, chin = 200.0, 20.0, 384.0
    row = {
        "image_width": 768,
        "inter_eye_distance": distance / math.cos(math.radians(yaw)),
        "head_pose_yaw": yaw,
        "leftward_crop_of_the_face_image": 500 / distance,
        "rightward_crop_of_the_face_image": (768 - 300) / distance,
        "margin_above_of_the_face_image": 400 / chin,
        "head_size": chin / 1024,
    }
    expected = {
        "aux_face_position_x": 400 / 768,
        "aux_face_position_y": 400 / 1024,
        "aux_head_length_ratio": 2 * chin / 1024,
    }
    for name, value in expected.items():
        found = quantity(name)
        columns = [np.array([row.get(c.removeprefix("iso_"), np.nan)]) for c in found.columns]
        assert found.compute(*columns)[0] == pytest.approx(value)
        assert found.compute(np.array([0.123]), *columns[1:])[0] == 0.123


def test_profiles_travel_to_worker_processes() -> None:
    profile = load_rule_set("icao-tr-portrait")
    evaluate_row(profile, GOOD)
    assert evaluate_row(pickle.loads(pickle.dumps(profile)), GOOD).overall == "pass"


NUMBER = st.one_of(st.none(), st.floats(-200, 2000), st.sampled_from([0.0, 5.0, 90.0, math.nan, math.inf, 7.5, 0.6]))
ROW = st.fixed_dictionaries(
    {"status": st.sampled_from(sorted(STATUSES))}
    | {
        name: {
            "float": NUMBER,
            "int": st.one_of(st.none(), st.integers(-5, 3000)),
            "bool": st.sampled_from([None, True, False]),
        }[columns_for("bqat")[name].type]
        for name in sorted({c for p in list_rule_sets() for c in load_rule_set(p).columns})
    }
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=8), name=st.sampled_from(list_rule_sets()))
def test_a_batch_is_judged_like_its_rows(rows: list[dict], name: str) -> None:
    profile = load_rule_set(name)
    registry = columns_for("bqat")
    batch = pa.RecordBatch.from_pylist(rows, schema=pa.schema([registry[c].arrow_field() for c in rows[0]]))
    codes = evaluate_batch(profile, batch)
    overall, reasons = judge_batch(profile, batch)
    for position, row in enumerate(rows):
        verdict = evaluate_row(profile, row)
        assert (overall[position], tuple(reasons[position])) == (verdict.overall, verdict.reasons)
        assert OUTCOMES[codes["overall"][position]] == verdict.overall
        assert {k: OUTCOMES[codes[k][position]] for k in verdict.results} == verdict.results


def test_a_data_set_of_the_ofiq_engine_is_judged_by_its_own_columns() -> None:
    profile = load_rule_set("icao-tr-portrait")
    row = {"status": "ok", "inter_eye_distance": 50.0, "head_pose_yaw": 0.0}
    verdict = evaluate_row(profile, row)
    assert verdict.results["inter_eye_distance"] == "fail"
    assert verdict.results["yaw"] == "pass"
    codes = evaluate_batch(profile, pa.RecordBatch.from_pylist([row]))
    assert OUTCOMES[codes["inter_eye_distance"][0]] == "fail"
