"""Highlights: spots on the skin that are nearly white, and reflections on lenses. Own measures.

Both look at green at half the size of the aligned frame; in light skin, red is full before a spot has lost its detail.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from bqat_pipeline.face.alignment import AlignedFrame
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.landmarks import FACE_MASK, OUTER_LIPS

_LIPS = np.array(OUTER_LIPS)
# The landmarked region, which ends at the brows, and the middle of the forehead.
_SKIN = np.array((*FACE_MASK, 68, 104, 69, 108, 151, 337, 299, 333, 298))
_KERNEL = np.ones((3, 3), np.uint8)
_BORDER = np.ones((9, 9), np.uint8)  # at the edge of a turned face lies the background
_SMALLEST = 24.0  # px between the eyes

# Skin: nearly white, and brighter than what lies around it, so that a bright face as such has no spots.
_WHITE = 225
_SKIN_STEP = 20
_AROUND = 25  # px at half size, side of the square that counts as around
_EYE = (24, 13)  # half axes, px at half size, of what is left out at each eye

# Lens: half axes, px at half size, of what is seen of it around an eye; bright, and far brighter than its median.
_LENS = (22, 13)
_REFLECTION = 200
_LENS_STEP = 60
_LENS_MASK = cv2.ellipse(
    np.zeros((2 * _LENS[1], 2 * _LENS[0]), np.uint8), (_LENS[0], _LENS[1]), _LENS, 0, 0, 360, 255, -1
)
_LENS_INSIDE = _LENS_MASK > 0


def measure(context: FaceContext) -> Mapping[str, object]:
    """Share of the skin with spots that are nearly white."""
    return {"aux_skin_highlights": skin_highlights(context)}


def skin_highlights(context: FaceContext) -> float | None:
    """Share, 0..1, of the skin from mid-forehead to chin that is nearly white and brighter than what lies around it.

    Without eyes and lips; the upper half of the forehead is left out, since hair may cover it. None below 24 px between
    the eyes, and when no skin is left to look at.
    """
    if context.geometry.eye_distance < _SMALLEST:
        return None
    frame = context.aligned
    green = _half(frame.image)
    if min(green.shape) < _AROUND:
        return None
    places = frame.local(frame.points) / 2
    skin = np.zeros_like(green)
    cv2.fillConvexPoly(skin, _hull(places[_SKIN]), 255)
    for eye in (context.aligned_geometry.img_left_eye, context.aligned_geometry.img_right_eye):
        x, y = (frame.local(eye) / 2).tolist()
        cv2.ellipse(skin, (round(x), round(y)), _EYE, 0, 0, 360, 0, -1)
    cv2.fillConvexPoly(skin, _hull(places[_LIPS]), 0)
    skin = cv2.erode(skin, _BORDER, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    total = cv2.countNonZero(skin)
    if not total:
        return None
    white = cv2.bitwise_and(cv2.compare(green, _WHITE, cv2.CMP_GE), skin)
    if not cv2.countNonZero(white):
        return 0.0
    area = (_AROUND, _AROUND)
    sums = cv2.boxFilter(cv2.copyTo(green, skin), cv2.CV_32F, area, normalize=False)
    counts = cv2.boxFilter(skin, cv2.CV_32F, area, normalize=False)  # 255 each
    seen = white > 0
    spots = green[seen] >= 255 * sums[seen] / counts[seen] + _SKIN_STEP
    return int(np.count_nonzero(spots)) / total


def _hull(places: np.ndarray) -> np.ndarray:
    return cv2.convexHull(np.rint(places).astype(np.int32))


def _half(image: np.ndarray) -> np.ndarray:
    """(h // 2, w // 2) uint8: green at half size, the mean of two of the four pixels of each square."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    first = np.ascontiguousarray(image[:height:2, :width:2, 1])
    return cv2.addWeighted(first, 0.5, np.ascontiguousarray(image[1:height:2, 1:width:2, 1]), 0.5, 0.0)


def lens_reflection(frame: AlignedFrame, eyes: tuple[np.ndarray, np.ndarray]) -> float | None:
    """Share, 0..1, of a lens that reflects light, the worse one of both; glints in the eye are too small to count.

    Parameters
    ----------
    eyes : (2,) middle of each eye's corners, px of the aligned frame.
    """
    shares = [_reflection(frame, eye) for eye in eyes]
    return max((share for share in shares if share is not None), default=None)


def _reflection(frame: AlignedFrame, eye: np.ndarray) -> float | None:
    x, y = (round(float(v)) for v in eye)
    part = frame.cut(x - 2 * _LENS[0], y - 2 * _LENS[1], x + 2 * _LENS[0], y + 2 * _LENS[1])
    if part is None:
        return None
    green = _half(part)
    inside = green[_LENS_INSIDE]
    median = int(np.partition(inside, inside.size // 2)[inside.size // 2])
    limit = max(_REFLECTION, median + _LENS_STEP)
    if limit > 255:
        return 0.0
    bright = cv2.bitwise_and(cv2.compare(green, limit, cv2.CMP_GE), _LENS_MASK)
    if not cv2.countNonZero(bright):
        return 0.0
    return cv2.countNonZero(cv2.morphologyEx(bright, cv2.MORPH_OPEN, _KERNEL)) / inside.size
