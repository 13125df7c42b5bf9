"""Pixelation: a face drawn with squares that are larger than pixels. Own measure."""

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures import steps

_SMALLEST = 48  # px, side of the middle of the face from which the measure is defined
_SHARE = 0.65  # of the sum of all steps: squares have it in few columns, everything else in most
_NEIGHBOURS = 33  # columns over which the steps are evened out, so that contours of the face do not count as squares
# Side of squares, px, from which they and not the pixels say how much detail there is.
VISIBLE = 1.8


def pixel_size(context: FaceContext) -> float | None:
    """Side, px, of the squares in the middle of the face; about 1.1 where each pixel has its own value.

    Where a picture was enlarged by repeating pixels, or a mosaic was laid over it, neighbouring columns (and rows) are
    equal except at the borders of squares. The side is the share of the columns that would hold 65 % of all steps if
    each held the same, divided by the share that does; the smaller one of columns and rows. Compression blurs the
    borders, so that the side comes out smaller; its own blocks count where they are as visible. None for small faces,
    and for pictures that were decoded at reduced size.
    """
    part = context.middle
    if context.picture.reduction != 1 or part.shape[0] < _SMALLEST:
        return None
    across, down = steps.sums(part)
    return min(square_width(across), square_width(down))


def square_width(held_by: np.ndarray) -> float:
    """Width, px, of squares.

    Parameters
    ----------
    held_by : (n,) float32, sum of the steps between each column and the next; 1 is returned where all are 0.
    """
    each = held_by.reshape(1, -1)
    around = cv2.blur(each, (_NEIGHBOURS, 1), borderType=cv2.BORDER_REFLECT_101)
    relative = np.sort((each / (around + np.float32(1e-3))).ravel())[::-1]
    held = np.cumsum(relative)
    if held[-1] <= 0:
        return 1.0
    needed = np.interp(_SHARE * held[-1], held, np.arange(1, held.size + 1))
    return float(_SHARE * held.size / needed)
