"""Traces of compression: quantisation, subsampling, bits per pixel, blocks. Own measures."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures import steps

# Luminance table of ITU-T T.81 Annex K.1 (quality 50), row by row.
_TABLE = np.array(
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
        51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121,
        120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ]
)  # fmt: skip
_BLOCK = 8
_PART = 256  # px; blocks are searched in a square of this side, or less, in the middle of the face or the picture


def measure(context: FaceContext) -> Mapping[str, object]:
    """Quality and subsampling by the JPEG header, bits per pixel, and how visible blocks are."""
    header = context.header
    pixels = context.width * context.height
    return {
        "aux_jpeg_quality": jpeg_quality(header.luma_table) if header and header.luma_table else None,
        "aux_jpeg_subsampling": header.subsampling if header else None,
        "aux_bits_per_pixel": 8 * context.file_size / pixels if context.file_size else None,
        "aux_blockiness": blockiness(context),
    }


@lru_cache(maxsize=64)  # files of one source share their tables
def jpeg_quality(table: tuple[int, ...]) -> float:
    """Quality 1..100, on the Independent JPEG Group's scale, whose luminance table is closest to a given one.

    Parameters
    ----------
    table : 64 quantisation steps of the luminance, row by row.
    """
    steps = np.asarray(table, dtype=np.float64)
    # Steps are clipped to 1..255: only those in between show the scale.
    inside = (steps > 1) & (steps < 255)
    if not inside.any():
        return 100.0 if steps.mean() <= 1 else 1.0
    scale = float(np.median(100 * steps[inside] / _TABLE[inside]))
    quality = 100 - scale / 2 if scale <= 100 else 5000 / scale
    return float(np.clip(round(quality), 1, 100))


def blockiness(context: FaceContext) -> float | None:
    """Mean step across the borders of 8 x 8 px blocks divided by the mean step elsewhere; 1 without visible blocks.

    None when the picture was decoded at reduced size (the grid is lost) or is too small.
    """
    height, width = context.picture.image.shape[:2]
    if context.picture.reduction != 1 or min(height, width) < 4 * _BLOCK:
        return None
    if context.faces.boxes:
        x, y = context.main.centre
    else:
        x, y = context.width / 2, context.height / 2
    left, upper = (
        int(min(max(c - _PART / 2, 0), max(0, n - _PART))) // _BLOCK * _BLOCK for c, n in ((x, width), (y, height))
    )
    # Whole blocks only.
    right, lower = (first + min(_PART, n - first) // _BLOCK * _BLOCK for first, n in ((left, width), (upper, height)))
    part = context.grey(left, upper, right, lower)
    (borders_x, rest_x), (borders_y, rest_y) = (_steps(found, part.size) for found in steps.sums(part))
    inside = rest_x + rest_y
    return (borders_x + borders_y) / inside if inside else None


def _steps(found: np.ndarray, pixels: int) -> tuple[float, float]:
    """Mean absolute step between neighbouring columns (or rows) at block borders, and elsewhere.

    Parameters
    ----------
    found : (n,) sum of the steps from each column to the next.
    pixels : Number of px of the part.
    """
    at_borders = found[_BLOCK - 1 :: _BLOCK]
    length = pixels // (found.size + 1)
    whole, border = float(found.sum(dtype=np.float64)), float(at_borders.sum(dtype=np.float64))
    return border / (at_borders.size * length), (whole - border) / ((found.size - at_borders.size) * length)
