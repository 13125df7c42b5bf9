"""A picture's pixels: upright, 8-bit, sRGB, three channels, whatever the file stored.

Rules: EXIF orientation is applied; 16 bit and float are scaled to 8; grey is repeated to three channels; CMYK is
converted; alpha is dropped and the colours below it are kept; embedded RGB profiles other than sRGB are converted; of
several frames or pages the first is read; a JPEG cut short is read as far as it goes, with the warning ``truncated``.
"""

import io
import os
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms, ImageOps

from bqat_pipeline.face.errors import SourceError
from bqat_pipeline.face.probe import FORMATS, Header

# A second guard behind our own limit; OpenCV reads it once, when it is imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 30))

import cv2

# JPEGs with a long side of at least this many px are decoded at half size: the eyes are still far enough apart there.
REDUCE_FROM = 2800
_BY_OPENCV = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "JPEG2000", "PPM")
_END_OF_JPEG = b"\xff\xd9"
# Pillow's transposition that undoes each EXIF orientation.
_UPRIGHT = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded, upright picture.

    Attributes
    ----------
    image : (h, w, 3) uint8 sRGB; smaller than width and height when it was decoded at reduced size.
    width, height : Size of the upright picture at full resolution, px.
    reduction : 1, or 2 when the picture was decoded at half size.
    warnings : Codes of findings: ``truncated``, ``first_frame_only``, ``colour_profile_ignored``.
    """

    image: np.ndarray
    width: int
    height: int
    reduction: int = 1
    warnings: tuple[str, ...] = ()


def decode(content: bytes, header: Header, reduce: bool = True) -> Picture:
    """The picture in a file's bytes.

    Parameters
    ----------
    header : As ``probe`` read it.
    reduce : Whether a huge JPEG may be decoded at half size.

    Raises
    ------
    SourceError : when no pixel can be decoded.
    """
    notes = ["first_frame_only"] if header.several else []
    reduction = 2 if reduce and header.format in ("JPEG", "MPO") and _is_huge(header) else 1
    image = None
    if header.format in _BY_OPENCV and header.mode not in ("LAB", "F"):
        image, truncated = _by_opencv(content, header, reduction)
        if truncated:
            notes.append("truncated")
    if image is None:
        reduction, image = 1, _by_pillow(content)
    width, height = header.width, header.height
    if header.orientation >= 5:
        width, height = height, width
    if reduction == 1:
        height, width = image.shape[:2]
    if header.icc:
        converted = _to_srgb(image, header.icc)
        if converted is None:
            notes.append("colour_profile_ignored")
        else:
            image = converted
    return Picture(image, width, height, reduction, tuple(notes))


def from_array(array: np.ndarray, max_pixels: int) -> Picture:
    """The picture in an (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) array of RGB, uint8 or uint16.

    Raises
    ------
    SourceError : when the array has another shape or type, no pixels or too many.
    """
    a = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.dtype not in (np.uint8, np.uint16) or not (a.ndim == 2 or (a.ndim == 3 and a.shape[2] in (3, 4))):
        sentence = f"array of shape {array.shape} and type {array.dtype}; expected (H, W[, 3]) of uint8 or uint16"
        raise SourceError("unreadable", "not_a_picture", sentence)
    if a.size == 0:
        raise SourceError("unreadable", "no_pixels", "the picture has no pixels")
    height, width = a.shape[:2]
    if width * height > max_pixels:
        sentence = f"the array has {width} x {height} px; the limit is {max_pixels / 1e6:.4g} MP (BQAT_MAX_PIXELS)"
        raise SourceError("too_large", "too_many_pixels", sentence)
    if a.dtype == np.uint16:
        a = (a >> 8).astype(np.uint8)
    a = np.repeat(a[:, :, None], 3, axis=2) if a.ndim == 2 else a[:, :, :3]
    return Picture(np.ascontiguousarray(a), width, height)


def _is_huge(header: Header) -> bool:
    return max(header.width, header.height) >= REDUCE_FROM


def _by_opencv(content: bytes, header: Header, reduction: int) -> tuple[np.ndarray | None, bool]:
    """Upright RGB image, or None, and whether the file was cut short."""
    # OpenCV 5 refuses IMREAD_COLOR_RGB beside IMREAD_COLOR, of which IMREAD_REDUCED_COLOR_2 is a part.
    mode = cv2.IMREAD_COLOR_RGB | (cv2.IMREAD_REDUCED_GRAYSCALE_2 if reduction == 2 else 0)
    # OpenCV 4.11 ignores the orientation of WebP, later ones do not: apply it ourselves in both.
    own_orientation = header.format in ("WEBP", "JPEG2000")
    flags = mode | (cv2.IMREAD_IGNORE_ORIENTATION if own_orientation else 0)
    buffer = np.frombuffer(content, np.uint8)
    image, truncated = _imdecode(buffer, flags), False
    if image is None and header.format in ("JPEG", "MPO"):
        # OpenCV refuses a JPEG without its end marker; with one it reads what is there.
        image, truncated = _imdecode(np.frombuffer(content + _END_OF_JPEG, np.uint8), flags), True
    if image is None:
        return None, False
    if own_orientation and header.orientation in _UPRIGHT:
        image = np.ascontiguousarray(_UPRIGHT[header.orientation](image))
    return image, truncated


def _imdecode(buffer: np.ndarray, flags: int) -> np.ndarray | None:
    try:
        image: np.ndarray | None = cv2.imdecode(buffer, flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        return None
    return image


def _by_pillow(content: bytes) -> np.ndarray:
    """Upright RGB image of formats and modes that OpenCV does not read (GIF, AVIF, Lab, float)."""
    try:
        stored = Image.open(io.BytesIO(content), formats=FORMATS)
        stored.load()
        image = ImageOps.exif_transpose(stored)
        if image.mode.startswith("I") or image.mode == "F":
            return np.repeat(_scaled(np.asarray(image))[:, :, None], 3, axis=2)
        if image.mode == "LAB":
            image = _lab_to_srgb(image)
        return np.array(image.convert("RGB"))
    except MemoryError:
        raise
    except Exception as error:
        raise SourceError("unreadable", "decode_failed", f"the picture cannot be decoded: {error}") from error


def _scaled(values: np.ndarray) -> np.ndarray:
    """Grey values of a wider type as uint8: integers from 0..65535, floats from 0..1 or 0..255; NaN becomes 0."""
    clean = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    unit = clean.max(initial=0.0) <= 1.0
    full = (1.0 if unit else 255.0) if np.issubdtype(values.dtype, np.floating) else 65535.0
    return np.clip(clean * (255 / full), 0, 255).astype(np.uint8)


def _lab_to_srgb(image: Image.Image) -> Image.Image:
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # not in place
    return converted


def _to_srgb(image: np.ndarray, icc: bytes) -> np.ndarray | None:
    """The image in sRGB; unchanged when the profile is sRGB or not for RGB; None when the profile is damaged."""
    kind, transform = _profile(icc)
    if kind == "damaged":
        return None
    if transform is None:
        return image
    converted = ImageCms.applyTransform(Image.fromarray(image), transform)
    return image if converted is None else np.array(converted)


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
