"""Embedded colour profiles: pictures become sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms


def to_srgb(image: np.ndarray, icc: bytes) -> np.ndarray | None:
    """The image in sRGB; unchanged when the profile is sRGB or not for RGB; None when the profile is damaged."""
    kind, transform = _profile(icc)
    if kind == "damaged":
        return None
    if transform is None:
        return image
    converted = ImageCms.applyTransform(Image.fromarray(image), transform)
    return image if converted is None else np.array(converted)


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """A picture of mode LAB as RGB."""
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # not in place
    return converted


@lru_cache(maxsize=16)
def _profile(icc: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """``same``, ``other`` (with the transform) or ``damaged``."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space.strip() != "RGB" or "srgb" in ImageCms.getProfileDescription(profile).lower():
            return "same", None
        return "other", ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    except Exception:  # noqa: BLE001 - profiles come from outside
        return "damaged", None
