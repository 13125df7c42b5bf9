"""Landmarks and illumination zones of the main face, for drawing over a picture; face profiles do not store them."""

from dataclasses import dataclass

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures.illumination import Zone, light_zones

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Marks:
    """Points in px of the upright picture, rounded to 0.1 px.

    Attributes
    ----------
    width, height : Size of the picture, px.
    points : The 478 landmarks of the mesh, in its order; 468 to 477 are the irises.
    zones : Corners of the areas whose illumination is compared (29794-5 7.3.3, ICAO TR Portrait Quality): forehead,
        cheek on the image left, cheek on the image right, chin; empty when a cheek reaches outside the aligned frame.
    """

    width: int
    height: int
    points: tuple[Point, ...]
    zones: tuple[tuple[Point, ...], ...]


def face_marks(context: FaceContext) -> Marks | None:
    """The marks of a picture; None when no landmarks were found."""
    if not context.has_landmarks:
        return None
    zones = tuple(_points(zone_corners(context, zone)) for zone in light_zones(context) or ())
    return Marks(context.width, context.height, _points(context.points[:, :2]), zones)


def zone_corners(context: FaceContext, zone: Zone) -> np.ndarray:
    """(4, 2) corners of a zone of the aligned frame, in px of the picture."""
    left, upper, right, lower = zone
    back = cv2.invertAffineTransform(context.aligned.matrix)
    corners = np.array([(left, upper), (right, upper), (right, lower), (left, lower)], np.float64)
    return corners @ back[:, :2].T + back[:, 2]


def _points(places: np.ndarray) -> tuple[Point, ...]:
    return tuple((round(x, 1), round(y, 1)) for x, y in np.asarray(places, np.float64).tolist())
