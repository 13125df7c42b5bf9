"""Face boxes with score and six key points, by the short-range and the full-range BlazeFace detector.

Sources: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs" (2019) for the nets and
the blending of overlapping boxes; anchor layout and input ranges are those of the model files.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from bqat_pipeline.face.nets.full_range import split_full_range
from bqat_pipeline.face.nets.models import SHORT_RANGE, model_bytes
from bqat_pipeline.face.nets.runner import Net
from bqat_pipeline.face.picture.pyramid import Pyramid

FULL_RANGE_SIZE = 192  # px, input of the full-range net
_OVERLAP = 0.3  # boxes that overlap more (intersection over union) are one face
_INSIDE = 0.6  # share of the smaller box inside the other from which both are one face
# Grey levels between darkest and brightest px of each channel up to which an input is not looked at. The highest score
# of 490 portraits whose contrast was reduced to 3 levels is 0.41, of plain pictures 0.42; of 8 levels, a few are found.
_FLAT = 3
_SAMPLED = 16  # px between those that are read first, to see in most inputs that they are not flat


@dataclass(frozen=True, slots=True)
class Detection:
    """One face box, px of the upright picture; it may reach outside the picture.

    Attributes
    ----------
    left, upper, right, lower : Edges of the box, px.
    score : Detector score, 0..1.
    keypoints : (6, 2) px: eye on the image left, eye on the image right, nose tip, mouth, ear on the image left, right.
    """

    left: float
    upper: float
    right: float
    lower: float
    score: float
    keypoints: np.ndarray

    @property
    def width(self) -> float:
        """Width of the box, px."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height of the box, px."""
        return self.lower - self.upper

    @property
    def area(self) -> float:
        """Area of the box, px**2."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Centre of the box, px."""
        return (self.left + self.right) / 2, (self.upper + self.lower) / 2

    def repeats(self, other: "Detection") -> bool:
        """Whether both boxes show the same face: they overlap much, or one lies mostly inside the other."""
        w = min(self.right, other.right) - max(self.left, other.left)
        h = min(self.lower, other.lower) - max(self.upper, other.upper)
        if w <= 0 or h <= 0:
            return False
        shared = w * h
        union = self.area + other.area - shared
        return shared > _OVERLAP * union or shared > _INSIDE * min(self.area, other.area)

    def moved(self, x: float, y: float) -> "Detection":
        """The box shifted by (x, y) px."""
        return Detection(
            self.left + x, self.upper + y, self.right + x, self.lower + y, self.score, self.keypoints + np.array([x, y])
        )

    def turned_back(self, turns: int, width: float, height: float) -> "Detection":
        """The box in the picture before ``turns`` clockwise quarter turns that made it ``width`` x ``height`` px."""
        points = np.vstack([[[self.left, self.upper], [self.right, self.lower]], self.keypoints])
        for _ in range(turns):
            # A clockwise quarter turn takes (x, y) to (h - y, x); undo it.
            points = np.column_stack([points[:, 1], width - points[:, 0]])
            width, height = height, width
        low, high = points[:2].min(axis=0), points[:2].max(axis=0)
        return Detection(float(low[0]), float(low[1]), float(high[0]), float(high[1]), self.score, points[2:])


class Detector:
    """One BlazeFace net and its anchors."""

    def __init__(self, net: Net, box_head: Net | None, grids: tuple[tuple[int, int], ...]) -> None:
        """``box_head``: what makes boxes of a feature map of ``net``, if that has no output for them.

        ``grids``: (cells per side, anchors per cell) of each output layer, in order.
        """
        self._net, self._box_head = net, box_head
        self._size = net.input_shape[1]
        self._anchors = np.concatenate([_grid(cells, count) for cells, count in grids])
        # Scores have one value for each anchor, boxes and feature maps more.
        self._scores, self._rest = sorted(net.outputs, key=lambda name: net.outputs[name][-1])

    @classmethod
    def short_range(cls) -> "Detector":
        """The net for faces that fill a large part of the picture (128 px input)."""
        return cls(Net(model_bytes(SHORT_RANGE)), None, ((16, 2), (8, 6)))

    @classmethod
    def full_range(cls) -> "Detector":
        """The net that finds small faces as well, at about four times the cost (192 px input)."""
        scores, boxes = split_full_range()
        return cls(Net(scores), Net(boxes), ((48, 1),))

    def detect(self, pyramid: Pyramid, floor: float) -> list[Detection]:
        """Boxes with a score of at least ``floor``, best first; px of the picture."""
        number = pyramid.above(self._size / max(pyramid.width, pyramid.height))
        return self.detect_in(pyramid.level(number), floor, scale=2.0**number)

    def detect_in(self, image: np.ndarray, floor: float, scale: float = 1.0) -> list[Detection]:
        """As ``detect``, in an (H, W, 3) uint8 RGB image; coordinates are multiplied by ``scale``."""
        small = self.reduced(image)
        if _is_flat(small):
            return []
        logits = self._logits(small)
        kept = np.flatnonzero(logits >= np.log(floor / (1 - floor)))
        if not kept.size:
            return []
        raw = self._boxes()[kept].astype(np.float64) / self._size
        raw[:, :2] += self._anchors[kept]
        raw[:, 4::2] += self._anchors[kept, :1]
        raw[:, 5::2] += self._anchors[kept, 1:]
        raw *= max(image.shape[:2]) * scale
        score = 1 / (1 + np.exp(-np.clip(logits[kept].astype(np.float64), -100, 100)))
        return _blend(raw, score)

    def reduced(self, image: np.ndarray) -> np.ndarray:
        """(h, w, 3) uint8 or whole float32: an image with its long side at the net's size, as the net sees it."""
        factor = self._size / max(image.shape[:2])
        if factor == 1:
            return image
        w, h = (max(1, round(n * factor)) for n in (image.shape[1], image.shape[0]))
        if factor > 1:
            return cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)
        if image.shape[0] % h == 0 and image.shape[1] % w == 0:
            return cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
        # By a factor that is not whole, OpenCV reduces floats in less time than bytes; rounded they are equal.
        small = cv2.resize(image.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA)
        return np.rint(small, out=small)

    def strongest(self, image: np.ndarray) -> float:
        """Logit of the strongest box in an (H, W, 3) uint8 RGB image, even if it is far too low for a face."""
        return float(self._logits(self.reduced(image)).max())

    def _logits(self, small: np.ndarray) -> np.ndarray:
        """(anchors,) logits in an image of the net's size."""
        self._write_input(small)
        self._net.invoke()
        return self._net.output(self._scores)[0, :, 0]

    def _boxes(self) -> np.ndarray:
        """(anchors, 16) boxes and key points in the image of the last logits, px of the net's input."""
        rest = self._net.output(self._rest)
        if self._box_head is None:
            return rest[0]
        self._box_head.input()[...] = rest
        (boxes,) = self._box_head.run().values()
        return boxes[0]

    def _write_input(self, small: np.ndarray) -> None:
        """Write an image into the upper left of the net's input, -1 into the rest."""
        h, w = small.shape[:2]
        tensor = self._net.input()
        tensor[...] = -1.0
        np.multiply(small, np.float32(1 / 127.5), out=tensor[0, :h, :w])
        tensor[0, :h, :w] -= 1.0


def _is_flat(image: np.ndarray) -> bool:
    """Whether all px of an (h, w, 3) image are equal but for a few grey levels in each channel."""
    few = image[::_SAMPLED, ::_SAMPLED]
    return all(np.ptp(channel) <= _FLAT for px in (few, image) for channel in cv2.split(px))


def _grid(cells: int, count: int) -> np.ndarray:
    """(cells * cells * count, 2) centres of the anchors, 0..1, row by row."""
    axis = (np.arange(cells) + 0.5) / cells
    x, y = np.meshgrid(axis, axis)
    return np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), count, axis=0)


def _blend(raw: np.ndarray, score: np.ndarray) -> list[Detection]:
    """Boxes, best first, each the mean of overlapping ones weighted by score.

    Parameters
    ----------
    raw : (n, 16) centre x, y, width, height, and x, y of six key points, px.
    score : (n,) 0..1.
    """
    boxes = np.empty((len(raw), 4))
    boxes[:, :2], boxes[:, 2:] = raw[:, :2] - raw[:, 2:4] / 2, raw[:, :2] + raw[:, 2:4] / 2
    x0, y0, x1, y1 = boxes.T
    area = raw[:, 2] * raw[:, 3]
    order = np.argsort(-score, kind="stable")
    found = []
    while order.size:
        best = order[0]
        width = np.minimum(x1[best], x1[order]) - np.maximum(x0[best], x0[order])
        height = np.minimum(y1[best], y1[order]) - np.maximum(y0[best], y0[order])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        union = area[order] + area[best] - shared
        same = (shared > _OVERLAP * union) | (order == best)
        group = order[same]
        weight = score[group] / score[group].sum()
        left, upper, right, lower = (weight @ boxes[group]).tolist()
        points = (weight @ raw[group, 4:]).reshape(6, 2)
        found.append(Detection(left, upper, right, lower, float(score[best]), points))
        order = order[~same]
    return found


def merge(first: list[Detection], second: list[Detection]) -> list[Detection]:
    """Both lists, best score first, without boxes that repeat a better one."""
    kept: list[Detection] = []
    for box in sorted((*first, *second), key=lambda b: -b.score):
        if not any(box.repeats(other) for other in kept):
            kept.append(box)
    return kept
