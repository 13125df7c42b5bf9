"""Regions of the aligned frame: face mask, cheek zones, background."""

from dataclasses import dataclass

import cv2
import numpy as np

from bqat_pipeline.face.alignment import BACKGROUND, SIZE, AlignedFrame
from bqat_pipeline.face.geometry import Geometry
from bqat_pipeline.face.landmarks import FACE_MASK

_FACE_MASK = np.array(FACE_MASK)
# Size to which the background crop is reduced, and OFIQ's erosion.
BACKGROUND_SIZE = (354, 292)
_EROSION = np.ones((4, 4), np.uint8)
_PERSON = 0.5


def face_mask(frame: AlignedFrame) -> np.ndarray:
    """(h, w) uint8, 255 in the landmarked region of ``frame.image``: the hull of contour, brows, eyes, nose, lips."""
    mask = np.zeros(frame.image.shape[:2], np.uint8)
    hull = cv2.convexHull(np.rint(frame.local(frame.points[_FACE_MASK])).astype(np.int32))
    return cv2.fillConvexPoly(mask, hull, 255)


@dataclass(frozen=True, slots=True)
class CheekZones:
    """Squares of side 0.3 IED below both eyes: (left, upper, right, lower), px of the aligned frame."""

    img_left: tuple[int, int, int, int]
    img_right: tuple[int, int, int, int]


def cheek_zones(geometry: Geometry) -> CheekZones | None:
    """The cheek zones for the geometry of aligned landmarks; None when one leaves the frame."""
    side = int(0.3 * geometry.eye_distance)
    down = int(geometry.eye_mouth / 2)
    lx, ly = (int(v) for v in np.rint(geometry.img_left_eye))
    rx, ry = (int(v) for v in np.rint(geometry.img_right_eye))
    zones = CheekZones((lx, ly + down, lx + side, ly + down + side), (rx - side, ry + down, rx, ry + down + side))
    for left, upper, right, lower in (zones.img_left, zones.img_right):
        if side < 1 or left < 0 or upper < 0 or right > SIZE or lower > SIZE:
            return None
    return zones


def background_mask(person: np.ndarray, to_area: np.ndarray, frame: AlignedFrame, size: tuple[int, int]) -> np.ndarray:
    """(292, 354) uint8, 255 where the reduced background crop shows neither person nor the outside of the picture.

    Parameters
    ----------
    person : (h, w) probability of a person in an area of the picture.
    to_area : (2, 3) from px of the picture to px of ``person``.
    size : (width, height) of the picture, px.
    """
    crop = _to_crop(frame)
    inverse = cv2.invertAffineTransform(crop)
    w, h = BACKGROUND_SIZE
    combined = _compose(to_area, inverse)
    warped = cv2.warpAffine(
        person, combined, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    background = cv2.compare(warped, _PERSON, cv2.CMP_LT)
    corners = np.array([(0, 0), (size[0] - 1, 0), (size[0] - 1, size[1] - 1), (0, size[1] - 1)], np.float64)
    inside = np.zeros((h, w), np.uint8)
    cv2.fillConvexPoly(inside, np.rint(corners @ crop[:, :2].T + crop[:, 2]).astype(np.int32), 255)
    return cv2.erode(cv2.bitwise_and(background, inside), _EROSION)


def background_crop(frame: AlignedFrame) -> np.ndarray:
    """(292, 354, 3) uint8: the part of the aligned frame that the background measure looks at."""
    left, upper, right, lower = BACKGROUND
    cut = frame.cut(left, upper, right, lower)
    assert cut is not None  # align() makes the frame large enough
    return cv2.resize(cut, BACKGROUND_SIZE, interpolation=cv2.INTER_LINEAR)


def _to_crop(frame: AlignedFrame) -> np.ndarray:
    """(2, 3) from px of the picture to px of the reduced background crop."""
    left, upper, right, lower = BACKGROUND
    sx, sy = BACKGROUND_SIZE[0] / (right - left), BACKGROUND_SIZE[1] / (lower - upper)
    reduce = np.array([[sx, 0, sx * (0.5 - left) - 0.5], [0, sy, sy * (0.5 - upper) - 0.5]])
    return _compose(reduce, frame.matrix)


def _compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """(2, 3) transform that applies ``inner``, then ``outer``."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])
