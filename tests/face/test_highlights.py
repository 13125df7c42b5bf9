"""Highlights on drawn skin of known brightness, on portraits, and reflections drawn on glasses."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures.highlights import lens_reflection, skin_highlights
from bqat_pipeline.requirements import evaluate_row
from tests.face.conftest import PORTRAIT_RULES, encoded

Make = Callable[..., FaceContext]
SKINS = [(225, 190, 170), (190, 140, 115), (120, 80, 60), (70, 45, 35)]
FOREHEAD, CHEEK = (308, 230), (252, 330)  # of the canonical face


def skin(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((616, 616, 3), colour, np.uint8)


def with_spots(image: np.ndarray, radius: float, *centres: tuple[float, float], strength: float = 0.95) -> np.ndarray:
    """The picture with nearly white spots that have a soft edge."""
    share = np.zeros(image.shape[:2], np.float32)
    for x, y in centres:
        cv2.circle(share, (round(x), round(y)), round(radius), 1.0, -1, cv2.LINE_AA)
    share = cv2.GaussianBlur(share, (0, 0), max(0.5, 0.2 * radius))[..., None] * strength
    return np.rint(image + (np.array((255, 252, 248)) - image) * share).astype(np.uint8)


@pytest.mark.parametrize("colour", SKINS)
def test_even_skin_has_no_highlights(face_in: Make, colour: tuple[int, int, int]) -> None:
    assert skin_highlights(face_in(skin(colour))) == 0


def test_an_even_bright_face_has_no_spots(face_in: Make) -> None:
    assert skin_highlights(face_in(skin((255, 250, 245)))) == 0


@pytest.mark.parametrize("colour", SKINS)
@pytest.mark.parametrize("radius", [10, 18])
def test_spots_are_found_in_proportion_whatever_the_skin(
    face_in: Make, colour: tuple[int, int, int], radius: int
) -> None:
    for place in (FOREHEAD, CHEEK):
        context = face_in(with_spots(skin(colour), radius, place))
        area = np.pi * radius**2 / cv2.countNonZero(context.face.mask)
        # The skin is about as large as the landmarked region: no eyes, no lips, but a part of the forehead.
        assert 0.6 * area < skin_highlights(context) < 1.6 * area, place


@pytest.mark.parametrize("where", ["eyes", "lips"])
def test_white_eyes_and_teeth_are_no_highlights(face_in: Make, where: str) -> None:
    context = face_in(skin((190, 140, 115)))
    geometry = context.geometry
    mouth = context.points[[13, 14], :2].mean(axis=0)
    places = [geometry.img_left_eye, geometry.img_right_eye] if where == "eyes" else [mouth]
    assert skin_highlights(face_in(with_spots(skin((190, 140, 115)), 7, *map(tuple, places)))) == 0


@pytest.mark.parametrize("share", [1.0, 0.6, 0.4])
def test_a_portrait_with_spots_fails_and_without_passes_whatever_the_tone(
    engine: FaceEngine, hopper: np.ndarray, share: float
) -> None:
    darker = (hopper * share).astype(np.uint8)
    context = engine.context(darker)
    points, distance = context.points, context.geometry.eye_distance
    shiny = with_spots(darker, 0.22 * distance, *(tuple(points[v, :2]) for v in (151, 50, 280)))
    row, shiny_row = engine.analyse(darker), engine.analyse(encoded(shiny, ".jpg", 90))
    for rules in PORTRAIT_RULES:
        assert evaluate_row(rules, row).results["skin_highlights"] == "pass", row["aux_skin_highlights"]
        assert evaluate_row(rules, shiny_row).results["skin_highlights"] == "fail", shiny_row["aux_skin_highlights"]


def test_reflections_are_a_share_of_the_worse_lens(face_in: Make) -> None:
    context = face_in(skin((170, 125, 105)))
    g = context.geometry
    eyes = (context.aligned_geometry.img_left_eye, context.aligned_geometry.img_right_eye)
    assert lens_reflection(context.aligned, eyes) == 0
    spotted = face_in(with_spots(skin((170, 125, 105)), 9, (g.img_left_eye[0] + 8, g.img_left_eye[1] - 8)))
    area = np.pi * 81 / (np.pi * 44 * 26)
    assert lens_reflection(spotted.aligned, eyes) == pytest.approx(area, rel=0.35)
    glint = face_in(with_spots(skin((170, 125, 105)), 1.6, tuple(g.img_left_eye), tuple(g.img_right_eye)))
    assert lens_reflection(glint.aligned, eyes) == 0


def test_reflections_on_the_glasses_of_a_portrait_fail(
    engine: FaceEngine, hopper: np.ndarray, astronaut: np.ndarray
) -> None:
    context = engine.context(hopper)
    g = context.geometry
    flash = with_spots(hopper, 0.11 * g.eye_distance, tuple(g.img_left_eye - (0, 3)), tuple(g.img_right_eye - (0, 3)))
    clear, reflecting = engine.analyse(hopper), engine.analyse(encoded(flash, ".jpg", 90))
    assert clear["glasses"] and reflecting["glasses"]
    for rules in PORTRAIT_RULES:
        assert evaluate_row(rules, clear).results["lens_reflections"] == "pass", clear["aux_lens_reflection"]
        assert evaluate_row(rules, reflecting).results["lens_reflections"] == "fail", reflecting["aux_lens_reflection"]
    without = engine.analyse(astronaut)
    assert not without["glasses"]
    assert without["aux_lens_reflection"] is None
