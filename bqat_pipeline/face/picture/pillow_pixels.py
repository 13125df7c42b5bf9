"""Pixels of a Pillow image of any mode, as viewers show them: 8-bit RGB, transparent parts white."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from bqat_pipeline.face.picture.colour_profile import lab_to_srgb

_BITS_PER_SAMPLE = 258  # tag of TIFF
# Many programs write an alpha channel of zeros into these formats; like viewers, we ignore it then.
_ALPHA_MAY_BE_UNUSED = ("BMP", "DIB", "TGA")


class Pixels(NamedTuple):
    """Decoded pixels.

    Attributes
    ----------
    image : (h, w, 3) uint8 RGB.
    transparent : Whether at least one pixel is wholly or partly transparent.
    visible : Whether at least one pixel is not wholly transparent.
    """

    image: np.ndarray
    transparent: bool = False
    visible: bool = True


def pixels_of(image: Image.Image) -> Pixels:
    """Pixels of an image as stored, before its orientation is applied.

    Raises
    ------
    OSError, ValueError, SyntaxError and others : from Pillow, for damaged files.
    """
    image.load()
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image)
        grey = np.repeat(_scaled(values, _full_scale(image, values))[:, :, None], 3, axis=2)
        hidden = image.info.get("transparency")
        if not isinstance(hidden, int):
            return Pixels(grey)
        return on_white(grey, np.where(values == hidden, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        rgba = np.asarray((image.convert("LA") if image.mode == "La" else image).convert("RGBA"))
        rgb, alpha = np.ascontiguousarray(rgba[:, :, :3]), np.ascontiguousarray(rgba[:, :, 3])
        unused = image.format in _ALPHA_MAY_BE_UNUSED and not alpha.any()
        return Pixels(rgb) if unused else on_white(rgb, alpha)
    return Pixels(np.array((lab_to_srgb(image) if image.mode == "LAB" else image).convert("RGB")))


def on_white(image: np.ndarray, alpha: np.ndarray) -> Pixels:
    """An image composited on white.

    Parameters
    ----------
    image : (h, w, 3) uint8.
    alpha : (h, w) uint8, 255 where opaque.
    """
    if alpha.min(initial=255) == 255:
        return Pixels(image)
    canvas = Image.new("RGB", (image.shape[1], image.shape[0]), "white")
    canvas.paste(Image.fromarray(image), mask=Image.fromarray(alpha))
    return Pixels(np.array(canvas), True, bool(alpha.any()))


def _full_scale(image: Image.Image, values: np.ndarray) -> float:
    """The value of white: for integers from the number of bits; for floats 1, or 255 when a value is above 1.

    Files of 32 bits hold values of 8 or 16 bits in practice, so the largest value decides.
    """
    if np.issubdtype(values.dtype, np.floating):
        return 1.0 if np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).max(initial=0.0) <= 1.0 else 255.0
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
    if bits == 32:
        largest = int(values.max(initial=0))
        return next((float(white) for white in (255, 65535) if largest <= white), float(np.iinfo(values.dtype).max))
    return float(2**bits - 1) if isinstance(bits, int) and 8 < bits < 16 else 65535.0


def _scaled(values: np.ndarray, full: float) -> np.ndarray:
    """Grey values of a wider type as uint8; NaN and infinity become 0."""
    clean = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(clean * (255 / full), 0, 255).astype(np.uint8)
