"""Landmarks and light zones of the main face, as they are drawn over a picture; profiles do not hold them."""

from dataclasses import dataclass

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures.illumination import Zone, light_zones

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Marks:
    """Places in px of the upright picture, rounded to a tenth.

    Attributes
    ----------
    width, height : Of the picture.
    points : The 478 landmarks of the mesh, in its order; 468 to 477 are the irises.
    zones : Corners of the areas whose light is compared (29794-5 7.3.3, ICAO TR Portrait Quality): forehead, cheek on
        the image left, cheek on the image right, chin; empty when a cheek lies too close to the edge.
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
    """(4, 2) corners of a zone of the aligned frame, turned back to px of the picture."""
    left, upper, right, lower = zone
    back = cv2.invertAffineTransform(context.aligned.matrix)
    corners = np.array([(left, upper), (right, upper), (right, lower), (left, lower)], np.float64)
    return corners @ back[:, :2].T + back[:, 2]


def _points(places: np.ndarray) -> tuple[Point, ...]:
    return tuple((round(x, 1), round(y, 1)) for x, y in np.asarray(places, np.float64).tolist())
