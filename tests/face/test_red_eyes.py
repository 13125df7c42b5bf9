"""Red eyes: pupils drawn into a drawn face, and into portraits."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.geometry import Geometry
from bqat_pipeline.face.landmarks import IMG_LEFT_IRIS, IMG_RIGHT_IRIS
from bqat_pipeline.face.measures.red_eyes import redness
from bqat_pipeline.requirements import evaluate_row
from tests.face.conftest import PORTRAIT_RULES, canonical_points, encoded

Make = Callable[..., FaceContext]


def with_pupils(
    image: np.ndarray, points: np.ndarray, colour: tuple[int, int, int], share: float = 0.45, eyes: int = 2
) -> np.ndarray:
    """A picture with the pupils of one or two eyes painted, with a glint in each; ``share`` of the iris' radius."""
    out = image.copy()
    radius = 0.093 * Geometry.of(points).eye_distance
    for iris in (IMG_LEFT_IRIS, IMG_RIGHT_IRIS)[:eyes]:
        x, y = (round(16 * float(v)) for v in points[iris[0], :2])
        cv2.circle(out, (x, y), round(16 * share * radius), colour, -1, cv2.LINE_AA, 4)
        glint = (x - round(2.4 * radius), y - round(2.4 * radius))
        cv2.circle(out, glint, round(16 * 0.12 * radius), (250, 250, 250), -1, cv2.LINE_AA, 4)
    return out


@pytest.fixture(scope="module")
def large(astronaut: np.ndarray) -> np.ndarray:
    return cv2.resize(astronaut, (1024, 1024), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(
    ("colour", "value"),
    [((200, 40, 50), 150 / 255), ((60, 35, 25), 25 / 255), ((90, 90, 90), 0), ((70, 110, 160), -90 / 255)],
)
def test_redness_is_what_red_has_more(face_in: Make, colour: tuple[int, int, int], value: float) -> None:
    context = face_in(np.full((616, 616, 3), (190, 150, 130), np.uint8))
    points = context.points
    painted = face_in(with_pupils(context.picture.image, points, colour, 0.7), canonical_points())
    assert redness(painted.aligned) == pytest.approx((value, value), abs=0.03)


@pytest.mark.parametrize("colour", [(200, 40, 40), (150, 30, 40), (220, 100, 90), (235, 70, 40)])
@pytest.mark.parametrize("eyes", [1, 2])
def test_a_portrait_with_red_pupils_fails(
    engine: FaceEngine, large: np.ndarray, colour: tuple[int, int, int], eyes: int
) -> None:
    painted = with_pupils(large, engine.context(large).points, colour, eyes=eyes)
    row = engine.analyse(encoded(painted, ".jpg", 90))
    for rules in PORTRAIT_RULES:
        assert evaluate_row(rules, row).results["red_eyes"] == "fail", (rules.name, row["aux_eye_redness"])


@pytest.mark.parametrize("colour", [(15, 10, 10), (62, 36, 24), (95, 60, 40), (120, 150, 190), (110, 130, 90)])
def test_dark_brown_blue_and_green_eyes_pass(
    engine: FaceEngine, large: np.ndarray, colour: tuple[int, int, int]
) -> None:
    row = engine.analyse(with_pupils(large, engine.context(large).points, colour, 1.0))
    for rules in PORTRAIT_RULES:
        assert evaluate_row(rules, row).results["red_eyes"] == "pass", (rules.name, row["aux_eye_redness"])


def test_portraits_as_they_are_pass_and_warm_light_does_too(engine: FaceEngine, portrait: np.ndarray) -> None:
    warm = (portrait * (1.0, 0.85, 0.7)).astype(np.uint8)
    for picture in (portrait, warm):
        row = engine.analyse(picture)
        for rules in PORTRAIT_RULES:
            assert evaluate_row(rules, row).results["red_eyes"] == "pass", (rules.name, row["aux_eye_redness"])


def test_grey_pictures_and_small_faces_have_none(engine: FaceEngine, hopper: np.ndarray, small: np.ndarray) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(hopper, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert engine.analyse(hopper)["aux_eye_redness"] is not None
    assert engine.analyse(grey)["aux_eye_redness"] is None
    assert engine.analyse(small)["aux_eye_redness"] is None
