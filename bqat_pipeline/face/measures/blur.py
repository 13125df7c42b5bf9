"""How wide the blur of the face is, in shares of the distance of the eyes. Own measure.

Edges of natural pictures are steep at every scale. Blur takes the fine scales away, whatever it comes from: focus,
motion, enlargement. What is left of them, in a copy in which the eyes are 96 px apart and in its reductions, tells
how wide the blur is; noise is told apart by being everywhere, while edges are rare and strong. Trees over these
features, fitted by ``benchmarks/calibration/fit_utility.py``; errors are in docs/measures.md.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log2

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.trees import trees

_EYE_DISTANCE = 96  # px, in the copy that is looked at
_BESIDE, _ABOVE, _BELOW = 1.0, 0.45, 1.15  # of the region around the midpoint of the eyes, eye distances
_SMALLEST = 48  # px, side of a region that can be judged
_SCALES = 4
FEATURES = (
    "eye_distance",
    *(f"strength_{scale}" for scale in range(_SCALES)),
    *(f"fall_{scale}" for scale in range(1, _SCALES)),
    *(f"{name}_{scale}" for name in ("rarity", "flatter", "steeper") for scale in range(_SCALES)),
    *(f"{name}_slope_{scale}" for name in ("flatter", "steeper") for scale in range(1, _SCALES)),
)
# The less is left of the finer of two scales, the wider is the blur.
MONOTONIC = tuple(-1 if name.startswith("fall_") or "_slope_" in name else 0 for name in FEATURES)
_STEEPEST = 0.99  # quantile of the differences of neighbouring px that counts as the steepest edge


def measure(context: FaceContext) -> Mapping[str, object]:
    """Standard deviation of the blur in percent of the eye distance."""
    found = features(context)
    return {"aux_blur": None if found is None else stored(trees("blur").sum(found))}


def stored(logarithm: float) -> float:
    """Percent of the eye distance, of the logarithm (base 2) of the standard deviation in eye distances."""
    return 100 * float(2**logarithm)


def features(context: FaceContext) -> list[float] | None:
    """Features of the model; None when the face is too small or flat. Logarithms to base 2 of grey levels and px."""
    grey = _region(context)
    if grey is None:
        return None
    strength, rarity, steps = [], [], []
    for scale in range(_SCALES):
        if scale:
            grey = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
        edges = cv2.Laplacian(grey, cv2.CV_16S)
        power = cv2.norm(edges) / edges.size**0.5
        strength.append(log2(power + 0.05))
        rarity.append((cv2.norm(edges, cv2.NORM_L1) / edges.size + 0.01) / (power + 0.01))
        steps += [cv2.absdiff(grey[:, 1:], grey[:, :-1]), cv2.absdiff(grey[1:], grey[:-1])]
    if strength[-1] < 0:  # less than a grey level of contrast at the coarsest scale
        return None
    steep = [log2(level + 0.5) for level in _steepest(steps)]  # of each scale: sideways, up and down
    flatter, steeper = ([*map(extreme, steep[::2], steep[1::2])] for extreme in (min, max))
    falls = [a - b for a, b in pairwise(strength)]
    slopes = [a - b for levels in (flatter, steeper) for a, b in pairwise(levels)]
    return [log2(context.geometry.eye_distance), *strength, *falls, *rarity, *flatter, *steeper, *slopes]


def _region(context: FaceContext) -> np.ndarray | None:
    """(h, w) uint8: grey part around eyes, nose and mouth, upright, eyes 96 px apart; None where it is too small."""
    distance = context.geometry.eye_distance
    x, y = context.geometry.eye_midpoint.tolist()
    left, right = (min(max(x + side * distance, 0.0), float(context.width)) for side in (-_BESIDE, _BESIDE))
    upper, lower = (min(max(y + side * distance, 0.0), float(context.height)) for side in (-_ABOVE, _BELOW))
    scale = _EYE_DISTANCE / max(distance, 1.0)
    size = round((right - left) * scale), round((lower - upper) * scale)
    if min(size) < _SMALLEST:
        return None
    level = context.pyramid.above(min(scale, 1.0))
    return context.pyramid.cut_grey((left, upper, right, lower), size, level)[0]


def _steepest(steps: Sequence[np.ndarray]) -> list[float]:
    """Quantile of the grey levels of each plane of absolute differences of neighbouring px."""
    counts = np.array([cv2.calcHist([plane], [0], None, [256], [0, 256]).ravel() for plane in steps]).cumsum(axis=1)
    wanted = np.float32(_STEEPEST) * counts[:, -1]
    found = []
    for count, share, level in zip(counts, wanted.tolist(), (counts >= wanted[:, None]).argmax(axis=1), strict=True):
        below = float(count[level - 1]) if level else 0.0
        found.append(int(level) + (share - below) / max(float(count[level]) - below, 1.0))
    return found
