"""Light of the landmarked region: mean, variance, dark and bright shares, entropy (29794-5 7.3.4 to 7.3.7), levels."""

from collections.abc import Mapping

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext, FaceRegion
from bqat_pipeline.face.mapping import component

_LEVELS = np.arange(256) / 255
_DARK = 25  # highest luminance level that counts as under-exposed
_BRIGHT = 247  # lowest luminance level that counts as over-exposed


def measure(context: FaceContext) -> Mapping[str, object]:
    """Five components from one histogram, and the number of grey levels; None when the region is empty."""
    histogram = context.face.histogram
    total = float(histogram.sum())
    if not total:
        return {}
    share = histogram / total
    mean = float(share @ _LEVELS)
    return {
        **component("luminance_mean", mean),
        **component("luminance_variance", float(share @ (_LEVELS - mean) ** 2)),
        **component("under_exposure_prevention", float(share[: _DARK + 1].sum())),
        **component("over_exposure_prevention", float(share[_BRIGHT:].sum())),
        **component("dynamic_range", entropy(share)),
        "aux_intensity_levels": grey_levels(context.face),
    }


def grey_levels(face: FaceRegion) -> int:
    """Number of different grey levels in the landmarked region, 1..256.

    ISO/IEC 19794-5 asks for 7 bits of intensity in the face region of the stored picture, converted to grey. Linear
    luminance is not used: it maps the darker third of the stored levels to a tenth of its own, so that dark skin
    would have fewer levels under the same light.
    """
    return int(np.count_nonzero(cv2.calcHist([face.grey], [0], face.mask, [256], [0, 256])))


def entropy(share: np.ndarray) -> float:
    """Shannon entropy in bits of shares that add up to 1."""
    positive = share[share > 0]
    return abs(float(positive @ np.log2(positive)))
