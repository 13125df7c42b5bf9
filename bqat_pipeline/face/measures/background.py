"""The background: evenness (29794-5 7.3.2) and colour."""

from collections.abc import Mapping

import cv2
import numpy as np

from bqat_pipeline.face.colour import cielab, luminance
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.mapping import component


def measure(context: FaceContext) -> Mapping[str, object]:
    """Mean luminance gradient, share and mean colour of the background; None without background."""
    image, mask = context.background
    count = cv2.countNonZero(mask)
    values: dict[str, object] = {"aux_background_fraction": count / mask.size}
    if not count:
        return values
    light = luminance(image)
    red, green, blue, _ = cv2.mean(image, mask)
    lightness, a, b = cielab((red, green, blue))
    _, deviation = cv2.meanStdDev(light, mask=mask)
    return {
        **values,
        **component("background_uniformity", mean_gradient(light, mask)),
        "aux_background_colour": f"#{round(red):02x}{round(green):02x}{round(blue):02x}",
        "aux_background_lightness": lightness,
        "aux_background_chroma": float(np.hypot(a, b)),
        "aux_background_deviation": float(deviation[0, 0]),
    }


def mean_gradient(light: np.ndarray, mask: np.ndarray) -> float:
    """Mean magnitude of the Scharr gradient of a luminance image inside a mask."""
    x, y = cv2.Scharr(light, cv2.CV_32F, 1, 0), cv2.Scharr(light, cv2.CV_32F, 0, 1)
    return float(cv2.mean(cv2.magnitude(x, y), mask)[0])
