"""The background: evenness (29794-5 7.3.2) and colour."""

from collections.abc import Mapping
from math import sqrt

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.mapping import component
from bqat_pipeline.face.picture.colour import cielab
from bqat_pipeline.face.regions import BACKGROUND_SIZE

_CROP = BACKGROUND_SIZE[0] * BACKGROUND_SIZE[1]  # px


def measure(context: FaceContext) -> Mapping[str, object]:
    """Mean luminance gradient, share and mean colour of the background; only the share (0) when there is none."""
    image, mask = context.background
    count = cv2.countNonZero(mask)
    values: dict[str, object] = {"aux_background_fraction": min(1.0, count / _CROP)}
    if not count:
        return values
    light = context.background_light
    # Norms of single planes are several times faster than OpenCV's masked means.
    red, green, blue = (cv2.norm(plane, cv2.NORM_L1, mask) / count for plane in cv2.split(image))
    lightness, a, b = cielab((red, green, blue))
    mean = cv2.norm(light, cv2.NORM_L1, mask) / count
    deviation = sqrt(max(0.0, cv2.norm(light, cv2.NORM_L2SQR, mask) / count - mean**2))
    return {
        **values,
        **component("background_uniformity", mean_gradient(light, mask)),
        "aux_background_colour": f"#{round(red):02x}{round(green):02x}{round(blue):02x}",
        "aux_background_lightness": lightness,
        "aux_background_chroma": float(np.hypot(a, b)),
        "aux_background_deviation": deviation,
    }


def mean_gradient(light: np.ndarray, mask: np.ndarray) -> float:
    """Mean magnitude of the Scharr gradient inside a mask.

    Parameters
    ----------
    light : (h, w) uint8 luminance.
    mask : (h, w) uint8, 255 inside.
    """
    x, y = cv2.Scharr(light, cv2.CV_32F, 1, 0), cv2.Scharr(light, cv2.CV_32F, 0, 1)
    count = cv2.countNonZero(mask)
    return cv2.norm(cv2.magnitude(x, y, magnitude=x), cv2.NORM_L1, mask) / count if count else 0.0
