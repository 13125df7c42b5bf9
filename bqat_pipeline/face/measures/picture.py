"""The whole picture: size and grey-level statistics, with the names and formulas of BQAT.

The colours are read once, in strips that fit in the processor's cache; of the whole size there is only a grey plane.
All sums are of integers, so that neither the strips nor the order of the additions change them. Of pictures above
2.5 MP every fifth row is read for all but ``brightness_variance``, whose extremes need every pixel.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import floor, sqrt

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.picture.pyramid import READ_WHOLE

_TILE = 50  # px; tiles of BQAT's brightness_variance
_ENOUGH = 120_000  # px that suffice for the tails of a histogram: of larger pictures only every n-th row is counted
_STRIP = 400_000  # px of a strip, about
# Rows of large pictures. Odd, so that they fall on all places of the 8 x 8 px blocks of a JPEG: every fourth row moves
# sharpness by 13 %.
_EVERY = 5
_TAIL = 0.01  # share of the pixels that count as the brightest, and as the darkest, in BQAT's dynamic_range


def measure(context: FaceContext) -> Mapping[str, object]:
    """Size of the upright picture, and statistics over its decoded pixels."""
    found = statistics(context.picture.image, grey=context.pyramid.grey)
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


def statistics(
    image: np.ndarray, strip: int = _STRIP, every: int | None = None, grey: np.ndarray | None = None
) -> Statistics:
    """Statistics of an (H, W, 3) uint8 RGB image; the size of the strips, in px, does not change them.

    Parameters
    ----------
    every : Of which number of rows one is read; by default 1, or 5 in a large picture.
    grey : (H, W) uint8: the image in gamma-coded grey, where it is known.
    """
    height, width = image.shape[:2]
    if every is None:
        every = _EVERY if height * width > READ_WHOLE else 1
    values = squares = 0.0
    strips = list(_strips(height, width, strip))
    tiles = _Tiles(width, rows=strips[0][1])
    for start, end in strips:
        tiles.add(image[start:end])
        if every == 1:
            values, squares = (a + b for a, b in zip((values, squares), _sums(image[start:end]), strict=True))
    if every == 1:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if grey is None else grey
        rows, edges = grey, _edges(grey)
    else:
        above, rows, below = (cv2.cvtColor(image[n : height - 2 + n : every], cv2.COLOR_RGB2GRAY) for n in (0, 1, 2))
        values, squares = _sums(image[1 : height - 1 : every])
        edges = _inner_edges(above, rows, below)
    # Copied first: OpenCV counts rows that lie apart in one and a half times the time.
    counted = np.ascontiguousarray(rows[:: max(1, rows.size // _ENOUGH)])
    histogram = cv2.calcHist([counted], [0], None, [256], [0, 256]).ravel()
    return Statistics(
        brightness=cv2.norm(rows, cv2.NORM_L1) / rows.size,
        dynamic_range=_tails(histogram),
        sharpness=edges.variance,
        contrast=sqrt(max(0.0, squares / (3 * rows.size) - (values / (3 * rows.size)) ** 2)),
        brightness_variance=tiles.deviation(),
    )


def _sums(part: np.ndarray) -> tuple[float, float]:
    """Sum of all values of all channels of an (h, w, 3) uint8 image, and of their squares."""
    plane = part.reshape(part.shape[0], -1)
    return cv2.norm(plane, cv2.NORM_L1), cv2.norm(plane, cv2.NORM_L2SQR)


@dataclass(frozen=True, slots=True)
class _Edges:
    """Sums over the Laplacian (4 neighbours) of grey levels.

    Attributes
    ----------
    count : Number of pixels.
    total, squares : Sum of the Laplacian, and of its square.
    """

    count: int
    total: float
    squares: float

    @classmethod
    def of(cls, laplacian: np.ndarray) -> "_Edges":
        """Those of an int16 array."""
        return cls(laplacian.size, cv2.sumElems(laplacian)[0], cv2.norm(laplacian, cv2.NORM_L2SQR))

    @property
    def variance(self) -> float:
        """Variance of the Laplacian."""
        return max(0.0, self.squares / self.count - (self.total / self.count) ** 2)


def _edges(grey: np.ndarray) -> _Edges:
    """Of all pixels of an (H, W) uint8 plane, reflected at its border without the border's pixels.

    As in ``_inner_edges``, the square is a sum over pairs of the Laplacian's five pixels. Here each pair occurs twice,
    in pixels that are neighbours, except at the border: a norm over the plane stands for both.
    """
    if min(grey.shape) < 3:
        return _Edges.of(cv2.Laplacian(grey, cv2.CV_16S))
    total = squares = 0.0
    for along in (lambda rows: grey[rows], lambda columns: grey[:, columns]):
        first, second, last_but_one, last = (along(slice(n, n + 1 or None)) for n in (0, 1, -2, -1))
        total += cv2.norm(second, cv2.NORM_L1) + cv2.norm(last_but_one, cv2.NORM_L1)
        total -= cv2.norm(first, cv2.NORM_L1) + cv2.norm(last, cv2.NORM_L1)
        steps = 2 * cv2.norm(along(slice(1, None)), along(slice(-1)), cv2.NORM_L2SQR)
        steps += cv2.norm(first, second, cv2.NORM_L2SQR) + cv2.norm(last_but_one, last, cv2.NORM_L2SQR)
        squares += 4 * steps - cv2.norm(along(slice(2, None)), along(slice(-2)), cv2.NORM_L2SQR)
    borders = (grey[:2], grey[-2:], grey[:, :2], grey[:, -2:])
    squares -= 2 * _diagonal_steps(grey) + sum(_diagonal_steps(border) for border in borders)
    # In the corners only the diagonal counts that cuts the corner off.
    ends = ((0, 1, 1, 0), (0, -2, 1, -1), (-2, 0, -1, 1), (-2, -1, -1, -2))
    squares -= sum((int(grey[a, b]) - int(grey[c, d])) ** 2 for a, b, c, d in ends)
    return _Edges(grey.size, total, squares)


def _diagonal_steps(grey: np.ndarray) -> float:
    """Sum of the squared differences of all px and their diagonal neighbours."""
    falling = cv2.norm(grey[1:, 1:], grey[:-1, :-1], cv2.NORM_L2SQR)
    return falling + cv2.norm(grey[1:, :-1], grey[:-1, 1:], cv2.NORM_L2SQR)


def _inner_edges(above: np.ndarray, rows: np.ndarray, below: np.ndarray) -> _Edges:
    """Of rows without their first and last pixel, and the rows above and below each; (h, w) uint8 planes.

    The weights w of the Laplacian's five pixels x add up to 0, so that its square is a sum over their pairs:
    (sum of w_i x_i)**2 = -(sum of w_i w_j (x_i - x_j)**2). Norms of differences take half the time of a filter and need
    no plane for its result.
    """
    middle = rows[:, 1:-1]
    neighbours = (above[:, 1:-1], below[:, 1:-1], rows[:, :-2], rows[:, 2:])
    total = sum(cv2.norm(n, cv2.NORM_L1) for n in neighbours) - 4 * cv2.norm(middle, cv2.NORM_L1)
    squares = 4 * sum(cv2.norm(middle, n, cv2.NORM_L2SQR) for n in neighbours)
    squares -= sum(cv2.norm(a, b, cv2.NORM_L2SQR) for a, b in combinations(neighbours, 2))
    return _Edges(middle.size, total, squares)


def _tails(histogram: np.ndarray) -> float:
    """Mean level of the brightest 1 % of the pixels of a (256,) histogram less that of the darkest 1 %."""
    up_to = np.cumsum(histogram, dtype=np.float64)  # pixels up to each level
    count = max(1.0, floor(float(up_to[-1]) * _TAIL))
    # Steps from the level at the end of the scale to each pixel of the tail: 255 for each, less one for each level at
    # which it was counted already.
    from_black = 255 - float(np.minimum(up_to[:-1], count).sum()) / count
    from_white = 255 - float(np.minimum(up_to[-1] - up_to[:-1], count).sum()) / count
    return 255 - from_white - from_black


class _Tiles:
    """Means of the tiles of the HSV value channel, strip by strip."""

    def __init__(self, width: int, rows: int) -> None:
        """``rows``: most rows of a strip."""
        edges = np.array([*range(0, width, _TILE), width])
        self._starts, self._widths = edges[:-1], np.diff(edges)
        self._lowest, self._highest = 255, 0
        self._means: list[np.ndarray] = []
        # Kept from strip to strip: new planes for each would take twice the time.
        self._planes = [np.empty((rows, width), np.uint8) for _ in range(3)]

    def add(self, strip: np.ndarray) -> None:
        """Whole tiles: (h, w, 3) uint8, h a multiple of the tile unless it is the last strip."""
        height = strip.shape[0]
        red, green, blue = cv2.split(strip, [plane[:height] for plane in self._planes])
        value = cv2.max(cv2.max(red, green, dst=red), blue, dst=red)
        if self._lowest > 0 or self._highest < 255:
            lowest, highest, _, _ = cv2.minMaxLoc(value)
            self._lowest, self._highest = min(self._lowest, int(lowest)), max(self._highest, int(highest))
        uppers = range(0, height, _TILE)
        sums = np.empty((len(uppers), value.shape[1]), np.int32)
        for row, upper in enumerate(uppers):
            cv2.reduce(value[upper : upper + _TILE], 0, cv2.REDUCE_SUM, dst=sums[row : row + 1], dtype=cv2.CV_32S)
        heights = np.minimum(height - np.array(uppers), _TILE)
        self._means.append((np.add.reduceat(sums, self._starts, axis=1) / np.outer(heights, self._widths)).ravel())

    def deviation(self) -> float | None:
        """Their standard deviation after stretching the values to 0..255; None when there is one value only."""
        if self._highest == self._lowest:
            return None
        _, deviation = cv2.meanStdDev(np.concatenate(self._means))
        return float(deviation[0, 0]) * 255 / (self._highest - self._lowest)


def _strips(height: int, width: int, pixels: int) -> Iterator[tuple[int, int]]:
    """First row and last row + 1 of strips of complete tiles, each strip of about the given number of px."""
    rows = _TILE * max(1, pixels // (_TILE * width))
    for start in range(0, height, rows):
        yield start, min(start + rows, height)
