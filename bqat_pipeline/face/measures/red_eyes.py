"""Red eyes: light of a flash that comes back red through the pupils. Own measure."""

import numpy as np

from bqat_pipeline.face.alignment import AlignedFrame
from bqat_pipeline.face.landmarks import IMG_LEFT_IRIS, IMG_RIGHT_IRIS

# Radius, px of the aligned frame, of the disc about the middle of an iris, whose own radius is 10.5 px there: it fits
# into the wide pupils that flashes light up, and most of it into those of 4 mm.
_RADIUS = 4
_DISC = np.hypot(*np.mgrid[-_RADIUS : _RADIUS + 1, -_RADIUS : _RADIUS + 1]) <= _RADIUS + 0.5


def redness(frame: AlignedFrame) -> tuple[float | None, float | None]:
    """How much redder than green and blue the pupils are: of the subject's right eye (image left) and left eye.

    Median of (R - max(G, B)) / 255 over the disc, -1..1. Dark brown irises are hardly redder than grey ones by this
    measure, since all their channels are small, and a reflection of the flash inside the pupil does not matter. None
    for an eye outside the frame.
    """
    right, left = (_redness(frame, frame.points[iris[0]]) for iris in (IMG_LEFT_IRIS, IMG_RIGHT_IRIS))
    return right, left


def _redness(frame: AlignedFrame, centre: np.ndarray) -> float | None:
    x, y = (round(float(v)) for v in centre)
    part = frame.cut(x - _RADIUS, y - _RADIUS, x + _RADIUS + 1, y + _RADIUS + 1)
    if part is None:
        return None
    red, green, blue = part[_DISC].astype(np.int16).T
    more = red - np.maximum(green, blue)
    return int(np.partition(more, more.size // 2)[more.size // 2]) / 255
