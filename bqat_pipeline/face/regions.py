"""Regions of the aligned frame: face mask, cheek zones, background."""

from dataclasses import dataclass
from math import ceil, floor, hypot

import cv2
import numpy as np

from bqat_pipeline.face.alignment import SIZE, AlignedFrame
from bqat_pipeline.face.geometry import Geometry, composed, moved
from bqat_pipeline.face.landmarks import FACE_MASK

_FACE_MASK = np.array(FACE_MASK)
# Part of the aligned frame that the background measure uses (OFIQ): 62 px cut at each side, 210 at the bottom.
_BACKGROUND = (62, 0, 554, 406)
# Width and height to which it is reduced, px, and the erosion of its mask, both OFIQ's.
BACKGROUND_SIZE = (354, 292)
_CROP_CORNERS = ((0, 0), (353, 0), (353, 291), (0, 291))  # centres of its px in the corners
_EROSION = np.ones((4, 4), np.uint8)
_PERSON = 0.5


def face_mask(frame: AlignedFrame) -> tuple[np.ndarray, int, int]:
    """The landmarked region of ``frame.image``: the hull of contour, brows, eyes, nose, lips.

    Returns (h, w) uint8, its bounding box, 255 in the region; and its left and upper edge in px of ``frame.image``. An
    empty mask where the region lies outside.
    """
    height, width = frame.image.shape[:2]
    hull = cv2.convexHull(np.rint(frame.local(frame.points[_FACE_MASK])).astype(np.int32))
    x, y, w, h = cv2.boundingRect(hull)
    if x >= 0 and y >= 0 and x + w <= width and y + h <= height:
        return cv2.fillConvexPoly(np.zeros((h, w), np.uint8), hull - np.array((x, y), np.int32), 255), x, y
    mask = cv2.fillConvexPoly(np.zeros((height, width), np.uint8), hull, 255)
    x, y, w, h = cv2.boundingRect(mask)
    return np.ascontiguousarray(mask[y : y + h, x : x + w]), x, y


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


def background_area(
    matrix: np.ndarray, size: tuple[int, int]
) -> tuple[tuple[float, float, float, float], tuple[int, int]]:
    """The upright part of the picture around the background crop, and its (width, height) at the crop's scale.

    Parameters
    ----------
    matrix : (2, 3) from px of the picture to px of the crop, see ``to_background``.
    size : (width, height) of the picture, px.
    """
    scale = hypot(matrix[0, 0], matrix[1, 0])
    edges, lengths = [], []
    for corners, length in zip(zip(*_background_corners(matrix), strict=True), size, strict=True):
        # Whole px, because Pyramid.cut() takes whole px and the scale must be that of the crop.
        low = min(max(floor(min(corners) + 0.5), 0), length - 1)
        high = min(max(ceil(max(corners) + 0.5), low + 1), length)
        edges.append((float(low), float(high)))
        # The upper limit matters only when both eyes fall into one px.
        lengths.append(min(max(round((high - low) * scale), 1), 2 * BACKGROUND_SIZE[0]))
    (left, right), (upper, lower) = edges
    return (left, upper, right, lower), (lengths[0], lengths[1])


def background_mask(
    person: np.ndarray, to_person: np.ndarray, to_image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """(h, w) uint8, 255 where an upright image shows the background crop and no person.

    Parameters
    ----------
    person : (h, w) float32 probability of a person in an area of the picture.
    to_person : (2, 3) from px of the picture to px of ``person``.
    to_image : (2, 3) from px of the picture to px of the image.
    matrix : (2, 3) from px of the picture to px of the crop, see ``to_background``.
    size : (width, height) of the image, px.
    """
    w, h = size
    # The segmentation is coarser than the image: half the image's size loses no detail.
    half = composed(np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]]), to_image)
    small = cv2.warpAffine(
        cv2.convertScaleAbs(person, alpha=255),
        composed(to_person, cv2.invertAffineTransform(half)),
        ((w + 1) // 2, (h + 1) // 2),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    probability = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
    background = cv2.compare(probability, round(255 * _PERSON), cv2.CMP_LT)
    # What lies outside the picture is not background: the border counts as person.
    background = cv2.erode(background, _EROSION, borderType=cv2.BORDER_CONSTANT, borderValue=0.0)
    crop = np.zeros((h, w), np.uint8)
    corners = moved(to_image, _background_corners(matrix))
    cv2.fillConvexPoly(crop, np.rint(corners).astype(np.int32), 255)
    return cv2.bitwise_and(background, crop)


def _background_corners(matrix: np.ndarray) -> list[tuple[float, float]]:
    """The four corners of the background crop, px of the picture."""
    return moved(cv2.invertAffineTransform(matrix), _CROP_CORNERS)


def to_background(frame: AlignedFrame) -> np.ndarray:
    """(2, 3) from px of the picture to px of the reduced background crop (354 x 292).

    OFIQ makes the 616 px frame first and reduces its part afterwards; here both steps are one interpolation.
    """
    left, upper, right, lower = _BACKGROUND
    sx, sy = BACKGROUND_SIZE[0] / (right - left), BACKGROUND_SIZE[1] / (lower - upper)
    reduce = np.array([[sx, 0, sx * (0.5 - left) - 0.5], [0, sy, sy * (0.5 - upper) - 0.5]])
    return composed(reduce, frame.matrix)
