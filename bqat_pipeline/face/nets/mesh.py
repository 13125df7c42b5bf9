"""478 face landmarks with depth, by the attention mesh.

Sources: Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs" (2019) and
Grishchenko et al., "Attention Mesh: High-fidelity Face Mesh Prediction in Real-time" (2020).
"""

from dataclasses import dataclass
from math import atan2, cos, exp, floor, pi, sin

import cv2
import numpy as np

from bqat_pipeline.face.landmarks import IMG_LEFT_LID_RING, IMG_RIGHT_LID_RING
from bqat_pipeline.face.nets.attention import Region, split_attention_mesh
from bqat_pipeline.face.nets.detection import Detection
from bqat_pipeline.face.nets.runner import Net
from bqat_pipeline.face.picture.pyramid import Pyramid

_PADDING = 1.5  # side of the crop divided by the long side of the face box, as the net was trained
_CROP = 16  # side of a region's crop of the feature map, cells
_REGION_PADDING = 1.5  # the model's scale_x, scale_y
# In the nets' coordinates the first pixel's corner is 0, in ours its centre. Correcting for this moved the median
# distance from hand-placed pupils from 2.1 to 1.1 % of the eye distance (62 portraits).
_PIXEL_CENTRE = 0.5
_STRIDE = 4  # px of the net's input per cell of the feature map
_LID_RINGS = np.array((IMG_LEFT_LID_RING, IMG_RIGHT_LID_RING))
_MIDDLE = np.full(2, _CROP / 2)  # of a region's crop


@dataclass(frozen=True, slots=True)
class Roi:
    """A rotated square in px of the upright image, the input of the mesh.

    Attributes
    ----------
    x, y : Centre, px.
    side : Side, px.
    angle : Rotation, radians, above 0 clockwise as seen in the picture.
    """

    x: float
    y: float
    side: float
    angle: float

    @classmethod
    def of(cls, face: Detection) -> "Roi":
        """The square around a face box, turned so that the eyes are level."""
        (ax, ay), (bx, by) = face.keypoints[0], face.keypoints[1]
        x, y = face.centre
        return cls(x, y, _PADDING * max(face.width, face.height), atan2(by - ay, bx - ax))

    @classmethod
    def around(cls, points: np.ndarray) -> "Roi":
        """The square around (478, 3) landmarks, turned so that the outer eye corners are level."""
        (ax, ay), (bx, by) = points[33, :2], points[263, :2]
        angle = atan2(by - ay, bx - ax)
        c, s = cos(angle), sin(angle)
        turn = np.array([[c, s], [-s, c]])
        turned = points[:468, :2] @ turn.T
        low, high = turned.min(axis=0), turned.max(axis=0)
        x, y = (low + high) / 2 @ turn
        return cls(float(x), float(y), _PADDING * float(max(high - low)), angle)

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) transform from px of the square's crop (``size`` px) to px of the image."""
        c, s = cos(self.angle) * self.side / size, sin(self.angle) * self.side / size
        half = size / 2
        return np.array([[c, -s, self.x - (c - s) * half], [s, c, self.y - (s + c) * half]])


@dataclass(frozen=True, slots=True)
class Mesh:
    """Landmarks of one face.

    Attributes
    ----------
    points : (478, 3) float64: x, y in px of the upright image, z in px, below 0 toward the camera.
    flag : Probability, 0..1, that the crop held a face.
    roi : The square that the landmarks were read from.
    """

    points: np.ndarray
    flag: float
    roi: Roi


class MeshNet:
    """Both parts of the attention mesh and the custom operators between them."""

    def __init__(self) -> None:
        split = split_attention_mesh()
        self._mesh = Net(split.mesh)
        self._refinement = Net(split.refinement)
        self._regions = split.regions
        self._size = self._mesh.input_shape[1]
        # (2, 256) centres of the cells of a region's crop.
        cell = (np.arange(_CROP) + 0.5).astype(np.float64)
        self._cells = np.stack(np.meshgrid(cell, cell), axis=0).reshape(2, -1)

    def fit(self, pyramid: Pyramid, roi: Roi) -> Mesh:
        """Landmarks of the face in a square of the picture. Deterministic."""
        self._write_input(pyramid, roi)
        # Outputs by their sizes: 1404 coordinates, 1 face flag, the feature map.
        out = {v.size: v for v in self._mesh.run().values()}
        points = out[1404].reshape(468, 3).astype(np.float64)
        refined = self._refine(points, out[48 * 48 * 32].reshape(48, 48, 32))
        matrix = roi.matrix(self._size)
        result = np.empty((478, 3))
        result[:, :2] = (refined[:, :2] - _PIXEL_CENTRE) @ matrix[:, :2].T + matrix[:, 2]
        result[:, 2] = refined[:, 2] * (roi.side / self._size)
        logit = min(max(float(out[1].item()), -100.0), 100.0)
        return Mesh(result, 1 / (1 + exp(-logit)), roi)

    def _write_input(self, pyramid: Pyramid, roi: Roi) -> None:
        to_crop = cv2.invertAffineTransform(roi.matrix(self._size))
        crop = pyramid.warp(to_crop, (self._size, self._size), self._size / max(roi.side, 1e-6), cv2.BORDER_REPLICATE)
        np.multiply(crop, np.float32(1 / 255), out=self._mesh.input()[0])

    def _refine(self, points: np.ndarray, features: np.ndarray) -> np.ndarray:
        """(478, 3) mesh with lips, lids and irises from the refinement net, px of the mesh net's input.

        Parameters
        ----------
        points : (468, 3) of the mesh net, px of its input.
        features : (48, 48, 32) feature map.
        """
        cells = points[:, :2] / _STRIDE
        transforms = [_region_transform(cells, region) for region in self._regions]
        linear, offset = (np.array(parts) for parts in zip(*transforms, strict=True))
        where = (linear @ self._cells + (offset - 0.5)[:, :, None]).swapaxes(0, 1).reshape(2, -1)
        crops = _bilinear(features, where).reshape(len(transforms), _CROP, _CROP, -1)
        for position, crop in enumerate(crops):
            self._refinement.input(position)[0] = crop
        out = [v.reshape(-1, 2).astype(np.float64) for v in self._refinement_outputs()]
        lips, img_left, img_right = transforms
        refined = np.concatenate([points, np.zeros((10, 3))])
        refined[self._regions[0].indices, :2] = _place(out[0], lips)
        refined[self._regions[1].indices, :2] = _place(out[1], img_left)
        refined[468:473, :2] = _place(out[2], img_left)
        refined[self._regions[2].indices, :2] = _place(out[3], img_right)
        refined[473:478, :2] = _place(out[4], img_right)
        refined[468:473, 2], refined[473:478, 2] = points[:, 2].take(_LID_RINGS).mean(axis=1)
        return refined

    def _refinement_outputs(self) -> list[np.ndarray]:
        return list(self._refinement.run().values())


def _region_transform(cells: np.ndarray, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Linear part (2, 2) and offset (2,) from cells of the region's crop to cells of the feature map.

    Parameters
    ----------
    cells : (468, 2) mesh vertices, cells of the feature map.
    """
    (ax, ay), (bx, by) = cells[region.first].tolist(), cells[region.second].tolist()
    angle = atan2(by - ay, bx - ax)
    angle -= 2 * pi * floor((angle + pi) / (2 * pi))
    c, s = cos(angle), sin(angle)
    turn = np.array([[c, -s], [s, c]])
    turned = cells[region.indices] @ turn  # by -angle
    low, high = turned.min(axis=0), turned.max(axis=0)
    linear = turn * (_REGION_PADDING * (high - low) / _CROP)
    return linear, turn @ ((low + high) / 2) - linear @ _MIDDLE


def _bilinear(features: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(N, C) values of an (H, W, C) map at (2, N) positions x, y; zero outside."""
    h, w, channels = features.shape
    whole = np.floor(where)
    fx, fy = (where - whole).astype(np.float32)
    x, y = whole.astype(np.intp)
    weights = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy]
    places = [y * w + x, y * w + x + 1, (y + 1) * w + x, (y + 1) * w + x + 1]
    if x.min() < 0 or y.min() < 0 or x.max() >= w - 1 or y.max() >= h - 1:
        columns, rows = [(x >= -k) & (x < w - k) for k in (0, 1)], [(y >= -k) & (y < h - k) for k in (0, 1)]
        inside = [row & column for row in rows for column in columns]
        places = [np.where(i, place, 0) for i, place in zip(inside, places, strict=True)]
        weights = [weight * i for i, weight in zip(inside, weights, strict=True)]
    flat = features.reshape(h * w, channels)
    # `take` needs a third of the time of an index.
    out: np.ndarray = flat.take(places[0], axis=0)
    out *= weights[0][:, None]
    for place, weight in zip(places[1:], weights[1:], strict=True):
        part = flat.take(place, axis=0)
        part *= weight[:, None]
        out += part
    return out


def _place(points: np.ndarray, transform: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(N, 2) points of the refinement net in px of the mesh net's input."""
    linear, offset = transform
    return points @ linear.T + _STRIDE * offset
