"""The mouth: closed or open, smile."""

from collections.abc import Mapping
from math import dist

import numpy as np

from bqat_pipeline.face.attributes import DECISION, model
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.geometry import Geometry, distance, largest_gap
from bqat_pipeline.face.landmarks import CHIN, INNER_LIP_PAIRS, MOUTH_CORNERS, NOSE_TIP
from bqat_pipeline.face.mapping import component
from bqat_pipeline.face.measures.eyes import eye_openness


def measure(context: FaceContext) -> Mapping[str, object]:
    """Gap of the inner lips divided by T, and the decisions on smile and open mouth with their scores."""
    gap, length = largest_gap(context.points, INNER_LIP_PAIRS), context.geometry.length
    smile = model("smile").probability(smile_features(context.points, context.pose.rotation))
    mouth_open = model("mouth_open").probability(mouth_features(context.points, context.pose.rotation))
    return {
        **component("mouth_closed", gap / length if length else None),
        "smile": smile >= DECISION,
        "aux_smile_score": smile,
        "aux_mouth_open": mouth_open >= DECISION,
        "aux_mouth_open_score": mouth_open,
    }


def mouth_features(points: np.ndarray, rotation: np.ndarray) -> dict[str, float]:
    """Features of the ``mouth_open`` model: gaps and proportions, some of them in the frontal view.

    Parameters
    ----------
    points : (478, 3) landmarks, px of the picture.
    rotation : (3, 3) of ``Pose``.
    """
    p = frontal(points, rotation)
    length = max(Geometry.of(points).length, 1e-9)
    width = max(dist(p[MOUTH_CORNERS[1]], p[MOUTH_CORNERS[0]]), 1e-9)
    upper, lower = float(p[0, 1] - p[13, 1]), float(p[14, 1] - p[17, 1])
    return {
        "gap": largest_gap(points, INNER_LIP_PAIRS) / length,
        "gap_to_width": distance(points[13], points[14]) / width,
        "inner_area": sum(distance(points[a], points[b]) for a, b in INNER_LIP_PAIRS) / (3 * length),
        "lips": (upper + lower) / length,
        "jaw": float(p[17, 1] - p[CHIN, 1]) / length,
    }


def smile_features(points: np.ndarray, rotation: np.ndarray) -> dict[str, float]:
    """Features of the ``smile`` model: shape of mouth, cheeks and eyes in the frontal view, in outer eye distances.

    Parameters
    ----------
    points : (478, 3) landmarks, px of the picture.
    rotation : (3, 3) of ``Pose``.
    """
    p = frontal(points, rotation)
    unit = max(dist(p[263], p[33]), 1e-9)
    corners = (p[MOUTH_CORNERS[0]] + p[MOUTH_CORNERS[1]]) / 2
    middle = (p[13] + p[14]) / 2
    right_eye, left_eye = eye_openness(points)
    return {
        "mouth_width": dist(p[MOUTH_CORNERS[1]], p[MOUTH_CORNERS[0]]) / unit,
        "corner_lift": float(corners[1] - middle[1]) / unit,
        "corner_to_upper_lip": float(corners[1] - p[0, 1]) / unit,
        "corner_to_lower_lip": float(corners[1] - p[17, 1]) / unit,
        "corner_to_nose": float(p[NOSE_TIP, 1] - corners[1]) / unit,
        "corner_depth": float(corners[2] - middle[2]) / unit,
        "nose_width": dist(p[327], p[98]) / unit,
        "lip_height": float(p[0, 1] - p[13, 1] + p[14, 1] - p[17, 1]) / unit,
        "gap": float(p[13, 1] - p[14, 1]) / unit,
        "cheek": float((p[205, 2] + p[425, 2]) / 2 - p[NOSE_TIP, 2]) / unit,
        "lid": (right_eye + left_eye) / 2,
    }


def frontal(points: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(478, 3) landmarks with the head rotated to face the camera; x right, y up, z toward the camera, px."""
    return (points * (1.0, -1.0, -1.0)) @ rotation
