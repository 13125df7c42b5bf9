"""What looks like a face to the nets and is none: a cat, found with a low confidence, which stays in the row and counts nowhere."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.face import EngineOptions, FaceEngine
from bqat_pipeline.face.drawing.overlay import render_overlay
from bqat_pipeline.face.finder import Faces
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from tests.face.test_finder import side_by_side


@pytest.fixture(scope="module")
def eager() -> FaceEngine:
    """An engine that takes nearly anything for a face, were it not for the second look."""
    return FaceEngine(EngineOptions(confidence=0.2))


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    """Chelsea, 451 x 300 px (Stefan van der Walt, CC0)."""
    return np.ascontiguousarray(skimage.data.chelsea())


@pytest.fixture(scope="module")
def cat_row(eager: FaceEngine, cat: np.ndarray) -> dict[str, Any]:
    return eager.analyse(cat)


def test_a_cat_is_a_doubtful_face_with_its_measures_in_the_row(cat_row: dict[str, Any]) -> None:
    assert (cat_row["status"], cat_row["reason_code"]) == ("doubtful_face", "not_human")
    assert "human" in cat_row["reason"]
    assert 0 <= cat_row["aux_human_face"] < 0.5
    assert cat_row["aux_face_count"] == len(cat_row["aux_faces"]) == 1
    assert cat_row["iso_head_size"] is not None and cat_row["ipd"] is not None


def test_a_doubtful_face_never_passes(cat_row: dict[str, Any]) -> None:
    verdict = evaluate_row(load_rule_set("enrolment-relaxed"), cat_row)
    assert verdict.overall == "not_assessed"
    assert set(verdict.results.values()) == {"not_assessed"}


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: cv2.resize(image, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA),
        lambda image: (image * 0.2).astype(np.uint8),
        lambda image: cv2.GaussianBlur(image, (0, 0), 5),
        lambda image: np.ascontiguousarray(np.rot90(image)),
        lambda image: np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2),
    ],
    ids=["as it is", "tiny", "dark", "blurred", "on its side", "grey"],
)
def test_people_are_people(engine: FaceEngine, portrait: np.ndarray, change: Any) -> None:
    row = engine.analyse(change(portrait))
    assert row["status"] in MEASURED
    assert row["aux_human_face"] >= 0.5  # type: ignore[operator]


def test_a_masked_face_is_human(engine: FaceEngine, hopper: np.ndarray) -> None:
    row = engine.analyse(hopper)
    masked = hopper.copy()
    upper = int(row["pupil_left_y"]) + int(0.55 * row["ipd"])  # type: ignore[call-overload]
    left, right = row["bbox_left"], row["bbox_right"]
    masked[upper : row["bbox_lower"], left:right] = (120, 170, 200)  # type: ignore[misc]
    assert engine.analyse(masked)["status"] != "doubtful_face"


def test_no_portrait_costs_a_second_look(
    engine: FaceEngine, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> float:
        raise AssertionError("asked again")

    monkeypatch.setattr("bqat_pipeline.face.second_opinion.SecondOpinion.human", fail)
    row = engine.analyse(portrait)
    assert (row["status"], row["aux_human_face"]) == ("ok", 1)


def test_a_cat_beside_a_person_is_no_second_face(eager: FaceEngine, hopper: np.ndarray, cat: np.ndarray) -> None:
    row = eager.analyse(side_by_side(hopper, cat))
    assert (row["status"], row["aux_face_count"]) == ("ok", 1)
    assert row["bbox_right"] < hopper.shape[1]  # type: ignore[operator]


def test_a_person_beside_a_larger_cat_is_the_main_face(eager: FaceEngine, hopper: np.ndarray, cat: np.ndarray) -> None:
    small = cv2.resize(hopper, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    row = eager.analyse(side_by_side(cat, small))
    assert (row["status"], row["aux_face_count"]) == ("ok", 1)
    assert row["bbox_left"] > cat.shape[1]  # type: ignore[operator]


def test_two_people_are_two(eager: FaceEngine, hopper: np.ndarray, astronaut: np.ndarray) -> None:
    assert eager.analyse(side_by_side(astronaut, hopper))["status"] == "multiple_faces"


def test_the_overlay_says_it(
    eager: FaceEngine, cat: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context = eager.context(cat)
    assert context.faces.doubtful and isinstance(context.faces, Faces)
    said: list[str] = []
    monkeypatch.setattr(
        "bqat_pipeline.face.drawing.overlay._with_text",
        lambda canvas, _, lines: said.extend(t for t, _ in lines) or canvas,
    )
    render_overlay(cat, context)
    assert said == [f"probably not a human face ({context.faces.human:.0%})"]
