"""A correction of yaw from the residuals of the rigid fit.

The mesh net flattens turned faces, differently from person to person: when one half of the face lies closer to the
camera than in the rigid fit, or reaches further to the side, the head is turned more than that fit says. Weights are in
``data/yaw_correction.csv``, fitted by ``benchmarks/calibration/fit_yaw.py``; errors, cross-validated by person, are in
docs/measures.md. Without residuals there is no correction; a mirrored face gets the opposite one.
"""

from functools import cache
from math import cos, radians, sin

import numpy as np

from bqat_pipeline.face.pose import correction as common

_NONE_TO_FULL = (40.0, 60.0)  # distance of the eyes, px


def features(left_over: np.ndarray, roll: float, pairs: np.ndarray) -> np.ndarray:
    """(2 m,) parts of the residuals whose sign changes in a mirror: sideways shift and depth of m mirror pairs.

    Parameters
    ----------
    left_over : (n, 3) landmarks minus the rotated reference face; x right, y up, z toward the camera.
    roll : Degrees, as ``pose.angles`` gives it; it is undone first, so that a tilted head gives the same features.
    pairs : (m, 2) positions of each vertex and its partner on the other side.
    """
    # Rotated back by roll about the camera's axis; the vertical part is not used.
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
    return common.degrees(weights(), values, trust(eye_distance))


def trust(eye_distance: float) -> float:
    """Share of the correction, 0..1, that a face of this size gets."""
    return common.trust(eye_distance, *_NONE_TO_FULL)


@cache
def weights() -> np.ndarray:
    """(2 m,) degrees per unit of each feature."""
    return common.table("yaw_correction.csv").T.ravel()
