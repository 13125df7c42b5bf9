"""The eyes: pupils, distances, lids, gaze. Columns that end in ``left`` or ``right`` are about the subject's sides."""

from collections.abc import Mapping

import numpy as np

from bqat_pipeline.face.attribute_features import eye_features, eye_openness
from bqat_pipeline.face.attributes import DECISION, model
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.geometry import distance, lid_gaps
from bqat_pipeline.face.landmarks import (
    IMG_LEFT_EYE_CORNERS,
    IMG_LEFT_IRIS,
    IMG_RIGHT_EYE_CORNERS,
    IMG_RIGHT_IRIS,
)
from bqat_pipeline.face.mapping import component
from bqat_pipeline.face.pose import yaw_cosine


def measure(context: FaceContext) -> Mapping[str, object]:
    """Pupils, inter-eye distance, eye openness and gaze; px of the upright picture."""
    points, geometry = context.points, context.geometry
    right, left = points[IMG_LEFT_IRIS[0]], points[IMG_RIGHT_IRIS[0]]
    right_gap, left_gap = lid_gaps(points)
    right_open, left_open = eye_openness(points)
    right_closed, left_closed = (model("eye_closed").probability(f) for f in eye_features(points, context.aligned))
    gaze_x, gaze_y = gaze(points)
    cosine = yaw_cosine(context.pose.yaw)
    return {
        "ipd": distance(right, left),
        "pupil_right_x": right[0],
        "pupil_right_y": right[1],
        "pupil_left_x": left[0],
        "pupil_left_y": left[1],
        "eye_closed_right": right_closed >= DECISION,
        "eye_closed_left": left_closed >= DECISION,
        **component("inter_eye_distance", geometry.eye_distance / cosine if cosine else None),
        **component("eyes_open", min(right_gap, left_gap) / geometry.length if geometry.length else None),
        "aux_eye_openness_right": right_open,
        "aux_eye_openness_left": left_open,
        "aux_eye_closed_score_right": right_closed,
        "aux_eye_closed_score_left": left_closed,
        "aux_eye_distance": geometry.eye_distance,
        "aux_gaze_offset_x": gaze_x,
        "aux_gaze_offset_y": gaze_y,
    }


def gaze(points: np.ndarray) -> tuple[float, float]:
    """Mean offset of the irises from the middle of their eye corners, in eye widths.

    Along the line of the corners (above 0 toward the image right) and across it (above 0 downwards).
    """
    offsets = []
    for (a, b), iris in ((IMG_LEFT_EYE_CORNERS, IMG_LEFT_IRIS[0]), (IMG_RIGHT_EYE_CORNERS, IMG_RIGHT_IRIS[0])):
        (ax, ay), (bx, by), (ix, iy) = points[[a, b, iris], :2].tolist()
        axis_x, axis_y = bx - ax, by - ay
        square = max(axis_x**2 + axis_y**2, 1e-18)
        x, y = ix - (ax + bx) / 2, iy - (ay + by) / 2
        offsets.append(((x * axis_x + y * axis_y) / square, (y * axis_x - x * axis_y) / square))
    return (offsets[0][0] + offsets[1][0]) / 2, (offsets[0][1] + offsets[1][1]) / 2
