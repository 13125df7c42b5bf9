"""The whole picture: size and grey-level statistics, as BQAT's record has them."""

from collections.abc import Mapping
from math import sqrt

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext

_TILE = 50  # px; tiles of BQAT's brightness_variance
_ENOUGH = 250_000  # px whose histogram tells the tails: of larger pictures every n-th row is counted
_FITS_32_BITS = (1 << 31) // 255  # px whose sum of levels fits a signed 32-bit number
_TAIL = 0.01  # share of the pixels that are the brightest and the darkest for BQAT's dynamic_range


def measure(context: FaceContext) -> Mapping[str, object]:
    """Size of the upright picture, and statistics over its decoded pixels."""
    image, grey = context.picture.image, context.grey
    rows = grey[:: max(1, grey.size // _ENOUGH)]
    histogram = cv2.calcHist([rows], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    return {
        "image_height": context.height,
        "image_width": context.width,
        "brightness": cv2.norm(grey, cv2.NORM_L1) / grey.size,
        "dynamic_range": tail_mean(histogram[::-1], 255) - tail_mean(histogram, 0),
        "sharpness": laplacian_variance(grey),
        "contrast": contrast(image),
        "brightness_variance": tile_deviation(image),
        "aux_face_count": len(context.faces.boxes),
        "aux_decode_reduction": context.picture.reduction,
    }


def tail_mean(histogram: np.ndarray, first: int) -> float:
    """Mean level of the first 1 % of the pixels of a (256,) histogram that begins at level ``first`` (0 or 255)."""
    wanted = max(1.0, np.floor(histogram.sum() * _TAIL))
    before = np.concatenate([[0.0], np.cumsum(histogram)[:-1]])
    taken = np.clip(wanted - before, 0, histogram)
    levels = np.abs(first - np.arange(256))
    return float(taken @ levels) / wanted


def laplacian_variance(grey: np.ndarray) -> float:
    """Variance of the Laplacian (4 neighbours) of a grey uint8 image."""
    return variance(cv2.Laplacian(grey, cv2.CV_16S))


def contrast(image: np.ndarray) -> float:
    """Standard deviation over all values of all channels of an (H, W, 3) uint8 image."""
    return sqrt(variance(image.reshape(image.shape[0], -1)))


def variance(plane: np.ndarray) -> float:
    """Variance of a one-channel integer image; by sums, several times faster than OpenCV's meanStdDev."""
    total = cv2.norm(plane, cv2.NORM_L1) if plane.dtype == np.uint8 else cv2.sumElems(plane)[0]
    mean = total / plane.size
    return max(0.0, cv2.norm(plane) ** 2 / plane.size - mean**2)


def tile_deviation(image: np.ndarray) -> float | None:
    """Standard deviation of the means of 50 x 50 px tiles of the HSV value channel, stretched to 0..255.

    Tiles at the right and lower edge may be smaller. None for a picture of one value.
    """
    red, green, blue = cv2.split(image)
    value = cv2.max(cv2.max(red, green, dst=red), blue, dst=red)
    low, high, _, _ = cv2.minMaxLoc(value)
    if high == low:
        return None
    sums = cv2.integral(value, sdepth=cv2.CV_32S if value.size < _FITS_32_BITS else cv2.CV_64F)
    rows, columns = ([*range(0, n, _TILE), n] for n in value.shape)
    corners = sums[rows][:, columns].astype(np.float64)
    means = np.diff(np.diff(corners, axis=0), axis=1) / np.outer(np.diff(rows), np.diff(columns))
    return float(np.std(means)) * 255 / (high - low)
