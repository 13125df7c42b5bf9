"""Drawn shoulders of known slope, and portraits whose body was slanted."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.context import FaceContext, Person
from bqat_pipeline.face.measures.shoulders import shoulder_tilt, upper_edge
from bqat_pipeline.requirements import load_rule_set, requirement_outcomes
from tests.face.conftest import canonical_points

SIZE = 616


@pytest.fixture
def drawn(face_in: Callable[..., FaceContext]) -> Callable[..., float | None]:
    """The tilt that is measured of a head on a neck over shoulders of a slope in degrees."""

    def tilt(slope: float, neck: int = 60, width: int = SIZE, hair: int = 0) -> float | None:
        context = face_in(np.full((SIZE, width, 3), 190, np.uint8), canonical_points(100, (width / 2, 220)))
        y, x = np.mgrid[:SIZE, :width].astype(float)
        chin = float(context.geometry.chin[1])
        across, down = x - width / 2, y - chin
        head = ((x - width / 2) / 90) ** 2 + ((y - 210) / 160) ** 2 < 1
        body = down > 50 + 0.25 * np.abs(across) - np.tan(np.radians(slope)) * across
        person = head | body | ((np.abs(across) < neck) & (down > -50)) | ((np.abs(across) < hair) & (down > -300))
        soft = cv2.GaussianBlur(person.astype(np.float32), (0, 0), 2)
        context.__dict__["person"] = Person(soft, np.eye(2, 3), (0.0, 0.0, float(width), float(SIZE)))
        return shoulder_tilt(context)

    return tilt


@pytest.mark.parametrize("slope", [0.0, 5.0, -5.0, 12.0, -20.0])
def test_the_slope_of_drawn_shoulders(drawn: Callable[..., float | None], slope: float) -> None:
    assert drawn(slope) == pytest.approx(slope, abs=1)


def test_shoulders_that_are_not_seen_are_not_judged(drawn: Callable[..., float | None]) -> None:
    assert drawn(5, hair=300) is None  # hair down to the lower edge
    assert drawn(5, width=240) is None  # a crop as wide as the head


def test_the_edge_lies_between_rows() -> None:
    column = np.array([0, 0, 0, 0.25, 0.75, 1, 1, 1], np.float32)[:, None]
    hair = np.ones((8, 1), np.float32)
    gap = np.array([1, 1, 0, 0, 1, 1, 0, 0], np.float32)[:, None]
    edges = upper_edge(np.hstack([column, hair, gap]))
    assert edges[0] == pytest.approx(3.5)
    assert np.isnan(edges[1:]).all()


def slanted(image: np.ndarray, context: FaceContext, slope: float) -> np.ndarray:
    """The picture with everything below the chin sheared, so that the shoulders rise to the image right."""
    g = context.geometry
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    below = np.clip(((y - g.chin[1]) / g.length - 0.05) / 0.15, 0, 1)
    lifted = y + np.tan(np.radians(slope)) * (x - g.chin[0]) * below
    return cv2.remap(image, x, lifted.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def test_a_slanted_body_is_told(engine: FaceEngine, hopper: np.ndarray) -> None:
    context = engine.context(hopper)
    level = engine.analyse(hopper)["aux_shoulder_tilt"]
    assert isinstance(level, float) and abs(level) < 8
    # About half of a slope is measured, as in docs/measures.md.
    assert engine.analyse(slanted(hopper, context, 15))["aux_shoulder_tilt"] > 5  # type: ignore[operator]
    row = engine.analyse(slanted(hopper, context, -22))
    (outcome,) = (o for o in requirement_outcomes(load_rule_set("icao-tr-portrait"), row) if o.name == "shoulders")
    assert outcome.outcome in ("borderline", "fail")
    assert "the one on the image left is higher" in outcome.sentence
