"""Colour of the skin (29794-5 7.3.10)."""

from collections.abc import Mapping

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.mapping import component
from bqat_pipeline.face.picture.colour import cielab


def measure(context: FaceContext) -> Mapping[str, object]:
    """Distance of the cheeks' colour from the range of skin colours, and whether the picture is grey."""
    grey = context.is_grey
    return {
        **component("natural_colour", 0.0 if grey else cheek_colour_distance(context)),
        "aux_is_grey": grey,
    }


def cheek_colour_distance(context: FaceContext) -> float | None:
    """Distance D of the cheeks' mean colour from the range of skin colours, see ``skin_distance``."""
    if context.cheeks is None:
        return None
    face = context.face
    means = [
        cv2.mean(cv2.copyTo(face.cut(face.image, zone), face.cut(face.mask, zone)))
        for zone in (context.cheeks.img_left, context.cheeks.img_right)
    ]
    red, green, blue, _ = ((left + right) / 2 for left, right in zip(*means, strict=True))
    _, a, b = cielab((red, green, blue))
    return skin_distance(a, b)


def skin_distance(a: float, b: float) -> float:
    """Distance D in CIELAB (D50) of (a*, b*) from the range a* 5..25, b* 5..35; 100 when a* or b* is below 0."""
    if a < 0 or b < 0:
        return 100.0
    return float(np.hypot(max(0.0, 5 - a, a - 25), max(0.0, 5 - b, b - 35)))
