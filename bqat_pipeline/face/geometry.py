"""Points and lengths of one face that many measures share (clause 3 of OFIQ's reference manual)."""

from collections.abc import Sequence
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

_LEFT_LIDS, _RIGHT_LIDS = np.array(IMG_LEFT_LID_PAIRS), np.array(IMG_RIGHT_LID_PAIRS)
# Two vertices between which each of the points lies: eyes on the image left and right, inner lips.
_ENDS = np.array((IMG_LEFT_EYE_CORNERS, IMG_RIGHT_EYE_CORNERS, INNER_LIP_PAIRS[1]))


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
        ends = points.take(_ENDS, axis=0)[..., :2]  # a quarter of the time of an index
        left, right, mouth = (ends[:, 0] + ends[:, 1]) / 2
        middle, chin = (left + right) / 2, points[CHIN, :2]
        return cls(left, right, middle, chin, distance(left, right), distance(middle, chin), distance(middle, mouth))


def affine(linear: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """(2, 3) transform with a linear part (2, 2) and an offset (2,); a fifth of the time of ``np.column_stack``."""
    matrix = np.empty((2, 3))
    matrix[:, :2], matrix[:, 2] = linear, offset
    return matrix


def composed(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """(2, 3) transform that applies ``inner``, then ``outer``, (2, 3) each; in plain numbers: a third of the time."""
    (a, b, x), (c, d, y) = outer.tolist()
    (e, f, u), (g, h, v) = inner.tolist()
    return np.array(
        [[a * e + b * g, a * f + b * h, a * u + b * v + x], [c * e + d * g, c * f + d * h, c * u + d * v + y]]
    )


def moved(matrix: np.ndarray, places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A few places, x and y each, under a (2, 3) transform."""
    (a, b, x), (c, d, y) = matrix.tolist()
    return [(a * u + b * v + x, c * u + d * v + y) for u, v in places]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Euclidean distance of two points (2,)."""
    return hypot(a[0] - b[0], a[1] - b[1])


def gaps(points: np.ndarray, pairs: np.ndarray) -> list[float]:
    """Distances of landmarks in the image plane, px.

    Parameters
    ----------
    points : (478, 2 or 3) landmarks.
    pairs : (n, 2) vertices.
    """
    return [hypot(a[0] - b[0], a[1] - b[1]) for a, b in points.take(pairs, axis=0).tolist()]


def lid_gaps(points: np.ndarray) -> tuple[float, float]:
    """Largest lid gap of the eye on the image left and on the image right, px."""
    return max(gaps(points, _LEFT_LIDS)), max(gaps(points, _RIGHT_LIDS))
