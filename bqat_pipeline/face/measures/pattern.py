"""The pattern of the main face, to recognise copies that were cropped, rotated, mirrored or brightened. Own measure.

Many landmarks together bring the face upright and to one size, so that crops, rotations and other sizes of a picture
give the same frame. Illumination is removed by normalising with local mean and contrast, and the lowest cosine
coefficients of the result are kept. Their signs are a hash, to find candidates; their values are compared
(``duplicates.likeness``).
"""

import base64
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from math import hypot

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.geometry import affine
from bqat_pipeline.face.pose import RIGID_VERTICES, RIGID_WEIGHTS, reference_face

# Frame: side, distance of the eyes, position of their midpoint, all px.
_SIDE, _EYE_DISTANCE, _EYES = 128, 56.5, (63.5, 47.0)
_SMALL = 64  # px, side of the reduced frame whose coefficients are computed
FREQUENCIES = 24  # lowest frequencies per direction that are stored
HASHED = 12  # frequencies per direction, of those stored, whose signs form the hash
STEPS = 4.0  # stored value per unit of a coefficient
_SURROUNDINGS = 8.0  # px, standard deviation of the blur that gives local mean and contrast
_DARKEST = 8.0  # grey levels added before the logarithm, so that noise in shadows counts less
_FLAT = 0.3  # share of the frame's contrast that is added to the local one, so that noise in flat parts counts less
_EYE_CORNERS = (33, 133, 362, 263)


def measure(context: FaceContext) -> Mapping[str, object]:
    """Hash and pattern of the main face; None when the frame is flat."""
    coefficients = face_coefficients(frame(context))
    if coefficients is None:
        return {"aux_face_hash": None, "aux_face_pattern": None}
    stored = np.clip(np.rint(coefficients * STEPS), -127, 127).astype(np.int8)
    return {
        "aux_face_hash": np.packbits((coefficients[:HASHED, :HASHED] > mean_face()).ravel()).tobytes().hex(),
        "aux_face_pattern": base64.b64encode(stored.tobytes()).decode("ascii"),
    }


def frame(context: FaceContext) -> np.ndarray:
    """(128, 128) uint8 grey: the main face upright, eyes 56.5 px apart in a frontal head; edge pixels repeated."""
    matrix = _to_frame(context.points)
    scale = hypot(matrix[0, 0], matrix[1, 0])
    image = context.pyramid.warp(matrix, (_SIDE, _SIDE), scale, cv2.BORDER_REPLICATE)
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _to_frame(points: np.ndarray) -> np.ndarray:
    """(2, 3) similarity from px of the picture to px of the frame, with the least weighted squared error.

    All rigid landmarks are used: with the five points of the aligned frame, the robust estimate can jump between two
    solutions for copies of one picture.
    """
    target, weights = _targets()
    source = points[RIGID_VERTICES, :2]
    middle, aim = weights @ source, weights @ target
    s, t = source - middle, target - aim
    size = max(sum((weights @ (s * s)).tolist()), 1e-12)
    a = sum((weights @ (s * t)).tolist()) / size
    b = float(weights @ (s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0])) / size
    linear = np.array([[a, -b], [b, a]])
    return affine(linear, aim - linear @ middle)


@cache
def _targets() -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) px of the frame of the rigid landmarks in a frontal face, and their (n,) weights, which sum to 1."""
    reference = reference_face()[:, :2] * (1.0, -1.0)
    eyes = reference[list(_EYE_CORNERS)].mean(axis=0)
    return (reference[RIGID_VERTICES] - eyes) * _EYE_DISTANCE + _EYES, RIGID_WEIGHTS / RIGID_WEIGHTS.sum()


def face_coefficients(grey: np.ndarray) -> np.ndarray | None:
    """(24, 24) lowest cosine coefficients of a (128, 128) uint8 frame without its illumination; None when flat."""
    small = cv2.resize(grey, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA).astype(np.float32)
    light = cv2.log(small + np.float32(_DARKEST))  # a change of brightness only adds to it
    detail = light - _blurred(light)
    spread = _deviation(detail)
    if spread < 1e-3:
        return None
    detail /= cv2.sqrt(_blurred(detail * detail)) + np.float32(_FLAT * spread)
    coefficients: np.ndarray = cv2.dct(detail / np.float32(_deviation(detail)))[:FREQUENCIES, :FREQUENCIES]
    # Rounded, because rounding errors would give coefficients of a symmetrical face random signs.
    return np.round(coefficients, 3)


def _deviation(image: np.ndarray) -> float:
    # A seventh of the time of NumPy's.
    return float(cv2.meanStdDev(image)[1][0, 0])


def _blurred(image: np.ndarray) -> np.ndarray:
    """A (64, 64) float32 image blurred with the standard deviation ``_SURROUNDINGS``, its border reflected."""
    # The kernel is as long as the image: two products of matrices take half the time of a filter.
    along = _blur_of_one_direction()
    return along @ image @ along.T


@cache
def _blur_of_one_direction() -> np.ndarray:
    """(64, 64) float32: weight of each pixel of a column (second index) in each pixel of the blurred one."""
    kernel = cv2.getGaussianKernel(round(8 * _SURROUNDINGS) + 1, _SURROUNDINGS, cv2.CV_32F)
    matrix = cv2.sepFilter2D(np.eye(_SMALL, dtype=np.float32), cv2.CV_32F, np.ones((1, 1), np.float32), kernel)
    matrix.setflags(write=False)
    return matrix


@cache
def mean_face() -> np.ndarray:
    """(12, 12) mean coefficients of many faces and their mirror images, so that each bit is set in half of them."""
    text = (files("bqat_pipeline.face") / "data" / "mean_face.csv").read_text()
    table = np.array([line.split(",") for line in text.splitlines() if line and not line.startswith("#")], np.float32)
    table.setflags(write=False)
    return table
