"""Linear luminance and CIELAB, as ISO/IEC 29794-5 (OFIQ) computes them; whether a picture has colours."""

from math import cbrt

import cv2
import numpy as np

_SRGB = np.arange(256) / 255
# Linear value 0..1 of each 8-bit sRGB value, by the transfer function of IEC 61966-2-1.
LINEAR = np.where(_SRGB > 0.04045, ((_SRGB + 0.055) / 1.055) ** 2.4, _SRGB / 12.92)
_LINEAR_255 = (255 * LINEAR).astype(np.float32)
_LUMINANCE = np.array([[0.2126, 0.7152, 0.0722]], np.float32)

# Linear sRGB to XYZ, adapted to D50, and its white point.
_TO_XYZ = ((0.43605, 0.38508, 0.14309), (0.22249, 0.71689, 0.06062), (0.01393, 0.09710, 0.71419))
_WHITE = (0.964221, 1.0, 0.825211)
_EPSILON = 216 / 24389
# OFIQ has 24289 for CIE's 24389; the effect is negligible, and equal results matter more.
_KAPPA = 24289 / 27


def luminance(image: np.ndarray) -> np.ndarray:
    """(H, W) uint8 linear luminance, floor(255 Y + 0.5), of an (H, W, 3) uint8 sRGB image."""
    linear = cv2.LUT(np.ascontiguousarray(image), _LINEAR_255)
    return cv2.convertScaleAbs(cv2.transform(linear, _LUMINANCE))


def is_grey(image: np.ndarray) -> bool:
    """Whether red, green and blue are equal in every pixel of an (h, w, 3) uint8 image."""
    # One pixel first, then a few: they settle it for most pictures.
    red, green, blue = image[image.shape[0] // 2, image.shape[1] // 2].tolist()
    if not red == green == blue:
        return False
    probe = image[:: max(1, image.shape[0] // 16), :: max(1, image.shape[1] // 16)]
    if not ((probe[..., 0] == probe[..., 1]) & (probe[..., 1] == probe[..., 2])).all():
        return False
    planes = cv2.split(image)
    return all(cv2.norm(plane, planes[1], cv2.NORM_INF) == 0 for plane in (planes[0], planes[2]))


def cielab(rgb: np.ndarray | tuple[float, float, float]) -> tuple[float, float, float]:
    """L*, a*, b* (D50) of an sRGB colour, 0..255 each. As in OFIQ, a mean colour is taken before it is linearised."""
    red, green, blue = (_linear(float(c) / 255) for c in rgb)
    x, y, z = (
        _curve((a * red + b * green + c * blue) / white) for (a, b, c), white in zip(_TO_XYZ, _WHITE, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(c: float) -> float:
    return ((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92


def _curve(t: float) -> float:
    return cbrt(t) if t > _EPSILON else (_KAPPA * t + 16) / 116
