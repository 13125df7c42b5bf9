"""What turning, mirroring, scaling, cropping and re-exposing a portrait does to its row."""

from typing import Any

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine


def rotated(image: np.ndarray, degrees: float) -> np.ndarray:
    """Turned anti-clockwise on a canvas that holds all of it."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    c, s = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * c + height * s), round(width * s + height * c)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def row_of(engine: FaceEngine, image: np.ndarray) -> dict[str, Any]:
    row = engine.analyse(np.ascontiguousarray(image))
    assert row["status"] == "ok"
    return row


@pytest.mark.parametrize("degrees", [-30, -20, -10, 10, 20, 30])
def test_turning_a_portrait_moves_roll_by_that_angle(engine: FaceEngine, portrait: np.ndarray, degrees: int) -> None:
    before, after = row_of(engine, portrait), row_of(engine, rotated(portrait, degrees))
    assert after["roll_degree"] - before["roll_degree"] == pytest.approx(degrees, abs=1.5)


def test_mirroring_swaps_sides_and_signs(engine: FaceEngine, portrait: np.ndarray) -> None:
    before, after = row_of(engine, portrait), row_of(engine, portrait[:, ::-1])
    width = portrait.shape[1]
    assert after["yaw_degree"] == pytest.approx(-before["yaw_degree"], abs=2)
    assert after["roll_degree"] == pytest.approx(-before["roll_degree"], abs=1.5)
    assert after["pitch_degree"] == pytest.approx(before["pitch_degree"], abs=4)
    assert after["pupil_left_x"] == pytest.approx(width - 1 - before["pupil_right_x"], abs=0.04 * before["ipd"] + 1)
    assert after["iso_leftward_crop_of_the_face_image"] == pytest.approx(
        before["iso_rightward_crop_of_the_face_image"], rel=0.03
    )
    assert after["face_offset_x"] == pytest.approx(-before["face_offset_x"], abs=0.01)
    assert after["aux_eye_openness_left"] == pytest.approx(before["aux_eye_openness_right"], abs=0.05)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_scaling_scales_distances_and_leaves_angles_and_ratios(
    engine: FaceEngine, portrait: np.ndarray, factor: float
) -> None:
    mode = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    before = row_of(engine, portrait)
    after = row_of(engine, cv2.resize(portrait, None, fx=factor, fy=factor, interpolation=mode))
    assert after["aux_eye_distance"] == pytest.approx(factor * before["aux_eye_distance"], rel=0.02)
    assert after["ipd"] == pytest.approx(factor * before["ipd"], rel=0.02, abs=0.6)
    for angle in ("yaw_degree", "pitch_degree", "roll_degree"):
        assert after[angle] == pytest.approx(before[angle], abs=1.5)
    for ratio in ("iso_head_size", "iso_margin_above_of_the_face_image", "iso_leftward_crop_of_the_face_image"):
        assert after[ratio] == pytest.approx(before[ratio], rel=0.03)


def test_enlarging_does_not_add_detail(engine: FaceEngine, hopper: np.ndarray) -> None:
    small = cv2.resize(hopper, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    enlarged = row_of(engine, cv2.resize(small, hopper.shape[1::-1], interpolation=cv2.INTER_CUBIC))
    assert enlarged["aux_effective_eye_distance"] < 0.75 * enlarged["aux_eye_distance"]


@pytest.mark.parametrize(("x", "y"), [(40, 0), (0, 20), (60, 20)])
def test_cropping_moves_positions_by_the_cut(engine: FaceEngine, hopper: np.ndarray, x: int, y: int) -> None:
    before, after = row_of(engine, hopper), row_of(engine, hopper[y:, x:])
    assert after["pupil_right_x"] == pytest.approx(before["pupil_right_x"] - x, abs=2)
    assert after["pupil_right_y"] == pytest.approx(before["pupil_right_y"] - y, abs=2)
    assert after["aux_eye_distance"] == pytest.approx(before["aux_eye_distance"], rel=0.03)
    assert after["aux_face_position_x"] < before["aux_face_position_x"] or x == 0


def test_blur_lowers_sharpness_step_by_step(engine: FaceEngine, hopper: np.ndarray) -> None:
    rows = [row_of(engine, hopper)] + [row_of(engine, cv2.GaussianBlur(hopper, (0, 0), s)) for s in (1, 2, 4)]
    for column in ("aux_sharpness", "sharpness", "aux_effective_eye_distance"):
        values = [row[column] for row in rows]
        assert values == sorted(values, reverse=True), column


def test_darkening_lowers_luminance_and_raises_under_exposure(engine: FaceEngine, astronaut: np.ndarray) -> None:
    rows = [row_of(engine, (astronaut * f).astype(np.uint8)) for f in (1.0, 0.7, 0.45, 0.3)]
    means = [row["iso_luminance_mean"] for row in rows]
    dark = [row["iso_under_exposure_prevention"] for row in rows]
    assert means == sorted(means, reverse=True)
    assert dark == sorted(dark)
    assert rows[-1]["iso_under_exposure_prevention_score"] <= rows[0]["iso_under_exposure_prevention_score"]


def test_brightening_raises_over_exposure(engine: FaceEngine, astronaut: np.ndarray) -> None:
    rows = [row_of(engine, np.clip(astronaut * f, 0, 255).astype(np.uint8)) for f in (1.0, 1.3, 1.7)]
    bright = [row["iso_over_exposure_prevention"] for row in rows]
    assert bright == sorted(bright)
    assert bright[-1] > bright[0]


def test_light_from_one_side_lowers_uniformity(engine: FaceEngine, hopper: np.ndarray) -> None:
    ramp = np.linspace(0.25, 1.0, hopper.shape[1])[None, :, None]
    before = row_of(engine, hopper)
    # The portrait is lit from one side already: one of both directions makes it worse.
    after = [row_of(engine, (hopper * r).astype(np.uint8)) for r in (ramp, ramp[:, ::-1])]
    for column in ("iso_illumination_uniformity", "aux_light_zones_ratio"):
        assert min(row[column] for row in after) < before[column]


def test_jpeg_quality_is_read_from_the_file(engine: FaceEngine, hopper: np.ndarray) -> None:
    from tests.face.conftest import encoded

    for quality in (95, 75, 40):
        row = engine.analyse(encoded(hopper, quality=quality))
        assert row["aux_jpeg_quality"] == pytest.approx(quality, abs=1)
    assert engine.analyse(encoded(hopper, quality=15))["aux_blockiness"] > 1.3  # type: ignore[operator]


def test_grey_picture_is_known_as_grey_and_has_natural_colour_by_definition(
    engine: FaceEngine, hopper: np.ndarray
) -> None:
    row = row_of(engine, np.repeat(cv2.cvtColor(hopper, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2))
    assert row["aux_is_grey"] is True
    assert row["iso_natural_colour"] == 0
    assert row_of(engine, hopper)["aux_is_grey"] is False
