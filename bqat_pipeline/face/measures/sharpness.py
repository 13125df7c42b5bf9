"""Sharpness of the face at a fixed size, and how much detail its pixels hold. Own measures."""

from collections.abc import Mapping

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures.pixelation import VISIBLE, pixel_size

_ALIASING = 0.5  # scale of the aligned frame below which it skips pixels
_PATCH = 128  # px, side of the patch around the eyes whose spectrum is computed
_REFERENCE = slice(6, 20)  # cosine frequencies (half cycles per patch) that are present in any face
_FALL = 0.02  # detail ends where the power, weighted by frequency squared, falls to this share of the reference


def measure(context: FaceContext) -> Mapping[str, object]:
    """Variance of the Laplacian at 113 px between the eyes, squares, and the eye distance that suffices for it."""
    side = pixel_size(context)
    return {
        "aux_sharpness": face_sharpness(context),
        "aux_pixel_size": side,
        "aux_effective_eye_distance": effective_eye_distance(context, side),
    }


def face_sharpness(context: FaceContext) -> float | None:
    """Variance of the Laplacian inside the landmarked region, grey values, at 113 px between the eyes."""
    frame, face = context.aligned, context.face
    grey = face.grey
    if frame.scale < _ALIASING:
        # The aligned frame skips pixels of large faces, which raises sharpness: use a smoothed frame.
        matrix = frame.matrix.copy()
        matrix[:, 2] -= (face.left, face.upper)
        size = (face.grey.shape[1], face.grey.shape[0])
        image = context.pyramid.warp(matrix, size, frame.scale, cv2.BORDER_REPLICATE)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    edges = cv2.Laplacian(grey, cv2.CV_16S)
    edges = cv2.copyTo(edges, face.mask)
    count = cv2.countNonZero(face.mask)
    if not count:
        return None
    return max(0.0, cv2.norm(edges) ** 2 / count - (cv2.sumElems(edges)[0] / count) ** 2)


def effective_eye_distance(context: FaceContext, side: float | None = None) -> float | None:
    """Eye distance, px, of the smallest picture that would hold the same detail; at most the real one.

    The cosine spectrum of a patch around the eyes is weighted by frequency squared, which makes it flat for natural
    pictures; detail ends where it falls below 2 % of its level at low frequencies. None when the patch does not fit.

    Parameters
    ----------
    side : Side of the squares that the face is drawn with, px, see ``pixelation``: each holds one value.
    """
    reduction = context.picture.reduction
    height, width = context.picture.image.shape[:2]
    if min(height, width) < _PATCH:
        return None
    x, y = context.geometry.eye_midpoint.tolist()
    left = min(max(round(x / reduction - _PATCH / 2), 0), width - _PATCH)
    upper = min(max(round(y / reduction - _PATCH / 2), 0), height - _PATCH)
    patch = context.grey(left, upper, left + _PATCH, upper + _PATCH).astype(np.float32)
    power = np.square(cv2.dct(patch * _WINDOW))
    radial = np.bincount(_RADIUS, power.ravel(), minlength=_PATCH)[:_PATCH] / _COUNT
    flat = cv2.blur((radial * _FREQUENCY_SQUARED).astype(np.float32).reshape(1, -1), (5, 1)).ravel()
    level = float(flat[_REFERENCE].mean())
    if level <= 0:
        return None
    above = flat[_PATCH - 3 :: -1] >= _FALL * level  # from the highest frequency down
    first = int(above.argmax())
    last = _PATCH - 3 - first if above[first] else 1
    if not last:
        return None
    squares = 1 / side if side and side >= VISIBLE else 1.0
    return context.geometry.eye_distance * min(squares, (last + 1) / (_PATCH - 2))


_WINDOW = np.outer(np.hanning(_PATCH), np.hanning(_PATCH)).astype(np.float32)
_RADIUS = np.minimum(np.rint(np.hypot(*np.mgrid[:_PATCH, :_PATCH])).astype(int), _PATCH).ravel()
_FREQUENCY_SQUARED = np.arange(_PATCH) ** 2
_COUNT = np.maximum(np.bincount(_RADIUS, minlength=_PATCH)[:_PATCH], 1)
