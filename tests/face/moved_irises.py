"""Portraits whose eyes look elsewhere: the irises are moved inside their openings, everything else stays."""

import cv2
import numpy as np

from bqat_pipeline.face.geometry import Geometry, distance
from bqat_pipeline.face.landmarks import (
    IMG_LEFT_EYE_CORNERS,
    IMG_LEFT_IRIS,
    IMG_LEFT_LID_RING,
    IMG_RIGHT_EYE_CORNERS,
    IMG_RIGHT_IRIS,
    IMG_RIGHT_LID_RING,
)

_IRIS = 0.093  # radius, in inter-eye distances
_PUPIL = 0.167  # from the centre of the eyeball to the pupil, in inter-eye distances
_EYES = (
    (IMG_LEFT_EYE_CORNERS, IMG_LEFT_IRIS[0], IMG_LEFT_LID_RING),
    (IMG_RIGHT_EYE_CORNERS, IMG_RIGHT_IRIS[0], IMG_RIGHT_LID_RING),
)


def looking_aside(image: np.ndarray, points: np.ndarray, degrees: float) -> np.ndarray:
    """The portrait with its eyes turned by some degrees, above 0 to the image right.

    The white beside each iris is stretched and squeezed along the eye's axis, so that the corners stay where they are.

    Parameters
    ----------
    image : (h, w, 3) uint8.
    points : (478, 3) landmarks, px of the image.
    """
    out, size = image.copy(), Geometry.of(points).eye_distance
    shift, radius = _PUPIL * size * np.sin(np.radians(degrees)), _IRIS * size
    for (first, second), iris, ring in _EYES:
        start, width = points[first, :2], distance(points[first], points[second])
        unit = (points[second, :2] - start) / width
        middle = float((points[iris, :2] - start) @ unit)
        edge = points[list(ring), :2]
        (left, upper), (right, lower) = (np.rint(e).astype(int) for e in (edge.min(axis=0) - 3, edge.max(axis=0) + 4))
        y, x = np.mgrid[upper:lower, left:right].astype(np.float32)
        along = (x - start[0]) * unit[0] + (y - start[1]) * unit[1]
        moved = (max(middle - radius + shift, 1.0), min(middle + radius + shift, width - 1))
        source = np.interp(
            along,
            [-1e3, 0, *moved, width, width + 1e3],
            [-1e3, 0, middle - radius, middle + radius, width, width + 1e3],
        )
        step = (source - along).astype(np.float32)
        there = cv2.remap(
            image, x + step * np.float32(unit[0]), y + step * np.float32(unit[1]), interpolation=cv2.INTER_LINEAR
        )
        opening = np.zeros(image.shape[:2], np.uint8)
        cv2.fillConvexPoly(opening, cv2.convexHull(np.rint(edge).astype(np.int32)), 255)
        share = cv2.GaussianBlur(opening, (0, 0), 1)[upper:lower, left:right, None] / 255
        out[upper:lower, left:right] = out[upper:lower, left:right] * (1 - share) + there * share
    return out
