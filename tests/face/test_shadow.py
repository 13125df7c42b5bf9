"""Shadows that are painted on a drawn background beside a head of known outline."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.context import FaceContext, Person
from bqat_pipeline.face.measures.shadow import shadow
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from tests.face.conftest import canonical_points

SIZE = 616
HEAD = ((308, 280), (105, 165))  # centre and half axes, px


def ellipse(shift: int = 0) -> np.ndarray:
    """(616, 616) float32, 1 inside the head moved to the right."""
    centre, axes = HEAD
    image = np.zeros((SIZE, SIZE), np.float32)
    return cv2.ellipse(image, (centre[0] + shift, centre[1]), axes, 0, 0, 360, 1.0, -1)


def picture(light: np.ndarray, depth: float = 0.0, shift: int = 0, soft: float = 8.0) -> np.ndarray:
    """A grey picture of linear light 0..1 with a shadow of the head that takes a share of the light."""
    cast = cv2.GaussianBlur(ellipse(shift), (0, 0), soft)
    grey = 255 * (light * (1 - depth * cast)) ** (1 / 2.2)
    return np.repeat(np.where(ellipse() > 0, 120, grey).astype(np.uint8)[..., None], 3, 2)


@pytest.fixture
def measured(face_in: Callable[..., FaceContext]) -> Callable[[np.ndarray], float | None]:
    def measure(image: np.ndarray) -> float | None:
        context = face_in(image, canonical_points())
        context.__dict__["person"] = Person(ellipse(), np.eye(2, 3), (0.0, 0.0, float(SIZE), float(SIZE)))
        return shadow(context)

    return measure


EVEN = np.full((SIZE, SIZE), 0.6)
SLOPE = np.broadcast_to(np.linspace(0.35, 0.8, SIZE), (SIZE, SIZE))  # light from the image right
FALL = np.broadcast_to(np.linspace(0.8, 0.3, SIZE)[:, None], (SIZE, SIZE))  # light from above


@pytest.mark.parametrize("light", [EVEN, SLOPE, FALL], ids=["even", "from the side", "from above"])
def test_light_that_falls_off_evenly_is_no_shadow(measured: Callable, light: np.ndarray) -> None:
    assert measured(picture(light)) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("light", [EVEN, SLOPE, FALL], ids=["even", "from the side", "from above"])
@pytest.mark.parametrize("shift", [-45, 45])
@pytest.mark.parametrize("depth", [0.2, 0.4])
def test_the_share_of_light_that_a_shadow_takes(
    measured: Callable, light: np.ndarray, shift: int, depth: float
) -> None:
    assert measured(picture(light, depth, shift)) == pytest.approx(depth, abs=0.1)


def test_a_background_with_a_pattern_is_not_judged(measured: Callable) -> None:
    stripes = np.where(np.arange(SIZE) // 30 % 2 == 0, 0.2, 0.8)
    assert measured(picture(np.broadcast_to(stripes, (SIZE, SIZE)))) is None


def test_a_person_who_fills_the_picture_has_no_background(face_in: Callable[..., FaceContext]) -> None:
    context = face_in(picture(EVEN), canonical_points())
    everywhere = np.ones((SIZE, SIZE), np.float32)
    context.__dict__["person"] = Person(everywhere, np.eye(2, 3), (0.0, 0.0, float(SIZE), float(SIZE)))
    assert shadow(context) is None


def test_a_shadow_behind_a_portrait_is_told(engine: FaceEngine, hopper: np.ndarray) -> None:
    person = engine.context(hopper).person
    size = hopper.shape[1::-1]
    there = cv2.warpAffine(person.probability, person.matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    inside = np.clip((there - 0.3) / 0.4, 0, 1)
    grey = np.full((*hopper.shape[:2], 3), 190.0)  # her own background, a flag, is not plain
    cast = cv2.GaussianBlur(cv2.warpAffine(inside, np.float32([[1, 0, 40], [0, 1, 10]]), size), (0, 0), 6)

    def reasons(depth: float) -> list[str]:
        shaded = grey * (1 - depth * cast[..., None]) ** (1 / 2.2)
        image = (inside[..., None] * hopper + (1 - inside[..., None]) * shaded).astype(np.uint8)
        row = engine.analyse(image)
        verdict = evaluate_row(load_rule_set("icao-tr-portrait"), row)
        assert verdict.results["background_shadow"] == ("fail" if depth else "pass"), row["aux_background_shadow"]
        return [reason for reason in verdict.reasons if "shadow" in reason]

    assert reasons(0.0) == []
    reasons(0.35)
