"""Cropping a rectangle out of a picture; it may be rotated and reduced, but is never enlarged."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

# Px around the rectangle that resampling needs (Lanczos over 8 px).
_MARGIN = 5


def cut(image: np.ndarray, corners: Sequence[tuple[float, float]], size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) uint8 pixels of a rectangle.

    An upright rectangle at full size is copied, moved to the nearest whole px, without resampling. A rotated one is
    resampled once (Lanczos); a reduced one is reduced with an antialiasing Lanczos filter.

    Parameters
    ----------
    image : (h, w, 3) uint8.
    corners : Upper left, upper right, lower right, lower left corner as the result shows them; px of the image from
        the upper left corner of its first pixel.
    size : Width and height of the result, px; not above those of the rectangle.
    """
    points = np.array(corners, np.float64)
    across, along = points[1] - points[0], points[3] - points[0]
    a, b = float(np.linalg.norm(across)), float(np.linalg.norm(along))
    if abs(across[1]) < 1e-6 * a and across[0] > 0:
        return _upright(image, points[0], (a, b), size)
    whole = max(int(np.ceil(a - 1e-6)), 1), max(int(np.ceil(b - 1e-6)), 1)
    near, first = _around(image, points)
    right, down = across / a, along / b
    # Centre of the pixel (i, j) of the result in px of `near`, whose pixel 0 has its centre at 0.
    origin = points[0] - first - 0.5 + 0.5 * right + 0.5 * down
    turned = cv2.warpAffine(
        near,
        np.column_stack([right, down, origin]),
        whole,
        flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return turned if whole == size else _reduced(turned, (0.0, 0.0, a, b), size)


def _upright(image: np.ndarray, corner: np.ndarray, sides: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    height, width = image.shape[:2]
    if abs(sides[0] - size[0]) < 1e-3 and abs(sides[1] - size[1]) < 1e-3:
        left = int(np.clip(round(corner[0]), 0, width - size[0]))
        top = int(np.clip(round(corner[1]), 0, height - size[1]))
        return np.ascontiguousarray(image[top : top + size[1], left : left + size[0]])
    x, y = max(float(corner[0]), 0.0), max(float(corner[1]), 0.0)
    return _reduced(image, (x, y, min(x + sides[0], width), min(y + sides[1], height)), size)


def _around(image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of the image around a rectangle, and x, y of its first pixel."""
    height, width = image.shape[:2]
    low = np.clip(np.floor(points.min(axis=0)).astype(int) - _MARGIN, 0, [width - 1, height - 1])
    high = np.clip(np.ceil(points.max(axis=0)).astype(int) + _MARGIN, low + 1, [width, height])
    return image[low[1] : high[1], low[0] : high[0]], low


def _reduced(image: np.ndarray, box: tuple[float, float, float, float], size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, box))
