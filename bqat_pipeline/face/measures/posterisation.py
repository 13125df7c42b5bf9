"""Posterisation: smooth parts of the face that use few, widely spaced levels. Own measure."""

from collections.abc import Mapping
from math import exp

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext

_SMALLEST = 48  # px, side of the middle of the face from which the measure is defined
_SIDE = 128  # px, largest side that is looked at
_MEDIAN = 3  # px, applied twice; takes out what compression and sharpening leave around the borders of flat parts
_FLAT = 4  # levels, largest range of 3 x 3 px in a smooth part
_ENOUGH = 0.1  # share of the pixels that must be smooth; where noise leaves fewer, all pixels are taken
_CLIPPED = 4  # levels at both ends of the scale that are left out, since clipped light and shadow pile up there
_FEWEST = 200  # px between black and white
_EVEN = 0.03  # largest share of the pixels that one level counts for
_WIDEST = 64.0  # levels; the smoothing tells no wider ones apart
_SMOOTH = 12.0  # levels, standard deviation of the histogram's smoothing
_KERNEL = np.ones((3, 3), np.uint8)


def measure(context: FaceContext) -> Mapping[str, object]:
    """How far apart the levels are that smooth parts of the face use."""
    return {"aux_level_spacing": level_spacing(context)}


def level_spacing(context: FaceContext) -> float | None:
    """Mean distance of the levels of green in smooth parts of the face; 1 when all are used, see ``spacing``.

    None when the middle of the face is smaller than 48 px, or nearly all black or white.
    """
    part = context.middle
    if part.shape[0] < _SMALLEST:
        return None
    first = max(0, (part.shape[0] - _SIDE) // 2)
    green = cv2.medianBlur(cv2.medianBlur(part[first : first + _SIDE, first : first + _SIDE], _MEDIAN), _MEDIAN)
    ranges = cv2.subtract(cv2.dilate(green, _KERNEL), cv2.erode(green, _KERNEL))
    smooth = cv2.compare(ranges, _FLAT, cv2.CMP_LE)
    mask = smooth if cv2.countNonZero(smooth) >= _ENOUGH * green.size else None
    return spacing(cv2.calcHist([green], [0], mask, [256], [0, 256]).ravel())


def spacing(histogram: np.ndarray) -> float | None:
    """How far apart the levels of a (256,) histogram are; 1 when neighbours are used alike, n for every n-th level.

    Exponential of the Kullback-Leibler divergence between the histogram and its smoothed copy: the factor by which
    pixels crowd on fewer levels than their distribution spans. What a sample of this size shows by chance is taken
    off (Miller and Madow). A stretch of contrast by n leaves every n-th level: it counts as what it is. None for fewer
    than 200 pixels between black and white.
    """
    inside = histogram[_CLIPPED : 256 - _CLIPPED].astype(np.float32)
    if float(inside.sum()) < _FEWEST:
        return None
    # One even surface, such as a mask or a bar over the eyes, is no lack of levels.
    inside = np.minimum(inside, _EVEN * inside.sum())
    total = float(inside.sum())
    blurred = cv2.GaussianBlur(inside.reshape(1, -1), (0, 0), _SMOOTH, borderType=cv2.BORDER_REFLECT_101).ravel()
    used = inside[inside > 0]
    divergence = float(used @ np.log(used / blurred[inside > 0])) / total
    chance = (np.count_nonzero(blurred > 0.5) - 1) / (2 * total)
    return min(exp(max(0.0, divergence - chance)), _WIDEST)
