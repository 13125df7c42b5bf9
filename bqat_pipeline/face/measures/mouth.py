"""The mouth: closed or open, smile."""

from collections.abc import Mapping
from math import dist

import cv2
import numpy as np

from bqat_pipeline.face.alignment import AlignedFrame
from bqat_pipeline.face.attributes import DECISION, model
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.geometry import gaps
from bqat_pipeline.face.landmarks import CHIN, INNER_LIP_PAIRS, MOUTH_CORNERS, NOSE_TIP
from bqat_pipeline.face.mapping import component
from bqat_pipeline.face.measures.eyes import eye_openness

_INNER_LIPS = np.array(INNER_LIP_PAIRS)
# Crop of the mouth: distance of its corners in it, and its size, px.
_MOUTH_WIDTH = 60
_MOUTH_CROP = (88, 64)
# Parts of the crop on its left half: left, upper, right, lower edge, px. The right half has their mirror images.
_PARTS = {
    "corner_slope": (6, 22, 22, 42),
    "fold_slope": (0, 4, 12, 30),
    "lip_slope": (22, 20, 44, 44),
    "lower_lip_slope": (14, 38, 36, 60),
}


def measure(context: FaceContext) -> Mapping[str, object]:
    """Gap of the inner lips divided by T, and the decisions on smile and open mouth with their scores."""
    gap, length = max(gaps(context.points, _INNER_LIPS)), context.geometry.length
    face = frontal(context.points, context.pose.rotation)
    smile = model("smile").probability(smile_features(context.points, face, context.aligned))
    mouth_open = model("mouth_open").probability(mouth_features(context.points, face, length))
    return {
        **component("mouth_closed", gap / length if length else None),
        "smile": smile >= DECISION,
        "aux_smile_score": smile,
        "aux_mouth_open": mouth_open >= DECISION,
        "aux_mouth_open_score": mouth_open,
    }


def mouth_features(points: np.ndarray, face: np.ndarray, length: float) -> dict[str, float]:
    """Features of the ``mouth_open`` model: gaps and proportions, some of them in the frontal view.

    Parameters
    ----------
    points : (478, 3) landmarks, px of the picture.
    face : The same landmarks in the frontal view, see ``frontal``.
    length : From the eyes to the chin, px, see ``Geometry``.
    """
    p = face
    length = max(length, 1e-9)
    width = max(dist(p[MOUTH_CORNERS[1]], p[MOUTH_CORNERS[0]]), 1e-9)
    upper, lower = float(p[0, 1] - p[13, 1]), float(p[14, 1] - p[17, 1])
    inner = gaps(points, _INNER_LIPS)
    return {
        "gap": max(inner) / length,
        "gap_to_width": inner[1] / width,
        "inner_area": sum(inner) / (3 * length),
        "lips": (upper + lower) / length,
        "jaw": float(p[17, 1] - p[CHIN, 1]) / length,
    }


def smile_features(points: np.ndarray, face: np.ndarray, frame: AlignedFrame) -> dict[str, float]:
    """Features of the ``smile`` model: shape of mouth, cheeks and eyes, and the lines of the mouth in the picture.

    Lengths are in the frontal view, in outer eye distances. The mesh draws a slight smile straight; the lines do not.

    Parameters
    ----------
    points : (478, 3) landmarks, px of the picture.
    face : The same landmarks in the frontal view, see ``frontal``.
    frame : The face.
    """
    p = face
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
        **mouth_lines(frame),
    }


def mouth_lines(frame: AlignedFrame) -> dict[str, float]:
    """How steeply the lines around the mouth run up to the sides, -1..1; 0 for level lines.

    The slope of the structure tensor, ``2 sum(gx gy) / sum(gx^2 + gy^2)``, mean of a part and its mirror image. It is
    relative to the contrast of the part: it does not follow the brightness of the skin or of the light.
    """
    mouth = frame.level_crop(*MOUTH_CORNERS, _MOUTH_WIDTH, _MOUTH_CROP)
    grey = cv2.GaussianBlur(mouth.astype(np.float32), (0, 0), 1.2)
    sideways, upright = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    products, squares = sideways * upright, sideways * sideways + upright * upright

    def slope(left: int, upper: int, right: int, lower: int) -> float:
        part = slice(upper, lower), slice(left, right)
        return 2 * cv2.sumElems(products[part])[0] / (cv2.sumElems(squares[part])[0] + 1e-6)

    width = _MOUTH_CROP[0]
    return {
        name: (slope(width - right, upper, width - left, lower) - slope(left, upper, right, lower)) / 2
        for name, (left, upper, right, lower) in _PARTS.items()
    }


def frontal(points: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(478, 3) landmarks with the head rotated to face the camera; x right, y up, z toward the camera, px.

    Parameters
    ----------
    points : (478, 3) landmarks, px of the picture.
    rotation : (3, 3) of ``Pose``.
    """
    return (points * (1.0, -1.0, -1.0)) @ rotation
