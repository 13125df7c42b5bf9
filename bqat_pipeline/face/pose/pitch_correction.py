"""A correction of pitch from what the rigid fit leaves over: expression, and the shape of the face.

A smile lifts nose wings, cheeks and jaw, which the rigid fit takes for a head that looks down. Where these points,
lips and chin lie relative to the fitted face tells how much of that there is. Weights are in
``data/pitch_correction.csv``, fitted by ``benchmarks/calibration/fit_pitch.py``; errors, cross-validated by person,
are in docs/measures.md. Without residuals there is no correction; a mirrored face gets the same one; one and
the same face gets the same one in every pose.
"""

from functools import cache

import numpy as np

from bqat_pipeline.face.pose import correction as common

# Mouth corners, inner and outer lips, chin; with the mirror pairs of the rigid fit.
_MOUTH = ((61, 291), (13, 13), (14, 14), (0, 0), (17, 17), (152, 152))
# Degrees of yaw up to which a face gets all of the correction, and from which it gets none: half of it is hidden then.
_FULL_TO_NONE = (20.0, 40.0)
# Distance of the eyes, px. Copies of 15 to 20 px still read as the picture itself, within 1.3 degrees in 95 %.
_NONE_TO_FULL = (15.0, 20.0)


def vertices(rigid_pairs: np.ndarray) -> np.ndarray:
    """(m, 2) vertices and their partners on the other side that are looked at.

    Parameters
    ----------
    rigid_pairs : (18, 2) those of the rigid fit.
    """
    return np.concatenate([rigid_pairs, np.array(_MOUTH)])


def features(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(2 m,) parts of the residuals that stay in a mirror: height and depth of m mirror pairs.

    Parameters
    ----------
    first, second : (m, 3) landmarks minus reference face in the frame of the head (x right, y up, z to the front,
        in eye distances), of each vertex and of its partner on the other side.
    """
    mean = (first + second) / 2
    return np.concatenate([mean[:, 1], mean[:, 2]])


def correction(values: np.ndarray, eye_distance: float, yaw: float) -> float:
    """Degrees to add to the pitch of the rigid fit (ISO sign).

    Parameters
    ----------
    values : (2 m,) features.
    eye_distance : Distance of the eyes, px, as if the face were seen from the front.
    yaw : Degrees.
    """
    return common.degrees(weights(), values, share(yaw, eye_distance))


def share(yaw: float, eye_distance: float) -> float:
    """Share of the correction, 0..1, that a face with this yaw and of this size gets."""
    full, none = _FULL_TO_NONE
    return min(max((none - abs(yaw)) / (none - full), 0.0), 1.0) * common.trust(eye_distance, *_NONE_TO_FULL)


@cache
def weights() -> np.ndarray:
    """(2 m,) degrees per unit of each feature."""
    return common.table("pitch_correction.csv").T.ravel()
