"""Head pose: known rotations come back, signs are those of ISO/IEC 39794-5 and BQAT."""

from collections.abc import Callable
from importlib.resources import files
from math import cos, radians, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.tilt import TiltedHead
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.analysis import Analyser
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures import pose as measures
from bqat_pipeline.face.pose import (
    MIRROR_PAIRS,
    RIGID_VERTICES,
    angles,
    estimate,
    pitch_correction,
    reference_face,
    yaw_correction,
)
from tests.face.conftest import canonical_points


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rx(pitch) Ry(yaw) Rz(roll) with the ISO signs, in a frame x right, y up, z toward the camera."""
    y, p, r = radians(yaw), radians(pitch), radians(roll)
    rx = np.array([[1, 0, 0], [0, cos(p), -sin(p)], [0, sin(p), cos(p)]])
    ry = np.array([[cos(y), 0, sin(y)], [0, 1, 0], [-sin(y), 0, cos(y)]])
    rz = np.array([[cos(r), -sin(r), 0], [sin(r), cos(r), 0], [0, 0, 1]])
    return rx @ ry @ rz


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Landmarks of the reference face after a rotation; y down, z away from the camera."""
    points = canonical_points()
    points[:468] = (reference_face() @ rotation(yaw, pitch, roll).T) * (113, -113, -113) + (300, 300, 0)
    return points


@given(st.floats(-80, 80), st.floats(-60, 60), st.floats(-179, 179))
def test_reference_face_at_a_known_pose_is_measured_at_that_pose(yaw: float, pitch: float, roll: float) -> None:
    pose = estimate(turned(yaw, pitch, roll))
    assert (pose.yaw, pose.pitch) == pytest.approx((yaw, pitch), abs=0.1)
    assert (pose.roll - roll + 180) % 360 - 180 == pytest.approx(0, abs=0.1)
    assert pose.residual < 1e-6


PITCH_PAIRS = pitch_correction.vertices(RIGID_VERTICES[MIRROR_PAIRS])


def mirrored(points: np.ndarray, width: float) -> np.ndarray:
    """Landmarks of the mirrored picture that pose depends on: each vertex at its partner's place."""
    out = points.copy()
    first, second = PITCH_PAIRS.T
    for a, b in ((first, second), (second, first)):
        out[a] = points[b] * (-1, 1, 1) + (width, 0, 0)
    return out


@given(st.floats(-60, 60), st.floats(-30, 30), st.floats(-40, 40), st.integers(0, 2**32 - 1))
def test_what_a_crooked_face_adds_to_the_yaw_changes_its_sign_in_a_mirror(
    yaw: float, pitch: float, roll: float, seed: int
) -> None:
    points = turned(yaw, pitch, roll)
    points[:468] += np.random.default_rng(seed).normal(0, 2, (468, 3))  # px at 113 px between the eyes
    before, after = estimate(points), estimate(mirrored(points, 600))
    assert after.yaw == pytest.approx(-before.yaw, abs=1e-2)
    assert after.roll == pytest.approx(-before.roll, abs=1e-2)
    assert after.pitch == pytest.approx(before.pitch, abs=1e-2)


@pytest.mark.parametrize(
    ("name", "pairs"),
    [("yaw_correction.csv", RIGID_VERTICES[MIRROR_PAIRS]), ("pitch_correction.csv", PITCH_PAIRS)],
)
def test_the_table_of_a_correction_is_in_the_order_of_its_mirror_pairs(name: str, pairs: np.ndarray) -> None:
    text = (files("bqat_pipeline.face") / "data" / name).read_text()
    rows = [line.split(",")[:2] for line in text.splitlines() if line[0].isdigit()]
    assert [[int(v) for v in row] for row in rows] == pairs.tolist()


@given(st.floats(-30, 30), st.integers(0, 2**32 - 1))
def test_a_face_of_another_shape_is_tilted_by_as_much_as_it_was_tilted(tilt: float, seed: int) -> None:
    shape = turned(0, 0, 0)
    shape[:468] += np.random.default_rng(seed).normal(0, 2, (468, 3))  # px at 113 px between the eyes
    head = (shape - (300, 300, 0)) * (1, -1, -1)
    moved = head @ rotation(0, tilt, 0).T * (1, -1, -1) + (300, 300, 0)
    assert estimate(moved).pitch - estimate(shape).pitch == pytest.approx(tilt, abs=0.1)


@pytest.mark.parametrize(("yaw", "share"), [(0, 1), (20, 1), (-30, 0.5), (40, 0), (-80, 0)])
def test_the_correction_of_pitch_is_limited_and_fades_out_for_turned_faces(yaw: float, share: float) -> None:
    features = np.sign(pitch_correction.weights()) * 1e3
    assert pitch_correction.correction(features, 500, yaw) == pytest.approx(12 * share)
    assert pitch_correction.correction(-features, 500, yaw) == pytest.approx(-12 * share)


def test_pitch_follows_a_head_that_is_tilted_in_three_dimensions(engine: FaceEngine, hopper: np.ndarray) -> None:
    head = TiltedHead(Analyser(engine.options).context(hopper))
    tilts = (-20, -10, 0, 10, 20)
    pitch = {degrees: engine.analyse(head.tilted(degrees))["iso_head_pose_pitch"] for degrees in tilts}
    followed = np.array([pitch[t] - pitch[0] for t in tilts])  # type: ignore[operator]
    assert 0.85 < followed @ tilts / np.dot(tilts, tilts) < 1.2
    assert np.all(np.diff(followed) > 7)


@pytest.mark.parametrize(("distance", "share"), [(20, 0), (40, 0), (50, 0.5), (60, 1), (500, 1)])
def test_the_correction_of_yaw_is_limited_and_fades_out_for_small_faces(distance: float, share: float) -> None:
    features = np.sign(yaw_correction.weights()) * 1e3
    assert yaw_correction.correction(features, distance) == pytest.approx(12 * share)
    assert yaw_correction.correction(-features, distance) == pytest.approx(-12 * share)


def test_a_head_in_full_profile_has_a_yaw_and_no_roll() -> None:
    yaw, pitch, roll = angles(rotation(89.9, 10, 0))
    assert yaw == pytest.approx(89.9, abs=0.01)
    assert pitch == pytest.approx(10, abs=0.5)
    assert roll == 0


@pytest.mark.parametrize(
    ("iso", "labels"),
    [
        ((10, 0, 0), ("Right", "Level", "Level")),
        ((-10, 0, 0), ("Left", "Level", "Level")),
        ((0, 10, 0), ("Forward", "Down", "Level")),
        ((0, -10, 0), ("Forward", "Up", "Level")),
        ((0, 0, 10), ("Forward", "Level", "Anti-clockwise")),
        ((0, 0, -10), ("Forward", "Level", "Clockwise")),
        ((2.9, -2.9, 2.9), ("Forward", "Level", "Level")),
    ],
)
def test_labels_say_where_the_head_points_in_the_picture(
    iso: tuple[float, float, float], labels: tuple[str, str, str], face_in: Callable[..., FaceContext]
) -> None:
    row = measures.measure(face_in(np.zeros((600, 600, 3), np.uint8), turned(*iso)))
    assert (row["yaw_pose"], row["pitch_pose"], row["roll_pose"]) == labels
    assert row["yaw_degree"] == pytest.approx(-iso[0], abs=0.1)
    assert row["pitch_degree"] == pytest.approx(-iso[1], abs=0.1)
    assert row["roll_degree"] == pytest.approx(iso[2], abs=0.1)
    assert row["iso_head_pose_yaw"] == pytest.approx(iso[0], abs=0.1)


def test_nose_moves_to_the_right_of_the_picture_when_iso_yaw_is_positive() -> None:
    assert turned(20, 0, 0)[1, 0] > turned(0, 0, 0)[1, 0]


def test_frontal_portraits_are_measured_as_nearly_frontal(engine: FaceEngine, portrait: np.ndarray) -> None:
    row = engine.analyse(portrait)
    assert abs(row["yaw_degree"]) < 4  # type: ignore[arg-type]
    assert abs(row["roll_degree"]) < 5  # type: ignore[arg-type]
