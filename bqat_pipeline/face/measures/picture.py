"""The whole picture: size and grey-level statistics, with the names and formulas of BQAT.

All statistics are computed in one pass over strips that fit in the processor's cache: that is faster than one measure
after the other, and needs no second plane of the picture's size.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, sqrt

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext

_TILE = 50  # px; tiles of BQAT's brightness_variance
_ENOUGH = 250_000  # px that suffice for the tails of a histogram: of larger pictures only every n-th row is counted
_STRIP = 400_000  # px of a strip, about
_TAIL = 0.01  # share of the pixels that count as the brightest, and as the darkest, in BQAT's dynamic_range
_LEVELS = np.arange(256)


def measure(context: FaceContext) -> Mapping[str, object]:
    """Size of the upright picture, and statistics over its decoded pixels."""
    found = statistics(context.picture.image)
    return {
        "image_height": context.height,
        "image_width": context.width,
        "brightness": found.brightness,
        "dynamic_range": found.dynamic_range,
        "sharpness": found.sharpness,
        "contrast": found.contrast,
        "brightness_variance": found.brightness_variance,
        "aux_face_count": len(context.faces.boxes),
        "aux_decode_reduction": context.picture.reduction,
    }


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of all pixels.

    Attributes
    ----------
    brightness : Mean grey level, 0..255.
    dynamic_range : Mean of the brightest less mean of the darkest 1 % of the grey levels.
    sharpness : Variance of the Laplacian (4 neighbours) of the grey levels.
    contrast : Standard deviation over all values of all channels.
    brightness_variance : Standard deviation (in spite of BQAT's name) of the means of 50 x 50 px tiles of the HSV value
        channel, stretched to 0..255. Tiles at the right and lower edge may be smaller. None for a picture of one value.
    """

    brightness: float
    dynamic_range: float
    sharpness: float
    contrast: float
    brightness_variance: float | None


def statistics(image: np.ndarray, strip: int = _STRIP) -> Statistics:
    """Statistics of an (H, W, 3) uint8 RGB image; the size of the strips, in px, does not change them."""
    height, width = image.shape[:2]
    every = max(1, height * width // _ENOUGH)
    grey_sum = edges = edge_squares = values = squares = 0.0
    histogram = np.zeros(256)
    tiles = _Tiles(width)
    for start, end in _strips(height, width, strip):
        # One row more at inner borders: the Laplacian needs it.
        above, below = min(1, start), min(1, height - end)
        grey = cv2.cvtColor(image[start - above : end + below], cv2.COLOR_RGB2GRAY)
        laplacian = cv2.Laplacian(grey, cv2.CV_16S)[above : above + end - start]
        edges += cv2.sumElems(laplacian)[0]
        edge_squares += cv2.norm(laplacian) ** 2
        grey = grey[above : above + end - start]
        grey_sum += cv2.norm(grey, cv2.NORM_L1)
        histogram += cv2.calcHist([grey[-start % every :: every]], [0], None, [256], [0, 256]).ravel()
        plane = image[start:end].reshape(end - start, -1)
        values += cv2.norm(plane, cv2.NORM_L1)
        squares += cv2.norm(plane) ** 2
        tiles.add(image[start:end])
    pixels = height * width
    return Statistics(
        brightness=grey_sum / pixels,
        dynamic_range=tail_mean(histogram[::-1], 255) - tail_mean(histogram, 0),
        sharpness=max(0.0, edge_squares / pixels - (edges / pixels) ** 2),
        contrast=sqrt(max(0.0, squares / (3 * pixels) - (values / (3 * pixels)) ** 2)),
        brightness_variance=tiles.deviation(),
    )


def tail_mean(histogram: np.ndarray, first: int) -> float:
    """Mean level of the first 1 % of the pixels of a (256,) histogram that begins at level ``first`` (0 or 255)."""
    count = max(1.0, floor(histogram.sum() * _TAIL))
    counted = np.diff(np.minimum(np.cumsum(histogram), count), prepend=0.0)
    return float(counted @ np.abs(first - _LEVELS)) / count


class _Tiles:
    """Means of the tiles of the HSV value channel, strip by strip."""

    def __init__(self, width: int) -> None:
        self._columns = _edges(width)
        self._lowest, self._highest = 255, 0
        self._means: list[np.ndarray] = []

    def add(self, strip: np.ndarray) -> None:
        """Whole tiles: (h, w, 3) uint8, h a multiple of the tile unless it is the last strip."""
        red, green, blue = cv2.split(strip)
        value = cv2.max(cv2.max(red, green, dst=red), blue, dst=red)
        self._lowest, self._highest = min(self._lowest, int(value.min())), max(self._highest, int(value.max()))
        rows = _edges(strip.shape[0])
        corners = cv2.integral(value, sdepth=cv2.CV_32S)[rows[:, None], self._columns]
        sums = np.diff(np.diff(corners, axis=0), axis=1)
        self._means.append((sums / np.outer(np.diff(rows), np.diff(self._columns))).ravel())

    def deviation(self) -> float | None:
        """Their standard deviation after stretching the values to 0..255; None when there is one value only."""
        if self._highest == self._lowest:
            return None
        return float(np.std(np.concatenate(self._means))) * 255 / (self._highest - self._lowest)


def _edges(length: int) -> np.ndarray:
    """Where tiles begin along a length, and its end."""
    return np.array([*range(0, length, _TILE), length])


def _strips(height: int, width: int, pixels: int) -> Iterator[tuple[int, int]]:
    """First row and last row + 1 of strips of complete tiles, each strip of about the given number of px."""
    rows = _TILE * max(1, pixels // (_TILE * width))
    for start in range(0, height, rows):
        yield start, min(start + rows, height)
