"""Axes of the head in the picture, for measures that judge tilted heads like upright ones."""

from dataclasses import dataclass
from math import hypot

import numpy as np

from bqat_pipeline.face.geometry import Geometry
from bqat_pipeline.face.landmarks import HEAD_SIDES


@dataclass(frozen=True, slots=True)
class HeadFrame:
    """Axes of the head in the picture.

    Attributes
    ----------
    origin : (2,) midpoint of the eyes, px of the picture.
    right, up : (2,) unit vectors across the head, to the right of an upright picture, and from the chin to the eyes.
    length : From the eyes to the chin, px.
    width : Of the skin contour at ear level, px.
    sides : (2,) each: the contour at ear level on the image left and right, px of the picture.
    """

    origin: np.ndarray
    right: np.ndarray
    up: np.ndarray
    length: float
    width: float
    sides: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, points: np.ndarray, geometry: Geometry) -> "HeadFrame | None":
        """Axes of a face's head; None when its landmarks have no extent.

        Parameters
        ----------
        points : (478, 3) landmarks, px of the picture.
        geometry : Derived from the same landmarks.
        """
        left, right = points.take(HEAD_SIDES, axis=0)[:, :2]
        (left_x, left_y), (right_x, right_y) = left.tolist(), right.tolist()
        if geometry.length < 1 or hypot(right_x - left_x, right_y - left_y) < 1:
            return None
        (eyes_x, eyes_y), (chin_x, chin_y) = geometry.eye_midpoint.tolist(), geometry.chin.tolist()
        up_x, up_y = (eyes_x - chin_x) / geometry.length, (eyes_y - chin_y) / geometry.length
        across = np.array([-up_y, up_x])
        width = (right_y - left_y) * up_x - (right_x - left_x) * up_y
        if abs(width) < 1:
            return None
        sides = (left, right) if width > 0 else (right, left)
        return cls(geometry.eye_midpoint, across, np.array([up_x, up_y]), geometry.length, abs(width), sides)
