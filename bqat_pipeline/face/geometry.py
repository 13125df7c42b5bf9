"""Points and lengths of one face that many measures share (clause 3 of OFIQ's reference manual)."""

from dataclasses import dataclass
from math import hypot

import numpy as np

from bqat_pipeline.face.landmarks import (
    CHIN,
    IMG_LEFT_EYE_CORNERS,
    IMG_LEFT_LID_PAIRS,
    IMG_RIGHT_EYE_CORNERS,
    IMG_RIGHT_LID_PAIRS,
    INNER_LIP_PAIRS,
)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Derived points, (2,) each, and lengths, in px of the frame of the landmarks.

    Attributes
    ----------
    img_left_eye, img_right_eye : Midpoints of the eye corners (not the pupils).
    eye_midpoint : M, between both eyes.
    chin : C.
    eye_distance : IED, between the eye midpoints, in the image plane.
    length : T, from M to C: the unit of most vertical measures.
    eye_mouth : EM, from M to the middle of the inner lips.
    """

    img_left_eye: np.ndarray
    img_right_eye: np.ndarray
    eye_midpoint: np.ndarray
    chin: np.ndarray
    eye_distance: float
    length: float
    eye_mouth: float

    @classmethod
    def of(cls, points: np.ndarray) -> "Geometry":
        """Derived from (478, 2 or 3) landmarks."""
        p = points[:, :2]
        left = (p[IMG_LEFT_EYE_CORNERS[0]] + p[IMG_LEFT_EYE_CORNERS[1]]) / 2
        right = (p[IMG_RIGHT_EYE_CORNERS[0]] + p[IMG_RIGHT_EYE_CORNERS[1]]) / 2
        middle = (left + right) / 2
        mouth = (p[INNER_LIP_PAIRS[1][0]] + p[INNER_LIP_PAIRS[1][1]]) / 2
        return cls(
            left,
            right,
            middle,
            p[CHIN],
            distance(left, right),
            distance(middle, p[CHIN]),
            distance(middle, mouth),
        )


def affine(linear: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """(2, 3) transform with a linear part (2, 2) and an offset (2,); a fifth of the time of ``np.column_stack``."""
    matrix = np.empty((2, 3))
    matrix[:, :2], matrix[:, 2] = linear, offset
    return matrix


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Euclidean distance of two points (2,)."""
    return hypot(a[0] - b[0], a[1] - b[1])


def largest_gap(points: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> float:
    """Largest distance between the landmarks of any pair, px."""
    return max(distance(points[a], points[b]) for a, b in pairs)


def lid_gaps(points: np.ndarray) -> tuple[float, float]:
    """Largest lid gap of the eye on the image left and on the image right, px."""
    return largest_gap(points, IMG_LEFT_LID_PAIRS), largest_gap(points, IMG_RIGHT_LID_PAIRS)
