"""Which faces are found, and which one is measured."""

from typing import Any

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine


def side_by_side(*images: np.ndarray) -> np.ndarray:
    height = max(i.shape[0] for i in images)
    padded = [
        cv2.copyMakeBorder(i, 0, height - i.shape[0], 0, 0, cv2.BORDER_CONSTANT, value=(128,) * 3) for i in images
    ]
    return np.ascontiguousarray(np.hstack(padded))


def test_two_faces_are_counted_and_the_larger_one_is_measured(
    engine: FaceEngine, hopper: np.ndarray, astronaut: np.ndarray
) -> None:
    row: dict[str, Any] = engine.analyse(side_by_side(astronaut, hopper))
    assert row["status"] == row["reason_code"] == "multiple_faces"
    assert row["aux_face_count"] == len(row["aux_faces"]) == 2
    assert row["bbox_left"] > astronaut.shape[1]
    assert row["aux_faces"][0]["left"] == row["bbox_left"]
    assert row["iso_head_size"] is not None
    boxes = [(b["right"] - b["left"]) * (b["lower"] - b["upper"]) for b in row["aux_faces"]]
    assert row["iso_single_face_present"] == pytest.approx(min(boxes) / max(boxes), rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_no_face_in_noise_or_plain_pictures(engine: FaceEngine, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    for image in (noise, np.full((300, 400, 3), 60 * seed, np.uint8)):
        row = engine.analyse(image)
        assert (row["status"], row["aux_face_count"], row["confidence"]) == ("no_face", 0, None)
        assert row["brightness"] is not None


def test_face_in_a_picture_of_hardly_any_contrast_is_found(engine: FaceEngine, hopper: np.ndarray) -> None:
    faint = (120 + np.rint(hopper * (24 / 255))).astype(np.uint8)
    assert engine.analyse(faint)["status"] == "ok"
    on_a_plain_page = np.full((900, 1200, 3), 120, np.uint8)
    on_a_plain_page[100 : 100 + hopper.shape[0] // 2, 600 : 600 + hopper.shape[1] // 2] = faint[::2, ::2][
        : hopper.shape[0] // 2, : hopper.shape[1] // 2
    ]
    assert engine.analyse(on_a_plain_page)["status"] == "ok"


def test_upside_down_portrait_is_measured_and_flagged(engine: FaceEngine, portrait: np.ndarray) -> None:
    before, row = engine.analyse(portrait), engine.analyse(np.ascontiguousarray(portrait[::-1, ::-1]))
    assert row["status"] == "ok"
    assert row["warnings"] == ["upside_down"]
    assert abs(row["roll_degree"]) > 170  # type: ignore[arg-type]
    assert row["pupil_right_x"] > row["pupil_left_x"]  # type: ignore[operator]
    assert row["aux_eye_distance"] == pytest.approx(before["aux_eye_distance"], rel=0.03)
    assert row["smile"] == before["smile"]


@pytest.mark.parametrize(("turns", "roll"), [(1, 90), (3, -90)])
def test_portrait_on_its_side_is_measured(engine: FaceEngine, hopper: np.ndarray, turns: int, roll: int) -> None:
    row: dict[str, Any] = engine.analyse(np.ascontiguousarray(np.rot90(hopper, turns)))
    assert row["status"] == "ok"
    assert row["roll_degree"] == pytest.approx(roll, abs=6)


def test_small_face_in_a_large_picture_is_found(engine: FaceEngine, hopper: np.ndarray) -> None:
    canvas = np.full((1200, 1600, 3), 120, np.uint8)
    small = cv2.resize(hopper, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    canvas[700 : 700 + small.shape[0], 1200 : 1200 + small.shape[1]] = small
    row: dict[str, Any] = engine.analyse(canvas)
    assert row["status"] == "ok"
    assert 1200 < row["pupil_right_x"] < row["pupil_left_x"] < 1200 + small.shape[1]


def test_face_in_a_panorama_is_found(engine: FaceEngine, hopper: np.ndarray) -> None:
    canvas = np.full((hopper.shape[0], 6000, 3), 128, np.uint8)
    canvas[:, 2800 : 2800 + hopper.shape[1]] = hopper
    assert engine.analyse(canvas)["status"] == "ok"


def test_head_box_encloses_the_face_and_hair(engine: FaceEngine, hopper: np.ndarray) -> None:
    row: dict[str, Any] = engine.analyse(hopper)
    assert 0 <= row["head_top"] < row["pupil_left_y"] - row["ipd"]
    assert row["head_left"] < row["pupil_right_x"] < row["pupil_left_x"] < row["head_right"]
    assert row["head_bottom"] > row["pupil_left_y"] + row["ipd"]
