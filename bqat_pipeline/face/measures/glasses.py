"""Glasses: edges of the frame on the nose bridge and below the eyes."""

from collections.abc import Mapping
from math import log

import cv2
import numpy as np

from bqat_pipeline.face.alignment import AlignedFrame
from bqat_pipeline.face.attributes import DECISION, model
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures.highlights import lens_reflection

# Part of the aligned frame where glasses are: left, upper, right, lower, px.
_EYE_BAND = (180, 236, 436, 344)
GLASSES_FEATURES = (
    "bridge", "bridge_median", "under_weak", "under_strong", "beside_weak", "beside_strong", "corner_weak",
    "corner_strong", "eye_darkness", "glare", "texture",
)  # fmt: skip


def measure(context: FaceContext) -> Mapping[str, object]:
    """Whether glasses are worn, the score of the decision, and how much of a lens reflects light."""
    score = model("glasses").probability(glasses_features(context.aligned))
    geometry = context.aligned_geometry
    eyes = (geometry.img_left_eye, geometry.img_right_eye)
    return {
        "glasses": score >= DECISION,
        "aux_glasses_score": score,
        "aux_lens_reflection": lens_reflection(context.aligned, eyes) if score >= DECISION else None,
    }


def glasses_features(frame: AlignedFrame) -> dict[str, float]:
    """Logarithms of edge strengths and brightness ratios around the eyes, by the names in ``GLASSES_FEATURES``.

    Rims make long horizontal edges on the nose bridge, below the eyes and beside them; reflections and dark lenses
    change the brightness around the eyes. Edges are relative to the contrast of the face around the eyes.
    """
    left, upper, right, lower = _EYE_BAND
    grey = frame.cut_grey(left, upper, right, lower)
    if grey is None:
        return dict.fromkeys(GLASSES_FEATURES, 0.0)
    _, deviation = cv2.meanStdDev(grey)
    contrast = max(float(deviation[0, 0]), 4.0)
    steps = cv2.absdiff(grey[3:], grey[:-3])  # (h - 3, w): over 3 px downwards

    def rows(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
        return steps[y0 - upper - 1 : y1 - upper - 1, x0 - left : x1 - left]

    def strongest_median(part: np.ndarray) -> float:
        half = part.shape[1] // 2  # widths are even
        middle = np.partition(part, (half - 1, half), axis=1)[:, half - 1 : half + 1]
        return float(middle.sum(axis=1).max()) / 2 / contrast

    def strongest_mean(part: np.ndarray) -> float:
        return float(cv2.reduce(part, 1, cv2.REDUCE_AVG, dtype=cv2.CV_64F).max()) / contrast

    under = [strongest_median(rows(x - 28, 290, x + 28, 334)) for x in (251, 364)]
    beside = [strongest_mean(rows(x0, 248, x1, 292)) for x0, x1 in ((186, 208), (407, 429))]
    bridge = rows(298, 240, 318, 300)
    corner = [strongest_mean(rows(x0, 276, x1, 312)) for x0, x1 in ((280, 296), (320, 336))]
    eyes, cheeks = grey[250 - upper : 294 - upper], grey[300 - upper : 340 - upper]
    edges = {
        "bridge": strongest_mean(bridge),
        "bridge_median": strongest_median(bridge),
        "under_weak": min(under),
        "under_strong": max(under),
        "beside_weak": min(beside),
        "beside_strong": max(beside),
        "corner_weak": min(corner),
        "corner_strong": max(corner),
        "eye_darkness": cv2.mean(eyes)[0] / max(cv2.mean(cheeks)[0], 1.0),
        "glare": np.count_nonzero(grey >= 240) / grey.size,
        "texture": cv2.mean(rows(215, 294, 400, 340))[0] / contrast,
    }
    return {name: log(value + 0.05) for name, value in edges.items()}
