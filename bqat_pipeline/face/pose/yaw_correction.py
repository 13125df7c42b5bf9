"""What the landmarks that a rigid fit leaves over say about yaw.

The mesh net flattens turned faces and shapes them differently from person to person: half a face that sticks out toward
the camera, or reaches further to one side, was turned more than the rigid fit says. Weights are in
``data/yaw_correction.csv``, fitted by ``benchmarks/calibration/fit_yaw.py``; errors, cross-validated by person, are in
docs/measures.md. A face that the rigid fit explains gets no correction, and a mirrored one the opposite correction.
"""

from functools import cache
from importlib.resources import files
from math import cos, radians, sin

import numpy as np

_LIMIT = 12.0  # degrees; larger corrections come from landmarks that are no face
# Distance of the eyes, px, up to which the net's jitter says more than the shape, and from which it does not.
_FADES = (40.0, 60.0)


def features(left_over: np.ndarray, roll: float, pairs: np.ndarray) -> np.ndarray:
    """(2 m,) parts of the left-over that change their sign in a mirror: sideways shift and depth of m mirror pairs.

    Parameters
    ----------
    left_over : (n, 3) landmarks less the turned reference face; x right, y up, z toward the camera.
    roll : Degrees, as ``pose.angles`` gives it: a tilted head is looked at as an upright one.
    pairs : (m, 2) positions of each vertex and its partner on the other side.
    """
    # Turned back by roll about the camera's axis; the height is not used.
    c, s = cos(radians(roll)), sin(radians(roll))
    x = left_over[:, 0] * c + left_over[:, 1] * s
    z = left_over[:, 2]
    first, second = pairs.T
    return np.concatenate([(x[first] + x[second]) / 2, (z[first] - z[second]) / 2])


def correction(values: np.ndarray, eye_distance: float) -> float:
    """Degrees to add to the yaw of the rigid fit (ISO sign).

    Parameters
    ----------
    values : (2 m,) features.
    eye_distance : Distance of the eyes, px, as if the face were seen from the front.
    """
    return trust(eye_distance) * min(max(float(weights() @ values), -_LIMIT), _LIMIT)


def trust(eye_distance: float) -> float:
    """Share of the correction, 0..1, that a face of this size gets."""
    none, full = _FADES
    return min(max((eye_distance - none) / (full - none), 0.0), 1.0)


@cache
def weights() -> np.ndarray:
    """(2 m,) degrees per unit of each feature."""
    text = (files("bqat_pipeline.face") / "data" / "yaw_correction.csv").read_text()
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith(("#", "vertex"))]
    table = np.array([[float(v) for v in row[2:]] for row in rows])
    return np.concatenate([table[:, 0], table[:, 1]])
