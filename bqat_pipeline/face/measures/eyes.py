"""The eyes: pupils, distances, lids."""

from collections.abc import Mapping

import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.landmarks import IMG_LEFT_IRIS, IMG_RIGHT_IRIS


def measure(context: FaceContext) -> Mapping[str, object]:
    """Pupils of the subject's sides and their distance, px of the upright picture."""
    assert context.points is not None
    right, left = context.points[IMG_LEFT_IRIS[0], :2], context.points[IMG_RIGHT_IRIS[0], :2]
    return {
        "ipd": float(np.linalg.norm(left - right)),
        "pupil_right_x": right[0],
        "pupil_right_y": right[1],
        "pupil_left_x": left[0],
        "pupil_left_y": left[1],
    }
