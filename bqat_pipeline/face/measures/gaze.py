"""Whether the eyes look into the camera: angles of the lines of sight, with the pose of the head taken out."""

from math import asin, degrees, hypot, radians, sin

import numpy as np

from bqat_pipeline.face.geometry import Geometry
from bqat_pipeline.face.landmarks import IMG_LEFT_IRIS, IMG_RIGHT_IRIS
from bqat_pipeline.face.pose import Pose, yaw_cosine

# Lengths in inter-eye distances (of a face seen from the front; 63 mm in adults). The centre of the eyeball lies this
# far behind the middle of the eye's corners: regression of the offset on yaw (docs/measures.md).
_DEPTH = 0.107
# Shift of the iris for a sine of 1: 10.5 mm or 0.167 from the centre of the eyeball to the pupil as it is seen, times
# 0.63, the share that the net reports of the shifts of irises that were moved in real pictures. Eyes that look straight
# out of a turned head get the angle of the head then, as they should.
_RADIUS = 0.105
# Where the irises lie above the corners' line when the eyes look straight ahead: mean of the same portraits.
_RAISED = 0.0286
_IRISES = np.array((IMG_LEFT_IRIS[0], IMG_RIGHT_IRIS[0]))  # their middles
_SMALLEST = 30.0  # px between the eyes; an iris then has a diameter of 5 to 6 px
_TURNED = 40.0  # degrees of yaw beyond which the nose hides one eye, or the net invents it


def angles(points: np.ndarray, geometry: Geometry, pose: Pose) -> tuple[float, float] | None:
    """Degrees between the lines of sight and the line to the camera; None for eyes too small or turned too far.

    Sideways (above 0 toward the image right) and up and down (above 0 downwards), along the line through the eyes and
    across it. An eyeball turns about a centre that is fixed in the head; a turned head moves that centre away from the
    middle of the eye's corners, which is corrected for yaw. Pitch is not corrected for: its error would be larger than
    what it corrects.

    Parameters
    ----------
    points : (478, 3) landmarks, px of the picture.
    """
    cosine = yaw_cosine(pose.yaw)
    if abs(pose.yaw) > _TURNED or cosine is None or geometry.eye_distance < _SMALLEST:
        return None
    unit = geometry.eye_distance / cosine
    (left_x, left_y), (right_x, right_y) = geometry.img_left_eye.tolist(), geometry.img_right_eye.tolist()
    along_x, along_y = (right_x - left_x) / geometry.eye_distance, (right_y - left_y) / geometry.eye_distance
    (first_x, first_y), (second_x, second_y) = points[_IRISES, :2].tolist()
    # Mean offset of the irises from the middles of the eyes' corners.
    offset_x = (first_x + second_x - left_x - right_x) / (2 * unit)
    offset_y = (first_y + second_y - left_y - right_y) / (2 * unit)
    x = offset_x * along_x + offset_y * along_y + _DEPTH * sin(radians(pose.yaw))
    y = offset_y * along_x - offset_x * along_y + _RAISED
    return _angle(x), _angle(y)


def deviation(x: float, y: float) -> float:
    """Degrees between the lines of sight and the line to the camera, from both angles."""
    return hypot(x, y)


def _angle(shift: float) -> float:
    return degrees(asin(min(max(shift / _RADIUS, -1.0), 1.0)))
