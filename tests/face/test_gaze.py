"""Looking away: angles of drawn eyes in heads of known pose, and of portraits whose irises were moved."""

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine, pose
from bqat_pipeline.face.geometry import Geometry
from bqat_pipeline.face.landmarks import IMG_LEFT_EYE_CORNERS, IMG_RIGHT_EYE_CORNERS
from bqat_pipeline.face.measures import gaze
from bqat_pipeline.requirements import evaluate_row
from tests.face.conftest import PORTRAIT_RULES, canonical_points
from tests.face.moved_irises import looking_aside

EYES = np.array((307.5, 272.0))


def looking_straight_out() -> np.ndarray:
    """Landmarks of a frontal face whose irises lie where they do when the eyes look straight ahead."""
    points = canonical_points()
    points[[468, 473], 1] -= gaze._RAISED * 113
    return points


def turned(points: np.ndarray, yaw: float) -> np.ndarray:
    """Landmarks turned by degrees; above 0 the nose goes to the image right."""
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    x, z = points[:, 0] - EYES[0], points[:, 2]
    return np.column_stack([EYES[0] + c * x - s * z, points[:, 1], s * x + c * z])


def measured(points: np.ndarray) -> tuple[float, float] | None:
    return gaze.angles(points, Geometry.of(points), pose.estimate(points))


def test_eyes_straight_ahead_of_a_frontal_head_look_into_the_camera() -> None:
    assert measured(looking_straight_out()) == pytest.approx((0, 0), abs=0.5)


@pytest.mark.parametrize(("x", "y"), [(20, 0), (-20, 0), (0, 15), (0, -15), (10, 10)])
def test_moved_irises_are_angles(x: float, y: float) -> None:
    points = looking_straight_out()
    points[[468, 473], :2] += gaze._RADIUS * 113 * np.sin(np.radians((x, y)))
    found = measured(points)
    assert found == pytest.approx((x, y), abs=0.7)
    assert gaze.deviation(*found) == pytest.approx(np.hypot(x, y), abs=1)


@pytest.mark.parametrize("yaw", [-20, -10, 10, 20])
def test_eyes_straight_out_of_a_turned_head_look_where_the_head_points(yaw: float) -> None:
    found = measured(turned(looking_straight_out(), yaw))
    assert found == pytest.approx((yaw, 0), abs=3)


@pytest.mark.parametrize("roll", [-30, 30, 90, 180])
def test_a_tilted_picture_changes_nothing(roll: float) -> None:
    points = looking_straight_out()
    points[[468, 473], 0] += gaze._RADIUS * 113 * np.sin(np.radians(20))
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    points[:, :2] = (points[:, :2] - EYES) @ np.array([[c, s], [-s, c]]) + EYES
    assert measured(points) == pytest.approx((20, 0), abs=1)


def test_small_eyes_and_profiles_have_no_gaze() -> None:
    points = looking_straight_out()
    assert measured((points - (*EYES, 0)) * 29 / 113 + (*EYES, 0)) is None
    assert measured(turned(points, 60)) is None


@pytest.mark.parametrize("degrees", [-25, 25])
def test_a_portrait_with_moved_irises_looks_away(engine: FaceEngine, astronaut: np.ndarray, degrees: float) -> None:
    image = cv2.resize(astronaut, (1024, 1024), interpolation=cv2.INTER_CUBIC)
    into_the_camera = engine.analyse(image)
    away = engine.analyse(looking_aside(image, engine.context(image).points, degrees))
    assert into_the_camera["aux_gaze_deviation"] < 10
    assert away["aux_gaze_angle_x"] - into_the_camera["aux_gaze_angle_x"] == pytest.approx(degrees, abs=9)
    for rules in PORTRAIT_RULES:
        assert evaluate_row(rules, into_the_camera).results["looking_at_camera"] == "pass", rules.name
        assert evaluate_row(rules, away).results["looking_at_camera"] != "pass", rules.name


def test_closed_eyes_have_no_gaze(engine: FaceEngine, astronaut: np.ndarray) -> None:
    image = cv2.resize(astronaut, (1024, 1024), interpolation=cv2.INTER_CUBIC)
    points = engine.context(image).points[:, :2]
    for ring in (IMG_LEFT_EYE_CORNERS, IMG_RIGHT_EYE_CORNERS):
        (a, b), below = points[list(ring)], points[[145, 374]].mean(axis=0) * (0, 1) + (0, 26)
        middle, width = (a + b) / 2, np.hypot(*(b - a))
        skin = image[int(below[1]), int(middle[0])].tolist()
        cv2.ellipse(
            image, np.rint(middle).astype(int).tolist(), (int(0.6 * width), int(0.32 * width)), 0, 0, 360, skin, -1
        )
        cv2.line(image, np.rint(a).astype(int).tolist(), np.rint(b).astype(int).tolist(), (60, 30, 20), 3)
    row = engine.analyse(image)
    assert row["eye_closed_right"] and row["eye_closed_left"]
    assert row["aux_gaze_angle_x"] is None
    assert row["aux_gaze_deviation"] is None
