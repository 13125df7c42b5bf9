"""Copies of a picture at half, quarter, ... size, from which other sizes are made at a tenth of the cost."""

from functools import cached_property
from math import ceil, floor

import cv2
import numpy as np

# Pixels of the largest level up to which several measures read all of it in grey.
READ_WHOLE = 2_500_000


class Pyramid:
    """Level k is the picture at 1 / 2**k of its full size, made when it is first needed.

    All coordinates of the engine are px of the full-size upright picture, whatever size was decoded. Pixel (u, v) of
    level k covers the picture around (2**k (u + 0.5) - 0.5, 2**k (v + 0.5) - 0.5).

    Parameters
    ----------
    image : (h, w, 3) uint8 RGB, the largest level there is.
    size : (width, height) of the full-size picture, px.
    base : Level of ``image``: 0, or 1 when it was decoded at half size.
    """

    def __init__(self, image: np.ndarray, size: tuple[int, int], base: int = 0) -> None:
        self.width, self.height = size
        self.base = base
        self._levels = [image]

    @cached_property
    def grey(self) -> np.ndarray | None:
        """(h, w) uint8: the largest level in gamma-coded grey; None where it has more than ``READ_WHOLE`` px."""
        image = self._levels[0]
        if image.shape[0] * image.shape[1] > READ_WHOLE:
            return None
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)

    def grey_part(self, number: int, left: int, upper: int, right: int, lower: int) -> np.ndarray:
        """(lower - upper, right - left) uint8: gamma-coded grey part of a level, perhaps a view; edges in its px."""
        if number <= self.base and self.grey is not None:
            return self.grey[upper:lower, left:right]
        return cv2.cvtColor(self.level(number)[upper:lower, left:right], cv2.COLOR_RGB2GRAY)

    def level(self, number: int) -> np.ndarray:
        """(H / 2**number, W / 2**number, 3) uint8; a last odd row or column is dropped; at least level ``base``."""
        position = max(number - self.base, 0)
        while len(self._levels) <= position:
            last = self._levels[-1]
            h, w = last.shape[0] // 2, last.shape[1] // 2
            if h < 1 or w < 1:
                break
            self._levels.append(cv2.resize(last[: 2 * h, : 2 * w], (w, h), interpolation=cv2.INTER_AREA))
        return self._levels[min(position, len(self._levels) - 1)]

    def above(self, scale: float) -> int:
        """Number of the smallest level with at least ``scale`` (0..1) of the picture's size; at least ``base``."""
        number = self.base
        while 2.0 ** -(number + 1) >= scale and min(self.width, self.height) >> (number + 1) >= 1:
            number += 1
        return number

    def warp(self, matrix: np.ndarray, size: tuple[int, int], scale: float, border: int) -> np.ndarray:
        """(h, w, 3) uint8: the picture under a (2, 3) transform from its px to px of the result.

        Parameters
        ----------
        size : (w, h) of the result, px.
        scale : Px of the result per px of the picture; chooses the level, so that nothing aliases.
        border : OpenCV's rule for px outside the picture.
        """
        number = self.above(min(scale, 1.0))
        level = self.level(number)
        whole = 2.0**number
        (a, b, x), (c, d, y) = cv2.invertAffineTransform(matrix).tolist()
        across = a / whole, b / whole, (x + 0.5) / whole - 0.5
        down = c / whole, d / whole, (y + 0.5) / whole - 0.5
        left, upper, right, lower = _needed((across, down), size, level.shape[:2])
        to_part = np.array([[*across[:2], across[2] - left], [*down[:2], down[2] - upper]])
        # OpenCV interpolates four channels in half the time of three; only the part that is needed gets the fourth.
        part = cv2.cvtColor(level[upper:lower, left:right], cv2.COLOR_RGB2RGBA)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.cvtColor(cv2.warpAffine(part, to_part, size, flags=flags, borderMode=border), cv2.COLOR_RGBA2RGB)

    def cut(
        self, area: tuple[float, float, float, float], size: tuple[int, int], number: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """An upright part of the picture at another size, cheaper than ``warp``.

        Returns (h, w, 3) uint8, and the (2, 3) transform from px of the picture to px of the part.

        Parameters
        ----------
        area : Left, upper, right, lower edge, px of the picture (px 0 lies between the edges 0 and 1); widened to whole
            px of the level, and cut to it.
        size : (w, h) of the result, px.
        number : Level that is read.
        """
        (left, upper, right, lower), matrix = self._part(area, size, number)
        part = self.level(number)[upper:lower, left:right]
        return cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), matrix

    def cut_grey(
        self, area: tuple[float, float, float, float], size: tuple[int, int], number: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """As ``cut``, (h, w) uint8 gamma-coded grey: one channel is interpolated in a third of the time of three."""
        edges, matrix = self._part(area, size, number)
        return cv2.resize(self.grey_part(number, *edges), size, interpolation=cv2.INTER_LINEAR), matrix

    def _part(
        self, area: tuple[float, float, float, float], size: tuple[int, int], number: int
    ) -> tuple[tuple[int, int, int, int], np.ndarray]:
        """Left, upper, right, lower edge of the part of a level that ``cut`` reads, and the transform to its result."""
        level, whole = self.level(number), 2.0**number
        (left, right), (upper, lower) = (
            _whole(low / whole, high / whole, length)
            for low, high, length in zip(area[:2], area[2:], level.shape[1::-1], strict=True)
        )
        sx, sy = size[0] / (right - left) / whole, size[1] / (lower - upper) / whole
        # An edge is half a px before the centre of the px that it begins.
        matrix = np.array([[sx, 0, (0.5 - left * whole) * sx - 0.5], [0, sy, (0.5 - upper * whole) * sy - 0.5]])
        return (left, upper, right, lower), matrix


def _needed(
    inverse: tuple[tuple[float, float, float], tuple[float, float, float]],
    size: tuple[int, int],
    shape: tuple[int, int],
) -> tuple[int, int, int, int]:
    """Left, upper, right, lower edge of the part of an image that a warp reads, px; never empty.

    Parameters
    ----------
    inverse : Both rows of the transform from px of the result to px of the image.
    size : (w, h) of the result, px.
    shape : (h, w) of the image, px.
    """
    edges = []
    for (a, b, start), length in zip(inverse, shape[::-1], strict=True):
        across, down = a * (size[0] - 1), b * (size[1] - 1)
        low, high = start + min(across, 0.0) + min(down, 0.0), start + max(across, 0.0) + max(down, 0.0)
        # Interpolation reads the next px too. What lies outside is a border: two px show which.
        first = min(max(floor(low) - 1, 0), max(length - 2, 0))
        edges.append((first, max(min(ceil(high) + 2, length), min(first + 2, length))))
    (left, right), (upper, lower) = edges
    return left, upper, right, lower


def _whole(low: float, high: float, length: int) -> tuple[int, int]:
    """Range of px that an interval covers or touches: at least one px, within 0..length."""
    first = min(max(floor(low), 0), length - 1)
    return first, min(max(ceil(high), first + 1), length)
