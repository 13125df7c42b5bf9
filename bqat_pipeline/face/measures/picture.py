"""The whole picture: size and grey-level statistics, as BQAT's record has them.

Large pictures are gone through in strips that stay in the processor's cache: faster, and memory does not grow.
"""

from collections.abc import Iterator, Mapping
from math import floor, sqrt

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext

_TILE = 50  # px; tiles of BQAT's brightness_variance
_ENOUGH = 250_000  # px whose histogram tells the tails: of larger pictures every n-th row is counted
_STRIP = 400_000  # px of a strip, about
_TAIL = 0.01  # share of the pixels that are the brightest and the darkest for BQAT's dynamic_range
_LEVELS = np.arange(256)


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
    wanted = max(1.0, floor(histogram.sum() * _TAIL))
    taken = np.diff(np.minimum(np.cumsum(histogram), wanted), prepend=0.0)
    return float(taken @ np.abs(first - _LEVELS)) / wanted


def laplacian_variance(grey: np.ndarray) -> float:
    """Variance of the Laplacian (4 neighbours) of a grey uint8 image."""
    total = squares = 0.0
    for start, end in _strips(grey):
        above, below = min(1, start), min(1, grey.shape[0] - end)
        edges = cv2.Laplacian(grey[start - above : end + below], cv2.CV_16S)[above : above + end - start]
        total += cv2.sumElems(edges)[0]
        squares += cv2.norm(edges) ** 2
    return max(0.0, squares / grey.size - (total / grey.size) ** 2)


def contrast(image: np.ndarray) -> float:
    """Standard deviation over all values of all channels of an (H, W, 3) uint8 image."""
    plane = image.reshape(image.shape[0], -1)
    mean = cv2.norm(plane, cv2.NORM_L1) / plane.size
    return sqrt(max(0.0, cv2.norm(plane) ** 2 / plane.size - mean**2))


def tile_deviation(image: np.ndarray) -> float | None:
    """Standard deviation of the means of 50 x 50 px tiles of the HSV value channel, stretched to 0..255.

    Tiles at the right and lower edge may be smaller. None for a picture of one value.
    """
    columns = np.array([*range(0, image.shape[1], _TILE), image.shape[1]])
    lowest, highest = 255, 0
    means = []
    for start, end in _strips(image):
        red, green, blue = cv2.split(image[start:end])
        value = cv2.max(cv2.max(red, green, dst=red), blue, dst=red)
        lowest, highest = min(lowest, int(value.min())), max(highest, int(value.max()))
        rows = np.array([*range(0, end - start, _TILE), end - start])
        corners = cv2.integral(value, sdepth=cv2.CV_32S)[rows[:, None], columns]
        sums = np.diff(np.diff(corners, axis=0), axis=1)
        means.append((sums / np.outer(np.diff(rows), np.diff(columns))).ravel())
    if highest == lowest:
        return None
    return float(np.std(np.concatenate(means))) * 255 / (highest - lowest)


def _strips(plane: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last row + 1 of strips of whole tiles."""
    rows = _TILE * max(1, _STRIP // (_TILE * plane.shape[1]))
    for start in range(0, plane.shape[0], rows):
        yield start, min(start + rows, plane.shape[0])
