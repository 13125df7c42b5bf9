"""The eyes: pupils, distances, lids, gaze. Columns that end in ``left`` or ``right`` are about the subject's sides."""

from collections.abc import Mapping
from math import log

import cv2
import numpy as np

from bqat_pipeline.face.alignment import AlignedFrame
from bqat_pipeline.face.attributes import DECISION, model
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.geometry import distance, gaps, lid_gaps
from bqat_pipeline.face.landmarks import (
    IMG_LEFT_EYE_CORNERS,
    IMG_LEFT_IRIS,
    IMG_RIGHT_EYE_CORNERS,
    IMG_RIGHT_IRIS,
)
from bqat_pipeline.face.mapping import component
from bqat_pipeline.face.measures.gaze import angles, deviation
from bqat_pipeline.face.measures.red_eyes import redness
from bqat_pipeline.face.pose import yaw_cosine

_SMALLEST_PUPILS = 24.0  # px between the eyes, at which the disc of a pupil has a diameter of 2 px
_CORNERS = np.array((IMG_LEFT_EYE_CORNERS, IMG_RIGHT_EYE_CORNERS))
_CORNERS_AND_IRISES = np.array(((*IMG_LEFT_EYE_CORNERS, IMG_LEFT_IRIS[0]), (*IMG_RIGHT_EYE_CORNERS, IMG_RIGHT_IRIS[0])))
# Crop of one eye: width of the eye in it, and its size, px.
_EYE_WIDTH = 40
_EYE_CROP = (48, 32)


def measure(context: FaceContext) -> Mapping[str, object]:
    """Pupils, inter-eye distance, eye openness and gaze; px of the upright picture."""
    points, geometry = context.points, context.geometry
    right, left = points[IMG_LEFT_IRIS[0]], points[IMG_RIGHT_IRIS[0]]
    right_gap, left_gap = lid_gaps(points)
    right_open, left_open = eye_openness(points)
    right_closed, left_closed = (model("eye_closed").probability(f) for f in eye_features(points, context.aligned))
    gaze_x, gaze_y = gaze(points)
    # Where the lids hide an iris, the net invents it.
    closed = max(right_closed, left_closed) >= DECISION
    sight = None if closed else angles(points, geometry, context.pose)
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
        "aux_gaze_angle_x": sight[0] if sight else None,
        "aux_gaze_angle_y": sight[1] if sight else None,
        "aux_gaze_deviation": deviation(*sight) if sight else None,
        "aux_eye_redness": eye_redness(context, right_closed < DECISION, left_closed < DECISION),
    }


def eye_redness(context: FaceContext, right_open: bool, left_open: bool) -> float | None:
    """Redness of the redder pupil of the open eyes, see ``red_eyes``.

    None for pictures without colours, when both eyes are closed, and below 24 px between the eyes.
    """
    if context.is_grey or context.geometry.eye_distance < _SMALLEST_PUPILS:
        return None
    seen = zip(redness(context.aligned), (right_open, left_open), strict=True)
    return max((value for value, open_ in seen if open_ and value is not None), default=None)


def gaze(points: np.ndarray) -> tuple[float, float]:
    """Mean offset of the irises from the middle between the eye's corners, in eye widths.

    Along the line through the corners (above 0 toward the image right) and across it (above 0 downwards).

    Parameters
    ----------
    points : (478, 3) landmarks.
    """
    offsets = []
    for (ax, ay), (bx, by), (ix, iy) in points.take(_CORNERS_AND_IRISES, axis=0)[..., :2].tolist():
        axis_x, axis_y = bx - ax, by - ay
        square = max(axis_x**2 + axis_y**2, 1e-18)
        x, y = ix - (ax + bx) / 2, iy - (ay + by) / 2
        offsets.append(((x * axis_x + y * axis_y) / square, (y * axis_x - x * axis_y) / square))
    return (offsets[0][0] + offsets[1][0]) / 2, (offsets[0][1] + offsets[1][1]) / 2


def eye_features(points: np.ndarray, frame: AlignedFrame) -> tuple[dict[str, float], dict[str, float]]:
    """Features of the ``eye_closed`` model: of the subject's right eye (image left), of the left eye (image right)."""
    right, left = (
        {"log_openness": _log(openness), "sideways_edges": edges}
        for openness, edges in zip(eye_openness(points), _sideways_edges(frame), strict=True)
    )
    return right, left


def eye_openness(points: np.ndarray) -> tuple[float, float]:
    """Largest lid gap divided by the distance of the eye's corners: subject's right eye, subject's left eye."""
    widths = gaps(points, _CORNERS)
    right, left = (gap / width if width else 0.0 for gap, width in zip(lid_gaps(points), widths, strict=True))
    return right, left


def _sideways_edges(frame: AlignedFrame) -> tuple[float, float]:
    """Mean horizontal gradient along the opening of the eye on the image left and right, relative to its contrast.

    Along its axis an open eye changes from white to iris and back; a closed one is a line. The mesh tends to give both
    eyes the same openness; this feature does not.
    """
    crops = cv2.vconcat(
        [frame.level_crop(*corners, _EYE_WIDTH, _EYE_CROP) for corners in (IMG_LEFT_EYE_CORNERS, IMG_RIGHT_EYE_CORNERS)]
    )
    # Both eyes in one image, to filter once: the filters do not reach from one eye into the middle of the other.
    grey = cv2.GaussianBlur(crops.astype(np.float32), (0, 0), 0.8)
    gradient = cv2.Sobel(grey, cv2.CV_32F, 1, 0)

    def edges(top: int) -> float:
        inner = gradient[top + 10 : top + 22, 10:38]
        _, deviation = cv2.meanStdDev(grey[top + 8 : top + 24, 8:40])
        return cv2.norm(inner, cv2.NORM_L1) / inner.size / (float(deviation[0, 0]) + 2)

    return edges(0), edges(_EYE_CROP[1])


def _log(value: float) -> float:
    return log(max(value, 1e-3))
