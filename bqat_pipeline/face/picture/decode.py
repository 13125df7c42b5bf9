"""A picture's pixels, converted from whatever the file holds to upright 8-bit sRGB with three channels.

Rules: EXIF orientation is applied; 16 bit and float are scaled to 8; grey is repeated to three channels; CMYK is
converted; transparent parts become white, with the warning ``transparent``; pixels with another embedded RGB profile
are converted to sRGB; of several frames or pages the first is read; a JPEG that is cut short is read as far as
possible, with the warning ``truncated``.

OpenCV reads the common formats, because it is fast. Pillow reads pictures with transparency, formats that OpenCV does
not know, and JPEG 2000 and TIFF: OpenCV's readers of these crash on some damaged files (CVE-2025-53644).
"""

import io
import os
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bqat_pipeline.face.errors import SourceError
from bqat_pipeline.face.picture.colour_profile import to_srgb
from bqat_pipeline.face.picture.pillow_pixels import Pixels, on_white, pixels_of
from bqat_pipeline.face.picture.probe import Header, opened, orientation_of

# A second limit behind our own; OpenCV reads it once, when it is imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 30))

import cv2

# JPEGs with a long side of at least this many px are decoded at half size: the eyes are still far enough apart there.
REDUCE_FROM = 2800
_BY_OPENCV = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "PPM")
_END_OF_JPEG = b"\xff\xd9"
# Function that undoes each EXIF orientation.
_UPRIGHT = {
    2: lambda a: cv2.flip(a, 1),
    3: lambda a: cv2.rotate(a, cv2.ROTATE_180),
    4: lambda a: cv2.flip(a, 0),
    5: cv2.transpose,
    6: lambda a: cv2.rotate(a, cv2.ROTATE_90_CLOCKWISE),
    7: lambda a: cv2.flip(cv2.transpose(a), -1),
    8: lambda a: cv2.rotate(a, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded, upright picture.

    Attributes
    ----------
    image : (h, w, 3) uint8 sRGB; half of width and height when it was decoded at half size.
    width, height : Size of the upright picture at full resolution, px.
    reduction : 1, or 2 when the picture was decoded at half size.
    warnings : Codes: ``truncated``, ``first_frame_only``, ``colour_profile_ignored``, ``transparent``.
    visible : False when every pixel is wholly transparent.
    """

    image: np.ndarray
    width: int
    height: int
    reduction: int = 1
    warnings: tuple[str, ...] = ()
    visible: bool = True


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
    pixels = None
    if header.format in _BY_OPENCV and not header.transparent and header.mode not in ("LAB", "F"):
        image, truncated = _by_opencv(content, header, reduction)
        if image is not None:
            pixels = Pixels(upright(image, header.orientation))
        if truncated:
            notes.append("truncated")
    if pixels is None:
        reduction, pixels = 1, _by_pillow(content, header)
    width, height = header.width, header.height
    if header.orientation >= 5:
        width, height = height, width
    if reduction == 1:
        height, width = pixels.image.shape[:2]
    return _finished(pixels, (width, height), reduction, notes, header.icc)


def _finished(
    pixels: Pixels, size: tuple[int, int], reduction: int, notes: list[str], icc: bytes | None = None
) -> Picture:
    """The picture of upright pixels, in sRGB."""
    image = pixels.image
    if pixels.transparent:
        notes.append("transparent")
    if icc:
        converted = to_srgb(image, icc)
        if converted is None:
            notes.append("colour_profile_ignored")
        else:
            image = converted
    return Picture(image, *size, reduction, tuple(notes), pixels.visible)


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """An image as stored, turned upright by its EXIF orientation, 1..8."""
    turn = _UPRIGHT.get(orientation)
    return turn(image) if turn else image


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
    rgb = np.ascontiguousarray(np.repeat(a[:, :, None], 3, axis=2) if a.ndim == 2 else a[:, :, :3])
    has_alpha = a.ndim == 3 and a.shape[2] == 4
    pixels = on_white(rgb, np.ascontiguousarray(a[:, :, 3])) if has_alpha else Pixels(rgb)
    return _finished(pixels, (width, height), 1, [])


def from_image(image: Image.Image, max_pixels: int) -> Picture:
    """The picture in a Pillow image, turned upright by its EXIF and converted to sRGB, like one from a file.

    Raises
    ------
    SourceError : when it has no pixels or too many, or cannot be decoded.
    """
    width, height = image.size
    if width < 1 or height < 1:
        raise SourceError("unreadable", "no_pixels", "the picture has no pixels")
    if width * height > max_pixels:
        sentence = f"the image has {width} x {height} px; the limit is {max_pixels / 1e6:.4g} MP (BQAT_MAX_PIXELS)"
        raise SourceError("too_large", "too_many_pixels", sentence)
    pixels = _decoded(image, 1 if image.format == "TIFF" else orientation_of(image))
    height, width = pixels.image.shape[:2]
    icc = image.info.get("icc_profile")
    return _finished(pixels, (width, height), 1, [], icc if isinstance(icc, bytes) else None)


def _is_huge(header: Header) -> bool:
    return max(header.width, header.height) >= REDUCE_FROM


def _by_opencv(content: bytes, header: Header, reduction: int) -> tuple[np.ndarray | None, bool]:
    """RGB image as stored, None when OpenCV cannot read it; and whether the file was cut short."""
    # OpenCV 5 refuses IMREAD_COLOR_RGB beside IMREAD_COLOR, of which IMREAD_REDUCED_COLOR_2 is a part.
    mode = cv2.IMREAD_COLOR_RGB | (cv2.IMREAD_REDUCED_GRAYSCALE_2 if reduction == 2 else 0)
    flags = mode | cv2.IMREAD_IGNORE_ORIENTATION
    buffer = np.frombuffer(content, np.uint8)
    image, truncated = _imdecode(buffer, flags), False
    if image is None and header.format in ("JPEG", "MPO"):
        # OpenCV refuses a JPEG without its end marker; with an added one it reads as far as the data go.
        image, truncated = _imdecode(np.frombuffer(content + _END_OF_JPEG, np.uint8), flags), True
    return image, truncated and image is not None


def _imdecode(buffer: np.ndarray, flags: int) -> np.ndarray | None:
    try:
        image: np.ndarray | None = cv2.imdecode(buffer, flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        return None
    return image


def _by_pillow(content: bytes, header: Header) -> Pixels:
    """Upright pixels of what OpenCV does not read."""
    # Pillow turns a TIFF itself.
    return _decoded(io.BytesIO(content), 1 if header.format == "TIFF" else header.orientation)


def _decoded(source: io.BytesIO | Image.Image, orientation: int) -> Pixels:
    """Upright pixels of a file or an image."""
    try:
        pixels = pixels_of(opened(source) if isinstance(source, io.BytesIO) else source)
    except MemoryError:
        raise
    except Exception as error:
        raise SourceError("unreadable", "decode_failed", f"the picture cannot be decoded: {error}") from error
    return pixels._replace(image=upright(pixels.image, orientation))
