"""The face chip that the network was trained on: upright, scaled by eyes and nose."""

import cv2
import numpy as np

from bqat_pipeline.face.alignment import least_squares
from bqat_pipeline.face.picture.pyramid import Pyramid

SIZE = 150
_PADDING = 0.25  # share of the face's square that is added on each side
# Landmarks: outer and inner corner of the subject's left eye, of the right eye, base of the nose.
_POINTS = (263, 362, 33, 133, 2)
# Where dlib's chip has them (its five-point model), in units of the square before padding.
_PLACES = np.array(
    [
        (0.8595674595992, 0.2134981538014),
        (0.6460604764104, 0.2289674387677),
        (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242),
        (0.4901123135679, 0.6277975316475),
    ]
)
_TARGETS = (_PLACES + _PADDING) / (1 + 2 * _PADDING) * SIZE


def chip_of(pyramid: Pyramid, points: np.ndarray) -> np.ndarray:
    """(150, 150, 3) uint8 RGB: the chip of a face; black outside the picture.

    A least-squares similarity of all five points, not a robust one: with five points a robust estimate jumps between
    subsets of them.

    Parameters
    ----------
    points : (478, 2 or 3) landmarks, px of the picture.
    """
    matrix = least_squares(points[list(_POINTS), :2].astype(np.float64), _TARGETS)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    return pyramid.warp(matrix, (SIZE, SIZE), scale, cv2.BORDER_CONSTANT)
