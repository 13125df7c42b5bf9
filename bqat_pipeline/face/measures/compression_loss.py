"""How much of the face's structure compression took away, seen in the pixels alone. Own measure.

Cosine coefficients of 8 x 8 px blocks, on the grid of the file and half a block beside it: compression leaves
coefficients out, and does so on the grid. The file's header is not asked: a picture that was saved again at a higher
quality keeps its loss. Trees over these features, fitted by ``benchmarks/calibration/fit_utility.py``; errors are in
docs/measures.md.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import log2

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures import steps
from bqat_pipeline.face.trees import trees

_BLOCK = 8
_BESIDE, _ABOVE, _BELOW = 1.1, 0.7, 1.3  # of the region around the midpoint of the eyes, eye distances
_LARGEST = 150  # px, eye distance that the region grows with; of larger faces only the middle is looked at
_MOST = 20  # blocks per direction that are looked at, about
_FEWEST = 3
_ZERO = 1.0  # grey levels; coefficients below it were left out: rounding of px gives about 0.3
# Bands of cosine coefficients by the sum of their two frequencies: first of each, and the end.
_BANDS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 15)
FEATURES = (
    "eye_distance",
    *(f"{name}_{band}" for name in ("strength", "kept", "strength_off", "kept_off") for band in _BANDS[:-1]),
    *("step_x", "step_y", "inner_step_x", "inner_step_y"),
)


def measure(context: FaceContext) -> Mapping[str, object]:
    """Structural similarity, on the face, of the picture and what it was before compression."""
    found = features(context)
    return {"aux_compression_ssim": None if found is None else stored(trees("compression").sum(found))}


def stored(similarity: float) -> float:
    """The similarity within its range."""
    return min(max(similarity, 0.0), 1.0)


def features(context: FaceContext) -> list[float] | None:
    """Features of the model; None when the face is too small, or the grid was lost in decoding at half size."""
    if context.picture.reduction != 1:
        return None
    left, upper, right, lower = region(context)
    columns, rows = (right - left) // _BLOCK, (lower - upper) // _BLOCK
    if min(columns, rows) < _FEWEST:
        return None
    part = context.grey(left, upper, right, lower)
    half = _BLOCK // 2
    on = _statistics(part)
    off = _statistics(part[half : half - _BLOCK, half : half - _BLOCK])
    differences = [a - b for a, b in zip(on, off, strict=True)]
    return [log2(context.geometry.eye_distance), *on, *differences, *_steps(part)]


def region(context: FaceContext) -> tuple[int, int, int, int]:
    """Left, upper, right, lower edge of the whole blocks of the file around the face, px of the decoded image."""
    size = min(context.geometry.eye_distance, _LARGEST)
    x, y = context.geometry.eye_midpoint.tolist()
    height, width = context.picture.image.shape[:2]
    left, right = (_on_grid(x + side * size, width) for side in (-_BESIDE, _BESIDE))
    upper, lower = (_on_grid(y + side * size, height) for side in (-_ABOVE, _BELOW))
    return left, upper, right, lower


def _on_grid(edge: float, length: int) -> int:
    return min(max(round(edge / _BLOCK), 0), length // _BLOCK) * _BLOCK


def _statistics(part: np.ndarray) -> list[float]:
    """Strength of each band, and share of its coefficients that are not zero.

    Parameters
    ----------
    part : (8 h, 8 w) uint8; blocks are counted from its corner.
    """
    rows, columns = part.shape[0] // _BLOCK, part.shape[1] // _BLOCK
    blocks = part.reshape(rows, _BLOCK, columns, _BLOCK)[:: rows // _MOST + 1, :, :: columns // _MOST + 1]
    # One direction after the other, with the rows of all blocks beside each other. One product for both directions is
    # so large that OpenBLAS wakes threads for it, which takes a ms.
    by_row = blocks.transpose(1, 0, 2, 3).reshape(_BLOCK, -1).astype(np.float32)
    coefficients = np.abs((_COSINES @ by_row).reshape(-1, _BLOCK) @ _COSINES.T).reshape(_BLOCK, -1, _BLOCK)
    share = np.full(coefficients.shape[1], 1 / coefficients.shape[1], np.float32)
    others = (coefficients > _ZERO).astype(np.float32)
    strength, kept = ((share @ c).astype(np.float64).ravel() @ _OF_BAND for c in (coefficients, others))
    return [*np.log2(strength + 0.1).tolist(), *kept.tolist()]


def _steps(part: np.ndarray) -> list[float]:
    """Mean step of neighbouring px at block borders and in the middle of blocks, along both directions, logarithms."""
    found = []
    for sums, length in zip(steps.sums(part), part.shape, strict=True):
        for first in (_BLOCK - 1, _BLOCK // 2 - 1):
            some = sums[first::_BLOCK]
            found.append(log2(float(some.sum(dtype=np.float64)) / (some.size * length) + 0.1))
    return [found[0] - found[1], found[2] - found[3], found[1], found[3]]


def _cosines() -> tuple[np.ndarray, np.ndarray]:
    """(8, 8) from px of a line to its coefficients, and (64, bands) weights that give the mean of each band."""
    unit = np.eye(_BLOCK, dtype=np.float64)
    line = np.stack([cv2.dct(px).ravel() for px in unit], axis=1)
    order = np.add.outer(np.arange(_BLOCK), np.arange(_BLOCK)).ravel()
    bands = np.stack([(order >= a) & (order < b) for a, b in pairwise(_BANDS)], axis=1)
    return line.astype(np.float32), bands / bands.sum(axis=0)


_COSINES, _OF_BAND = _cosines()
