"""Size and place of head and face in the picture."""

from collections.abc import Mapping
from math import hypot

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext, Person
from bqat_pipeline.face.landmarks import CONTOUR, FOREHEAD_TOP, HEAD_SIDES, NOSE_ROOT
from bqat_pipeline.face.mapping import component

_CONTOUR = np.array(CONTOUR)
_OUTLINE = np.array((*CONTOUR, FOREHEAD_TOP))  # ear, chin, ear, forehead
_PERSON = 0.5  # probability from which a pixel belongs to the person
_BRIDGE = 0.08  # share of T; a longer gap in the segmentation above the forehead ends the head


def measure(context: FaceContext) -> Mapping[str, object]:
    """Head size, margins and crops (29794-5), position as ISO/IEC 39794-5 defines it, BQAT's head box and offset."""
    g, width, height = context.geometry, context.width, context.height
    distance, length = g.eye_distance, g.length
    root = context.points[NOSE_ROOT]
    return {
        **component("head_size", length / height),
        **component("leftward_crop_of_the_face_image", g.img_right_eye[0] / distance if distance else None),
        **component("rightward_crop_of_the_face_image", (width - g.img_left_eye[0]) / distance if distance else None),
        **component("margin_above_of_the_face_image", g.eye_midpoint[1] / length if length else None),
        **component("margin_below_of_the_face_image", (height - g.eye_midpoint[1]) / length if length else None),
        "face_offset_x": (root[0] - width / 2) / width,
        "face_offset_y": (root[1] - height / 2) / height,
        **head_box(context),
        "aux_face_position_x": g.eye_midpoint[0] / width,
        "aux_face_position_y": g.eye_midpoint[1] / height,
        "aux_head_width_ratio": head_width(context) / width,
        "aux_head_length_ratio": 2 * length / height,
        "aux_image_aspect": width / height,
        "aux_border_contact": outside_share(context),
        "aux_aligned_scale": context.aligned.scale,
    }


def head_width(context: FaceContext) -> float:
    """Width of the skin contour at ear level, along the line of the eyes, px; without ears, so slightly too small."""
    a, b = (context.points[v, :2] for v in HEAD_SIDES)
    axis = context.geometry.img_right_eye - context.geometry.img_left_eye
    return abs(float((b - a) @ axis)) / max(hypot(*axis), 1e-9)


def outside_share(context: FaceContext) -> float:
    """Share of the face's contour (ear, chin, ear, forehead) that lies outside the picture, 0..1."""
    right, lower = context.width - 1, context.height - 1
    inside = sum(0 <= x <= right and 0 <= y <= lower for x, y in context.points[_OUTLINE, :2].tolist())
    return 1 - inside / _OUTLINE.size


def head_box(context: FaceContext) -> Mapping[str, object]:
    """BQAT's head box, px: sides and bottom by the landmarks, top with hair by the person segmentation, if any."""
    contour = context.points[_CONTOUR, :2]
    low, high = contour.min(axis=0), contour.max(axis=0)
    top = None
    if context.has_person:
        found = head_top(context.person, float(low[0]), float(high[0]), context)
        top = -1 if found is None else found
    return {
        "head_top": top,
        "head_bottom": high[1],
        "head_right": high[0],
        "head_left": low[0],
    }


def head_top(person: Person, left: float, right: float, context: FaceContext) -> float | None:
    """Top of the head with hair between two columns, px of the picture; None when no person was segmented there.

    The search goes up from the forehead until the person ends, so that another person behind does not count.

    Parameters
    ----------
    left, right : Columns, px of the picture.
    """
    (sx, _, ox), (_, sy, oy) = person.matrix
    first, last = (min(max(round(sx * x + ox), 0), person.probability.shape[1] - 1) for x in (left, right))
    highest = cv2.reduce(person.probability[:, first : last + 1], 1, cv2.REDUCE_MAX)
    rows = [value >= _PERSON for value in highest.ravel().tolist()]
    forehead = float(context.points[FOREHEAD_TOP, 1])
    start = min(max(round(sy * forehead + oy), 0), len(rows) - 1)
    bridge = max(1, round(_BRIDGE * context.geometry.length * sy))
    if not any(rows[max(0, start - bridge) : start + bridge + 1]):
        return None
    top, missing = start, 0
    for row in range(start, -1, -1):
        missing = 0 if rows[row] else missing + 1
        if missing > bridge:
            break
        top = row if rows[row] else top
    return max(0.0, (top - 0.5 - oy) / sy + 0.5)
