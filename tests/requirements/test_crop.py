"""The crop that would pass: laws about every crop that is found, and about those that are not."""

from math import cos, hypot, radians, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqat_pipeline.requirements import evaluate_row, list_rule_sets, load_rule_set
from bqat_pipeline.requirements.crop import GEOMETRY, Crop, cropped, plan_crop
from bqat_pipeline.requirements.other_crops import MOST, other_crops
from tests.requirements.rows import GOOD

ICAO = load_rule_set("icao-tr-portrait")


def row_of(width: int, height: int, middle: tuple[float, float], length: float, roll: float = 0.0, **more: object):
    """A row of a head with M at `middle` and T = `length`, px."""
    return GOOD | {
        "image_width": width,
        "image_height": height,
        "aux_image_aspect": width / height,
        "aux_face_position_x": middle[0] / width,
        "aux_face_position_y": middle[1] / height,
        "aux_head_length_ratio": 2 * length / height,
        "aux_head_width_ratio": 1.45 * length / width,
        "iso_inter_eye_distance": 0.62 * length,
        "iso_head_pose_roll": roll,
        **more,
    }


def judged_again(row: dict, crop: Crop) -> dict:
    """What would be measured in the crop: its corners taken to the corners of the result, by linear algebra alone."""
    width, height, roll = row["image_width"], row["image_height"], radians(row["iso_head_pose_roll"])
    corners = np.array(crop.corners)
    source = np.column_stack([corners[[0, 1, 3]], np.ones(3)])
    matrix = np.linalg.solve(source, np.array([(0, 0), (crop.width, 0), (0, crop.height)], float))
    length = row["aux_head_length_ratio"] * height / 2
    breadth = row["aux_head_width_ratio"] * width / 2
    middle = np.array([row["aux_face_position_x"] * width, row["aux_face_position_y"] * height])
    # roll above 0: tilted anti-clockwise as seen, with y down
    across, down = np.array([cos(roll), -sin(roll)]), np.array([sin(roll), cos(roll)])
    points = np.array([middle, middle + length * down, middle - breadth * across, middle + breadth * across])
    m, chin, one, other = np.column_stack([points, np.ones(4)]) @ matrix
    scale = hypot(*(matrix[0]))
    return row | {
        "image_width": crop.width,
        "image_height": crop.height,
        "aux_image_aspect": crop.width / crop.height,
        "aux_face_position_x": m[0] / crop.width,
        "aux_face_position_y": m[1] / crop.height,
        "aux_head_length_ratio": 2 * hypot(*(chin - m)) / crop.height,
        "aux_head_width_ratio": hypot(*(other - one)) / crop.width,
        "iso_inter_eye_distance": row["iso_inter_eye_distance"] * scale,
        "iso_head_pose_roll": np.degrees(np.arctan2(*(chin - m))),
    }


places = st.builds(
    row_of,
    width=st.integers(300, 5000),
    height=st.integers(300, 5000),
    middle=st.tuples(st.floats(20, 3000), st.floats(20, 3000)),
    length=st.floats(40, 900),
    roll=st.floats(-40, 40),
).filter(lambda row: row["aux_face_position_x"] < 1 and row["aux_face_position_y"] < 1)


@pytest.mark.parametrize("name", list_rule_sets())
@settings(max_examples=150, deadline=None)
@given(row=places)
def test_a_crop_meets_the_limits_lies_in_the_picture_and_enlarges_nothing(name: str, row: dict) -> None:
    rules, size = load_rule_set(name), (row["image_width"], row["image_height"])
    plan = plan_crop(rules, row, size)
    if plan.crop is None:
        assert plan.reason.startswith("No crop: ") and plan.reason.endswith(".")
        return
    crop = plan.crop
    assert 0 < crop.scale <= 1
    assert all(-0.001 <= x <= size[0] + 0.001 and -0.001 <= y <= size[1] + 0.001 for x, y in crop.corners)
    assert np.allclose(np.mean(crop.corners, axis=0), crop.centre)
    again = judged_again(row, crop)
    for wanted in (again, cropped(row, size, crop)):
        results = evaluate_row(rules, wanted).results
        for r in rules.requirements:
            if r.severity == "required" and r.quantity in (*GEOMETRY, "iso_inter_eye_distance"):
                assert results[r.name] in ("pass", "borderline"), (r.name, wanted[r.quantity], crop)
                if r.quantity == "iso_inter_eye_distance" and (crop.width, crop.height) == size:
                    continue  # nothing was cut or reduced: a picture as it is may lack a px within the band
                assert r.min is None or wanted[r.quantity] >= r.min - 1e-6
                assert r.max is None or wanted[r.quantity] <= r.max + 1e-6


@settings(max_examples=40, deadline=None)
@given(row=places)
def test_other_windows_lie_in_the_picture_enlarge_nothing_and_are_no_worse(row: dict) -> None:
    size = (row["image_width"], row["image_height"])
    crop = plan_crop(ICAO, row, size).crop
    if crop is None:
        return
    planned = evaluate_row(ICAO, cropped(row, size, crop)).results
    others = list(other_crops(ICAO, row, size, crop))
    assert len(others) <= MOST
    for other in others:
        assert 0 < other.scale <= 1
        assert all(-0.001 <= x <= size[0] + 0.001 and -0.001 <= y <= size[1] + 0.001 for x, y in other.corners)
        found = evaluate_row(ICAO, judged_again(row, other)).results
        assert all(found[n] in (planned[n], "pass") or planned[n] == "fail" for n in planned)


@settings(max_examples=100, deadline=None)
@given(
    room=st.tuples(*[st.integers(0, 1500)] * 4),
    roll=st.floats(-25, 25),
    size=st.floats(1, 3),
)
def test_a_good_portrait_is_found_again_in_a_larger_picture(room: tuple[int, ...], roll: float, size: float) -> None:
    # a portrait clear of all limits, tilted within a picture that holds all of it
    wide, high = 600 * size, 780 * size
    reach = (wide * cos(radians(roll)) + high * abs(sin(radians(roll)))) / 2 + 3
    depth = (high * cos(radians(roll)) + wide * abs(sin(radians(roll)))) / 2 + 3
    left, upper, right, lower = room
    up = 0.1 * high  # of M above the middle of the portrait
    middle = left + reach - up * sin(radians(roll)), upper + depth - up * cos(radians(roll))
    row = row_of(int(left + 2 * reach + right) + 1, int(upper + 2 * depth + lower) + 1, middle, 0.375 * high, roll)
    row["aux_head_width_ratio"] = 0.62 * wide / row["image_width"]
    row["iso_inter_eye_distance"] = 0.24 * wide
    plan = plan_crop(ICAO, row, (row["image_width"], row["image_height"]))
    assert plan.crop is not None, plan.reason
    assert evaluate_row(ICAO, judged_again(row, plan.crop)).overall == "pass"
    assert plan.crop.remaining == ()


def test_a_picture_that_is_clear_of_the_limits_is_its_own_crop() -> None:
    crop = plan_crop(ICAO, GOOD, (768, 1024)).crop
    assert crop is not None
    assert (crop.width, crop.height, crop.angle, crop.scale) == (768, 1024, 0.0, 1.0)
    assert crop.corners == ((0, 0), (768, 0), (768, 1024), (0, 1024))


def test_other_windows_around_a_head_with_room_keep_its_limits() -> None:
    row = row_of(1600, 1600, (800, 700), 200)
    crop = plan_crop(ICAO, row, (1600, 1600)).crop
    assert crop is not None
    others = list(other_crops(ICAO, row, (1600, 1600), crop))
    # in a smaller window the width of this head is borderline
    assert {round(o.height / crop.height, 2) for o in others} == {1.0, 1.03, 1.06}
    assert all(evaluate_row(ICAO, cropped(row, (1600, 1600), o)).overall == "pass" for o in others)


def test_the_head_in_a_corner_says_on_which_side_the_picture_ends() -> None:
    plan = plan_crop(ICAO, row_of(2000, 2000, (150, 1000), 250), (2000, 2000))
    assert plan.crop is None
    assert "too close to the head" in plan.reason and "px on the left are missing" in plan.reason


def test_small_eyes_are_not_enlarged() -> None:
    row = row_of(1000, 1000, (500, 480), 100)
    plan = plan_crop(ICAO, row, (1000, 1000))
    assert plan.crop is None
    assert plan.reason == "No crop: the eyes are 62 px apart and 90 px are required; enlarging adds no detail."


def test_eyes_that_lack_less_than_a_pixel_are_not_told_that_they_have_it() -> None:
    row = row_of(1000, 1000, (500, 480), 144, iso_inter_eye_distance=89.7)
    plan = plan_crop(ICAO, row, (1000, 1000))
    assert plan.reason == "No crop: the eyes are 89 px apart and 90 px are required; enlarging adds no detail."


def test_a_crop_says_what_it_cannot_change() -> None:
    row = row_of(1600, 1600, (800, 700), 250, iso_head_pose_yaw=20.0, aux_mouth_open_score=0.99)
    crop = plan_crop(ICAO, row, (1600, 1600)).crop
    assert crop is not None and crop.remaining == ("Yaw", "Mouth open")


def test_a_rule_set_of_a_fixed_size_gets_it_and_keeps_its_aspect() -> None:
    rules = load_rule_set("bsi-tr-03121")
    row = row_of(6000, 5000, (3000, 2200), 900, roll=12.0)
    crop = plan_crop(rules, row, (6000, 5000)).crop
    assert crop is not None and crop.angle == 12.0 and crop.scale < 1
    assert crop.width <= 1200 and crop.height <= 1600 and 0.745 <= crop.width / crop.height <= 0.755
    small = plan_crop(rules, row_of(1000, 1000, (500, 450), 200), (1000, 1000))
    assert small.crop is None and "too few pixels" in small.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "no_face"}, "the face was not measured"),
        ({"aux_face_position_x": None}, "the position of the face was not measured"),
        ({"aux_face_position_y": 0.6, "iso_inter_eye_distance": None}, "the distance of the eyes was not measured"),
    ],
)
def test_what_is_not_measured_has_no_crop(change: dict, words: str) -> None:
    plan = plan_crop(ICAO, GOOD | change, (768, 1024))
    assert plan.crop is None and words in plan.reason
