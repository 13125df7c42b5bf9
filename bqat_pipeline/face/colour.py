"""Linear luminance and CIELAB, as ISO/IEC 29794-5 (OFIQ) computes them."""

import cv2
import numpy as np

_SRGB = np.arange(256) / 255
# Clause-independent: the sRGB transfer function, IEC 61966-2-1.
LINEAR = np.where(_SRGB > 0.04045, ((_SRGB + 0.055) / 1.055) ** 2.4, _SRGB / 12.92)
_LUMINANCE_TABLE = (255 * LINEAR[:, None] * (0.2126, 0.7152, 0.0722)).astype(np.float32).reshape(256, 1, 3)
_SUM = np.ones((1, 3), np.float32)

# Linear sRGB to XYZ, adapted to D50, and its white point.
_TO_XYZ = np.array([[0.43605, 0.38508, 0.14309], [0.22249, 0.71689, 0.06062], [0.01393, 0.09710, 0.71419]])
_WHITE = np.array([0.964221, 1.0, 0.825211])
_EPSILON = 216 / 24389
# 24289 instead of 24389 is OFIQ's constant; the effect is nil and equal results matter more.
_KAPPA = 24289 / 27


def luminance(image: np.ndarray) -> np.ndarray:
    """(H, W) uint8 linear luminance, floor(255 Y + 0.5), of an (H, W, 3) uint8 sRGB image."""
    weighted = cv2.LUT(np.ascontiguousarray(image), _LUMINANCE_TABLE)
    return cv2.convertScaleAbs(cv2.transform(weighted, _SUM))


def cielab(rgb: np.ndarray | tuple[float, float, float]) -> tuple[float, float, float]:
    """L*, a*, b* (D50) of a mean sRGB colour, three values 0..255, averaged before it is linearised."""
    c = np.asarray(rgb, dtype=np.float64) / 255
    linear = np.where(c > 0.04045, ((c + 0.055) / 1.055) ** 2.4, c / 12.92)
    t = _TO_XYZ @ linear / _WHITE
    x, y, z = np.where(t > _EPSILON, np.cbrt(t), (_KAPPA * t + 16) / 116)
    return float(116 * y - 16), float(500 * (x - y)), float(200 * (y - z))
