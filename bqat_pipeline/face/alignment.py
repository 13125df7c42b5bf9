"""The canonical 616 x 616 frame of ISO/IEC 29794-5 (OFIQ): eyes level, 113 px apart."""

from dataclasses import dataclass
from math import ceil, floor, hypot, isfinite

import cv2
import numpy as np

from bqat_pipeline.face.geometry import Geometry, affine
from bqat_pipeline.face.landmarks import FACE_MASK, MOUTH_CORNERS, NOSE_TIP
from bqat_pipeline.face.picture.pyramid import Pyramid

SIZE = 616
_MASK = np.array(FACE_MASK)
ALIGNED_EYE_DISTANCE = 113  # px; eyes further apart in the picture are reduced, others enlarged
# Where eye midpoints (image left, right), nose tip and mouth corners (image left, right) go.
_TARGETS = np.array([(251, 272), (364, 272), (308, 336), (262, 402), (355, 402)], np.float64)
# Part of the frame that is computed for every face: eyes, cheeks and forehead (left, upper, right, lower).
_SMALLEST_PART = (180, 168, 436, 450)


@dataclass(frozen=True, slots=True)
class AlignedFrame:
    """The part of the aligned frame that the measures need.

    Attributes
    ----------
    matrix : (2, 3) from px of the picture to px of the 616 x 616 frame, a similarity.
    exact : False when the robust estimate failed and a least-squares one was taken.
    left, upper : Corner of ``image`` in the frame, px.
    image : (h, w, 3) uint8 RGB: part of the frame; black outside the picture.
    grey : (h, w) uint8, gamma-coded grey of ``image``.
    points : (478, 2) float64 landmarks, px of the frame.
    """

    matrix: np.ndarray
    exact: bool
    left: int
    upper: int
    image: np.ndarray
    grey: np.ndarray
    points: np.ndarray

    @property
    def scale(self) -> float:
        """Px of the frame per px of the picture; above 1 the face was enlarged."""
        return hypot(self.matrix[0, 0], self.matrix[1, 0])

    def local(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 2) of the frame in px of ``image``."""
        return points - (self.left, self.upper)

    def cut(self, left: int, upper: int, right: int, lower: int) -> np.ndarray | None:
        """(lower - upper, right - left, 3) uint8 view; edges in px of the frame. None outside ``image``."""
        return self._cut(self.image, left, upper, right, lower)

    def cut_grey(self, left: int, upper: int, right: int, lower: int) -> np.ndarray | None:
        """(lower - upper, right - left) uint8 view of ``grey``, as ``cut``."""
        return self._cut(self.grey, left, upper, right, lower)

    def level_crop(self, first: int, second: int, width: float, size: tuple[int, int]) -> np.ndarray:
        """(h, w) uint8 grey: a part of the frame in whose middle two landmarks are level.

        Parameters
        ----------
        first, second : The landmarks on the image left and right.
        width : Their distance in the part, px.
        size : (w, h) of the part, px.
        """
        (ax, ay), (bx, by) = self.points[first].tolist(), self.points[second].tolist()
        x, y = bx - ax, by - ay
        scale = width / max(x * x + y * y, 1e-18)
        c, s = x * scale, y * scale
        mx, my = (ax + bx) / 2 - self.left, (ay + by) / 2 - self.upper
        matrix = np.array([[c, s, size[0] / 2 - c * mx - s * my], [-s, c, size[1] / 2 + s * mx - c * my]])
        return cv2.warpAffine(self.grey, matrix, size, borderMode=cv2.BORDER_REPLICATE)

    def _cut(self, plane: np.ndarray, left: int, upper: int, right: int, lower: int) -> np.ndarray | None:
        if left < 0 or upper < 0 or right > SIZE or lower > SIZE:
            return None
        x, y = left - self.left, upper - self.upper
        h, w = plane.shape[:2]
        if x < 0 or y < 0 or x + right - left > w or y + lower - upper > h:
            return None
        return plane[y : y + lower - upper, x : x + right - left]


def align(pyramid: Pyramid, points: np.ndarray, geometry: Geometry) -> AlignedFrame:
    """The aligned frame of a face, interpolated from the largest decoded size without smoothing, as OFIQ does.

    Parameters
    ----------
    points : (478, 3) landmarks, px of the picture.
    geometry : Derived from the same landmarks.
    """
    matrix, exact = estimate(points, geometry)
    aligned = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    mask = aligned[_MASK]
    (x0, y0), (x1, y1) = mask.min(axis=0).tolist(), mask.max(axis=0).tolist()
    left, upper = (
        max(0, min(edge, floor(value) - 1)) for edge, value in zip(_SMALLEST_PART[:2], (x0, y0), strict=True)
    )
    right, lower = (
        min(SIZE, max(edge, ceil(value) + 2)) for edge, value in zip(_SMALLEST_PART[2:], (x1, y1), strict=True)
    )
    shifted = matrix.copy()
    shifted[:, 2] -= (left, upper)
    image = pyramid.warp(shifted, (right - left, lower - upper), 1.0, cv2.BORDER_CONSTANT)
    return AlignedFrame(matrix, exact, left, upper, image, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), aligned)


def estimate(points: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, bool]:
    """(2, 3) similarity from px of the picture to the frame, and whether the robust estimate (LMEDS) succeeded."""
    source = np.array(
        [
            geometry.img_left_eye,
            geometry.img_right_eye,
            points[NOSE_TIP, :2],
            points[MOUTH_CORNERS[0], :2],
            points[MOUTH_CORNERS[1], :2],
        ]
    )
    matrix, inliers = cv2.estimateAffinePartial2D(source, _TARGETS, method=cv2.LMEDS)
    if matrix is not None and all(map(isfinite, matrix.ravel().tolist())) and cv2.countNonZero(inliers) >= 2:
        scale = hypot(matrix[0, 0], matrix[1, 0])
        if scale > 0:
            return matrix, True
    return least_squares(source, _TARGETS), False


def least_squares(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(2, 3) similarity with the least squared error, without reflection."""
    s, t = source - source.mean(axis=0), target - target.mean(axis=0)
    size = max(float((s**2).sum()), 1e-12)
    a = float((s * t).sum()) / size
    b = float((s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum()) / size
    linear = np.array([[a, -b], [b, a]])
    return affine(linear, target.mean(axis=0) - linear @ source.mean(axis=0))
