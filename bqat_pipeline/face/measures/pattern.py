"""The pattern of the main face, by which copies are known that were cropped, turned, mirrored or brightened. Own.

The face is brought upright and to one size by many landmarks at once: a crop, a tilt and another size leave the frame
as it is. Light is taken out by dividing through its surroundings, and of what is left the lowest cosine coefficients
are kept. Their signs are a hash (candidates), their values a small picture (``duplicates.likeness``).
"""

import base64
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.pose import RIGID_VERTICES, RIGID_WEIGHTS, reference_face

# Frame: px of a side, px between the eyes, place of their midpoint.
_SIDE, _EYE_DISTANCE, _EYES = 128, 56.5, (63.5, 47.0)
_SMALL = 64  # px of the side that coefficients are taken of
FREQUENCIES = 24  # lowest frequencies per direction that are stored
HASHED = 12  # of these, frequencies per direction whose signs are the hash
STEPS = 4.0  # stored value per unit of a coefficient
_SURROUNDINGS = 8.0  # px, standard deviation of the blur of light and contrast
_DARKEST = 8.0  # grey levels, so that noise in shadows counts less
_FLAT = 0.3  # of the frame's mean contrast: parts with less are flat, and their noise is no pattern
_EYE_CORNERS = (33, 133, 362, 263)


def measure(context: FaceContext) -> Mapping[str, object]:
    """Hash and pattern of the main face; null where the frame shows nothing."""
    coefficients = face_coefficients(frame(context))
    if coefficients is None:
        return {"aux_face_hash": None, "aux_face_pattern": None}
    stored = np.clip(np.rint(coefficients * STEPS), -127, 127).astype(np.int8)
    return {
        "aux_face_hash": np.packbits((coefficients[:HASHED, :HASHED] > mean_face()).ravel()).tobytes().hex(),
        "aux_face_pattern": base64.b64encode(stored.tobytes()).decode("ascii"),
    }


def frame(context: FaceContext) -> np.ndarray:
    """(128, 128) uint8 grey: the main face upright, eyes 56.5 px apart where the head is frontal; edges continued."""
    matrix = _to_frame(context.points)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    image = context.pyramid.warp(matrix, (_SIDE, _SIDE), scale, cv2.BORDER_REPLICATE)
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _to_frame(points: np.ndarray) -> np.ndarray:
    """(2, 3) similarity from px of the picture to px of the frame, with the least weighted squared error.

    All rigid landmarks take part: the five points of the aligned frame, robustly matched, jump between two solutions
    for copies of one picture.
    """
    target, weights = _targets()
    source = points[RIGID_VERTICES, :2]
    middle, aim = weights @ source, weights @ target
    s, t = source - middle, target - aim
    size = max(float(weights @ (s**2).sum(axis=1)), 1e-12)
    a = float(weights @ (s * t).sum(axis=1)) / size
    b = float(weights @ (s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0])) / size
    linear = np.array([[a, -b], [b, a]])
    return np.column_stack([linear, aim - linear @ middle])


@cache
def _targets() -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) px of the frame of the rigid landmarks in a frontal face, and their (n,) weights, which sum to 1."""
    reference = reference_face()[:, :2] * (1.0, -1.0)
    eyes = reference[list(_EYE_CORNERS)].mean(axis=0)
    return (reference[RIGID_VERTICES] - eyes) * _EYE_DISTANCE + _EYES, RIGID_WEIGHTS / RIGID_WEIGHTS.sum()


def face_coefficients(grey: np.ndarray) -> np.ndarray | None:
    """(24, 24) lowest cosine coefficients of a (128, 128) uint8 frame without its light; None for a flat one."""
    small = cv2.resize(grey, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA).astype(np.float32)
    light = cv2.log(small + np.float32(_DARKEST))  # a change of brightness only adds to it
    detail = light - _blurred(light)
    spread = float(detail.std())
    if spread < 1e-3:
        return None
    detail /= cv2.sqrt(_blurred(detail * detail)) + np.float32(_FLAT * spread)
    coefficients: np.ndarray = cv2.dct(detail / np.float32(detail.std()))[:FREQUENCIES, :FREQUENCIES]
    # rounded: a coefficient of a face that is a mirror image of itself would have a random sign
    return np.round(coefficients, 3)


def _blurred(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), _SURROUNDINGS)


@cache
def mean_face() -> np.ndarray:
    """(12, 12) mean coefficients of many faces and their mirror images, so that each bit is set in half of them."""
    text = (files("bqat_pipeline.face") / "data" / "mean_face.csv").read_text()
    table = np.array([line.split(",") for line in text.splitlines() if line and not line.startswith("#")], np.float32)
    table.setflags(write=False)
    return table
