"""Features that the attribute models decide from: pure functions of landmarks and the aligned frame."""

from math import dist, hypot, log

import cv2
import numpy as np

from bqat_pipeline.face.alignment import AlignedFrame
from bqat_pipeline.face.geometry import Geometry, distance, largest_gap, lid_gaps
from bqat_pipeline.face.landmarks import (
    CHIN,
    IMG_LEFT_EYE_CORNERS,
    IMG_RIGHT_EYE_CORNERS,
    INNER_LIP_PAIRS,
    MOUTH_CORNERS,
    NOSE_TIP,
)


def frontal(points: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(478, 3) landmarks with the head turned to the front; x right, y up, z toward the camera, px."""
    return (points * (1.0, -1.0, -1.0)) @ rotation


def eye_features(points: np.ndarray, frame: AlignedFrame) -> tuple[dict[str, float], dict[str, float]]:
    """Features of the subject's right eye (image left) and of the left eye (image right)."""
    right, left = (
        {"log_openness": _log(openness), "sideways_edges": edges}
        for openness, edges in zip(eye_openness(points), _sideways_edges(frame), strict=True)
    )
    return right, left


def eye_openness(points: np.ndarray) -> tuple[float, float]:
    """Largest lid gap divided by the distance of the eye's corners: subject's right eye, subject's left eye."""
    gaps = lid_gaps(points)
    widths = [distance(points[a], points[b]) for a, b in (IMG_LEFT_EYE_CORNERS, IMG_RIGHT_EYE_CORNERS)]
    right, left = (gap / width if width else 0.0 for gap, width in zip(gaps, widths, strict=True))
    return right, left


def _sideways_edges(frame: AlignedFrame) -> tuple[float, float]:
    """Mean horizontal gradient along the opening of the eye on the image left and right, relative to its contrast.

    An open eye changes from white to iris and back along its axis; a closed one is a single line. The mesh tends
    to see an eye open when the other one is, this does not.
    """
    crops = np.vstack([_eye_crop(frame, corners) for corners in (IMG_LEFT_EYE_CORNERS, IMG_RIGHT_EYE_CORNERS)])
    # Both eyes in one picture: neither filter reaches from one into the middle of the other.
    grey = cv2.GaussianBlur(cv2.cvtColor(crops, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.8)
    gradient = cv2.Sobel(grey, cv2.CV_32F, 1, 0)

    def edges(top: int) -> float:
        inner = gradient[top + 10 : top + 22, 10:38]
        _, deviation = cv2.meanStdDev(grey[top + 8 : top + 24, 8:40])
        return cv2.norm(inner, cv2.NORM_L1) / inner.size / (float(deviation[0, 0]) + 2)

    return edges(0), edges(_EYE_CROP[1])


def _eye_crop(frame: AlignedFrame, corners: tuple[int, int]) -> np.ndarray:
    """(32, 48, 3) uint8: an eye with its corners level and 40 px apart."""
    a, b = (frame.local(frame.points[v]) for v in corners)
    x, y = b - a
    length = max(hypot(x, y), 1e-9)
    linear = np.array([[x, y], [-y, x]]) * (_EYE_WIDTH / length**2)
    matrix = np.column_stack([linear, np.array([_EYE_CROP[0] / 2, _EYE_CROP[1] / 2]) - linear @ ((a + b) / 2)])
    return cv2.warpAffine(frame.image, matrix, _EYE_CROP, borderMode=cv2.BORDER_REPLICATE)


def _log(value: float) -> float:
    return log(max(value, 1e-3))


def mouth_features(points: np.ndarray, rotation: np.ndarray) -> dict[str, float]:
    """Gaps and proportions of the mouth, with the head's pose removed where it matters."""
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
    """Shape of mouth, cheeks and eyes with the head's pose removed, in units of the outer eye distance."""
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


def glasses_features(frame: AlignedFrame) -> dict[str, float]:
    """Edges where frames run, in the aligned frame, relative to the contrast of the face around the eyes.

    Frames make long horizontal edges on the nose bridge, below the eyes and beside them; reflections and dark lenses
    change the brightness around the eyes.
    """
    left, upper, right, lower = _EYE_BAND
    band = frame.cut(left, upper, right, lower)
    if band is None:
        return dict.fromkeys(GLASSES_FEATURES, 0.0)
    grey = cv2.cvtColor(np.ascontiguousarray(band), cv2.COLOR_RGB2GRAY)
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


# Part of the aligned frame that frames of glasses cross: left, upper, right, lower, px.
_EYE_BAND = (180, 236, 436, 344)
# Crop of one eye: width of the eye in it, and its size, px.
_EYE_WIDTH = 40
_EYE_CROP = (48, 32)
GLASSES_FEATURES = (
    "bridge", "bridge_median", "under_weak", "under_strong", "beside_weak", "beside_strong", "corner_weak",
    "corner_strong", "eye_darkness", "glare", "texture",
)  # fmt: skip
