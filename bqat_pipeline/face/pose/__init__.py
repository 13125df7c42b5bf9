"""Head pose in degrees with the signs of ISO/IEC 39794-5, from 3-D landmarks.

Weighted Procrustes: the rotation that brings a frontal reference face closest to the landmarks. The reference face is
our own (``data/reference_face.csv``, made by ``benchmarks/calibration/derive_reference_face.py``; provenance in
docs/measures.md). What the rigid fit leaves over gives small corrections of yaw and pitch (``yaw_correction``,
``pitch_correction``).
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import asin, atan2, cos, degrees, sqrt

import cv2
import numpy as np

from bqat_pipeline.face.pose import pitch_correction, yaw_correction

# Rigid vertices and their weights (parameters of MediaPipe's face geometry); (vertex, partner on the other side,
# weight of each).
_RIGID = (
    (4, None, 0.0709099), (6, None, 0.0321001), (10, None, 0.00844655), (33, 263, 0.0587242), (54, 284, 0.00766708),
    (67, 297, 0.00907806), (117, 346, 0.00979194), (119, 348, 0.0145654), (121, 350, 0.0185914), (127, 356, 0.00519799),
    (129, 358, 0.120625), (132, 361, 0.00556002), (133, 362, 0.0532862), (136, 365, 0.0668905), (143, 372, 0.0148165),
    (147, 376, 0.0142628), (198, 420, 0.0254622), (205, 425, 0.0472523),
)  # fmt: skip
RIGID_VERTICES = np.array([v for a, b, _ in _RIGID for v in (a, b) if v is not None])
RIGID_WEIGHTS = np.array([w for a, b, w in _RIGID for v in (a, b) if v is not None])
# Positions in RIGID_VERTICES of each vertex and its partner on the other side; itself on the midline.
MIRROR_PAIRS = np.array(
    [(list(RIGID_VERTICES).index(a), list(RIGID_VERTICES).index(a if b is None else b)) for a, b, _ in _RIGID]
)
# Vertices and their partners that the correction of pitch looks at.
_PITCH_PAIRS = pitch_correction.vertices(RIGID_VERTICES[MIRROR_PAIRS])
_DEGENERATE = 0.9975  # sin of a yaw of about 86 degrees, from which pitch and roll cannot be told apart


@dataclass(frozen=True, slots=True)
class Pose:
    """Head pose.

    Attributes
    ----------
    yaw : Degrees; above 0 the subject turns to their own left (nose toward the right of the picture).
    pitch : Degrees; above 0 the subject looks down.
    roll : Degrees; above 0 the head is turned anti-clockwise as seen in the picture.
    rotation : (3, 3): reference face to picture; x right, y up, z toward the camera. Of the rigid fit, without the
        corrections of ``yaw`` and ``pitch``.
    residual : Weighted RMS distance between landmarks and turned reference face, in inter-eye distances.
    """

    yaw: float
    pitch: float
    roll: float
    rotation: np.ndarray
    residual: float


@cache
def reference_face() -> np.ndarray:
    """(468, 3) frontal reference face; x right, y up, z toward the camera; the inter-eye distance is 1."""
    text = (files("bqat_pipeline.face") / "data" / "reference_face.csv").read_text()
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith(("#", "vertex"))]
    table = np.array([[float(v) for v in row[1:]] for row in rows])
    table.setflags(write=False)
    return table


def estimate(points: np.ndarray) -> Pose:
    """Pose of a face.

    Parameters
    ----------
    points : (478, 3) landmarks: x, y px of the picture (y down), z px (below 0 toward the camera).
    """
    fit = procrustes(points, reference_face(), RIGID_VERTICES, RIGID_WEIGHTS)
    yaw, pitch, roll = angles(fit.rotation)
    yaw += yaw_correction.correction(yaw_correction.features(fit.left_over, roll, MIRROR_PAIRS), fit.scale)
    pitch += pitch_correction.correction(pitch_features(points, fit), fit.scale, yaw)
    return Pose(min(max(yaw, -90.0), 90.0), min(max(pitch, -90.0), 90.0), roll, fit.rotation, fit.residual)


def pitch_features(points: np.ndarray, fit: "Fit") -> np.ndarray:
    """Features of the correction of pitch.

    Parameters
    ----------
    points : (478, 3) landmarks, as for ``estimate``.
    fit : Their rigid fit to the reference face.
    """
    reference = reference_face()
    both = _PITCH_PAIRS.T.ravel()
    moved = (points[both] * (1.0, -1.0, -1.0) - fit.centre) @ fit.rotation / fit.scale
    first, second = (moved - (reference[both] - fit.reference_centre)).reshape(2, -1, 3)
    return pitch_correction.features(first, second)


@dataclass(frozen=True, slots=True)
class Fit:
    """The similarity that brings a reference face closest to landmarks.

    Attributes
    ----------
    rotation : (3, 3) reference face to picture.
    scale : Px per unit of the reference face.
    centre, reference_centre : (3,) weighted centres of the landmarks (px; x right, y up, z toward the camera) and of
        the reference face, which lie on each other.
    left_over : (n, 3) landmarks minus the rotated reference face, in units of the reference face; x right, y up,
        z toward the camera.
    residual : Weighted root mean square of ``left_over``.
    """

    rotation: np.ndarray
    scale: float
    centre: np.ndarray
    reference_centre: np.ndarray
    left_over: np.ndarray
    residual: float


def procrustes(points: np.ndarray, reference: np.ndarray, vertices: np.ndarray, weights: np.ndarray) -> Fit:
    """Weighted least-squares rotation and scale from a reference face to landmarks, without reflection (Kabsch 1976).

    Parameters
    ----------
    points : (478, 3) landmarks: x, y px of the picture (y down), z px (below 0 toward the camera).
    reference : (468, 3); x right, y up, z toward the camera.
    vertices : (n,) rows that are compared.
    weights : (n,) weight of each, above 0.
    """
    w = weights / weights.sum()
    x = points[vertices] * (1.0, -1.0, -1.0)
    v = reference[vertices]
    centre, reference_centre = w @ x, w @ v
    x = x - centre
    v = v - reference_centre
    # OpenCV's functions for small matrices take a tenth of LAPACK's time.
    s, u, vt = cv2.SVDecomp((x * w[:, None]).T @ v)
    d = np.array([1.0, 1.0, 1.0 if cv2.determinant(u @ vt) > 0 else -1.0])
    rotation = (u * d) @ vt
    size = float(w @ (v**2).sum(axis=1))
    scale = float(s[:, 0] @ d) / size
    left_over = x / scale - v @ rotation.T
    return Fit(rotation, scale, centre, reference_centre, left_over, sqrt(float(w @ (left_over**2).sum(axis=1))))


def angles(rotation: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch, roll in degrees of a rotation Rx(pitch) Ry(yaw) Rz(roll); ISO signs."""
    sine = min(max(float(rotation[0, 2]), -1.0), 1.0)
    yaw = degrees(asin(sine))
    if abs(sine) > _DEGENERATE:
        return yaw, degrees(-atan2(-rotation[2, 1], rotation[1, 1])), 0.0
    pitch = -degrees(atan2(rotation[1, 2], rotation[2, 2]))
    roll = -degrees(atan2(rotation[0, 1], rotation[0, 0]))
    return yaw, pitch, roll


def yaw_cosine(yaw: float) -> float | None:
    """Cosine of a yaw in degrees; None where it is too close to 0 to divide by (90 degrees)."""
    value = cos(np.radians(yaw))
    return value if value > 1e-3 else None
