"""Regions of the aligned frame: face mask, cheek zones, background."""

from dataclasses import dataclass

import cv2
import numpy as np

from bqat_pipeline.face.alignment import SIZE, AlignedFrame
from bqat_pipeline.face.geometry import Geometry
from bqat_pipeline.face.landmarks import FACE_MASK

_FACE_MASK = np.array(FACE_MASK)
# Part of the aligned frame that the background measure looks at: 62 px cut at each side, 210 at the bottom.
_BACKGROUND = (62, 0, 554, 406)
# Size to which it is reduced, and OFIQ's erosion.
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


def background_mask(person: np.ndarray, to_area: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(292, 354) uint8, 255 where the reduced background crop shows neither person nor the outside of the picture.

    Parameters
    ----------
    person : (h, w) float32 probability of a person in an area of the picture.
    to_area : (2, 3) from px of the picture to px of ``person``.
    matrix : (2, 3) from px of the picture to px of the crop, see ``to_background``.
    size : (width, height) of the picture, px.
    """
    w, h = BACKGROUND_SIZE
    # The segmentation is coarser than the crop: half the crop's size loses nothing.
    half = _compose(np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]]), matrix)
    warped = cv2.warpAffine(
        cv2.convertScaleAbs(person, alpha=255),
        _compose(to_area, cv2.invertAffineTransform(half)),
        (w // 2, h // 2),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    warped = cv2.resize(warped, (w, h), interpolation=cv2.INTER_LINEAR)
    corners = np.array([(0, 0), (size[0] - 1, 0), (size[0] - 1, size[1] - 1), (0, size[1] - 1)], np.float64)
    inside = np.zeros((h, w), np.uint8)
    cv2.fillConvexPoly(inside, np.rint(corners @ matrix[:, :2].T + matrix[:, 2]).astype(np.int32), 255)
    background = cv2.compare(warped, round(255 * _PERSON), cv2.CMP_LT)
    return cv2.erode(cv2.bitwise_and(background, inside), _EROSION)


def to_background(frame: AlignedFrame) -> np.ndarray:
    """(2, 3) from px of the picture to px of the reduced background crop (354 x 292).

    OFIQ makes the 616 px frame first and reduces its part afterwards; here both steps are one interpolation.
    """
    left, upper, right, lower = _BACKGROUND
    sx, sy = BACKGROUND_SIZE[0] / (right - left), BACKGROUND_SIZE[1] / (lower - upper)
    reduce = np.array([[sx, 0, sx * (0.5 - left) - 0.5], [0, sy, sy * (0.5 - upper) - 0.5]])
    return _compose(reduce, frame.matrix)


def _compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """(2, 3) transform that applies ``inner``, then ``outer``."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])
