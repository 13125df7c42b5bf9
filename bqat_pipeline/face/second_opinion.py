"""Whether a face that was found is human, by running the nets again on an upright square around it.

Detectors and mesh also fire on dogs, monkeys, wheels and pies. In an upright square with as much room around the face
as a portrait has, both detectors give most of those a low score, and human faces a high one. A logistic model combines
these scores, of the square and of its mirror image, with how little the mesh changes its shape when its square is
moved.

The model is used only in doubtful cases: a box with a high score and a high face flag counts as human at once, and the
short-range detector alone decides most of the others. Weights and limits come from
``benchmarks/calibration/fit_human_face.py``; error rates, cross-validated, are in docs/measures.md.
"""

from math import log

import cv2
import numpy as np

from bqat_pipeline.face.attributes import Logistic
from bqat_pipeline.face.nets.detection import Detector
from bqat_pipeline.face.nets.mesh import MeshNet, Roi
from bqat_pipeline.face.picture.pyramid import Pyramid

# Probability from which a face counts as human. The bias favours human faces: of 465 the lowest log odds are +0.86; of
# 62 other ones two count as human (a capuchin, and a tractor that is only found with a lower `confidence`).
HUMAN = 0.5

MODEL = Logistic({"short_range": 1.558, "full_range": 1.125, "firmness": 2.102}, -8.48)

# Detector score and face flag from which no second opinion is needed: of the other faces the highest score was 0.86.
SURE_SCORE, SURE_FLAG = 0.88, 0.99
# Mean logit of the short-range detector in its squares from which it decides alone: the highest of the other faces was
# 1.24.
_SETTLED = 1.6

# Sides of the squares in sides of the mesh's bounding square: for each detector, and for the full-range one after a
# stretch of the contrast.
_SHORT_SIDES, _FULL_SIDES, _STRETCHED_SIDE = (2.4, 3.2), (2.0, 2.8), 2.4
_SIZE = 256  # px of a square's side
_MESH_SIDE = 1.5  # side of the mesh's own square (`Roi.around`)
# Moves of the mesh's square: sideways and down in its sides, scale, turn in radians.
_MOVES = (
    (0.06, 0.0, 1.0, 0.0),
    (-0.06, 0.0, 1.0, 0.0),
    (0.0, 0.06, 1.0, 0.0),
    (0.0, -0.06, 1.0, 0.0),
    (0.0, 0.0, 1.15, 0.0),
    (0.0, 0.0, 0.87, 0.0),
    (0.0, 0.0, 1.0, 0.15),
    (0.0, 0.0, 1.0, -0.15),
)
_ENDS, _LEAST_CONTRAST = (2, 98), 8  # percentiles that become black and white; least grey levels between them
_LEAST_SPREAD = 1e-4  # sides of the mesh; smaller spreads are rounding errors


class SecondOpinion:
    """Judges faces with the nets of a face finder."""

    def __init__(self, short: Detector, full: Detector, mesh: MeshNet) -> None:
        self._short, self._full, self._mesh = short, full, mesh

    def human(self, pyramid: Pyramid, region: Roi) -> float:
        """Probability, 0..1, that a region shows a human face; 1 where the short-range detector decides alone.

        Parameters
        ----------
        region : The mesh's square around the face, px of the picture.
        """
        short = self._short_range(pyramid, region)
        if short >= _SETTLED:
            return 1.0
        return MODEL.probability(self._features(pyramid, region, short))

    def features(self, pyramid: Pyramid, region: Roi) -> dict[str, float]:
        """Features of the model, by name.

        ``short_range``, ``full_range``: mean of the strongest logits of each detector; ``firmness``: minus the
        logarithm of the points' standard deviation over the moves of the mesh's square, in sides of the mesh, without
        the shift that all points share.
        """
        return self._features(pyramid, region, self._short_range(pyramid, region))

    def _features(self, pyramid: Pyramid, region: Roi, short: float) -> dict[str, float]:
        return {
            "short_range": short,
            "full_range": self._full_range(pyramid, region),
            "firmness": -log(max(self._spread(pyramid, region), _LEAST_SPREAD)),
        }

    def _short_range(self, pyramid: Pyramid, region: Roi) -> float:
        return _mean_logit(self._short, [_square(pyramid, region, side) for side in _SHORT_SIDES])

    def _full_range(self, pyramid: Pyramid, region: Roi) -> float:
        stretched = _stretched(_square(pyramid, region, _STRETCHED_SIDE))
        grey = cv2.cvtColor(cv2.cvtColor(stretched, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        squares = [_square(pyramid, region, side) for side in _FULL_SIDES]
        return _mean_logit(self._full, [*squares, stretched, grey])

    def _spread(self, pyramid: Pyramid, region: Roi) -> float:
        """Root mean square over the points of their standard deviation, in sides of the mesh."""
        c, s = np.cos(region.angle), np.sin(region.angle)
        found = []
        for right, down, scale, turn in _MOVES:
            x = region.x + region.side * float(right * c - down * s)
            y = region.y + region.side * float(right * s + down * c)
            moved = Roi(x, y, region.side * scale, region.angle + turn)
            points = self._mesh.fit(pyramid, moved).points[:, :2]
            found.append(points - points.mean(axis=0))
        variance = np.var(found, axis=0).sum(axis=1).mean()
        return float(np.sqrt(variance)) / max(region.side / _MESH_SIDE, 1e-6)


def _square(pyramid: Pyramid, region: Roi, side: float) -> np.ndarray:
    """(256, 256, 3) uint8: the upright square around a region; outside the picture its edge pixels are repeated."""
    square = Roi(region.x, region.y, region.side * side / _MESH_SIDE, region.angle)
    to_square = cv2.invertAffineTransform(square.matrix(_SIZE))
    return pyramid.warp(to_square, (_SIZE, _SIZE), _SIZE / max(square.side, 1e-6), cv2.BORDER_REPLICATE)


def _stretched(square: np.ndarray) -> np.ndarray:
    """A square with its contrast stretched by the grey levels of its middle, so that dark and hazy faces are found."""
    middle = cv2.cvtColor(square[_SIZE // 4 : -_SIZE // 4, _SIZE // 4 : -_SIZE // 4], cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(middle, _ENDS)
    return np.clip((square.astype(np.float32) - low) * (255 / max(high - low, _LEAST_CONTRAST)), 0, 255).astype(
        np.uint8
    )


def _mean_logit(detector: Detector, squares: list[np.ndarray]) -> float:
    """Mean of a detector's strongest logits in squares and in their mirror images."""
    return float(np.mean([detector.strongest(image) for s in squares for image in (s, cv2.flip(s, 1))]))
