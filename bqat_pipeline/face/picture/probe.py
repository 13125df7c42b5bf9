"""A picture's header, read before any pixel is decoded: format, size, orientation, colour profile, compression."""

import io
import re
import warnings
from dataclasses import dataclass, field
from typing import IO

# The plug-ins are named so that Pillow does not load all of its fifty on the first picture.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TgaImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from bqat_pipeline.face.errors import SourceError
from bqat_pipeline.face.picture.face_record import face_record
from bqat_pipeline.face.picture.file_facts import NO_FACTS, FileFacts, file_facts

try:
    import pillow_heif

    pillow_heif.register_heif_opener()
    _HEIF: tuple[str, ...] = ("HEIF",)
except ImportError:  # the extra `heic` is not installed
    _HEIF = ()

# Raster formats only: no format whose reader starts another program (EPS) or renders markup.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "AVIF", "PPM", "ICO", "TGA", *_HEIF)
_ORIENTATION = 0x0112
# What makes a picture upright, by its orientation (Exif 2.32, 4.6.4).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Key under which `opened` keeps the XMP packet: under Pillow's own keys, Pillow would take an orientation from it.
_XMP = "packet of XMP"
# Signatures that only pictures begin with: a file that has one and cannot be opened is damaged or cut short.
_SIGNATURES = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "WebP"),
    (re.compile(rb"II\*\0|MM\0\*"), "TIFF"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb".{4}ftypavi[fs]", re.DOTALL), "AVIF"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """A picture's header.

    Attributes
    ----------
    format : Pillow's name of the format, detected from the content.
    width, height : Stored size, px, before the orientation tag is applied.
    mode : Pillow's pixel mode, for example ``RGB``, ``CMYK``, ``I;16``.
    orientation : EXIF orientation 1..8; 1 when there is none or it is invalid. Orientations in other places (XMP, EXIF
        after the pixels of a PNG) are ignored, whichever library decodes the picture.
    icc : Embedded colour profile, or None.
    several : Whether the file holds more than one frame or page.
    transparent : Whether there is an alpha channel or a transparent colour; every pixel may still be opaque.
    progressive : Whether a JPEG is progressive.
    luma_table : The 64 quantisation steps of a JPEG's luminance, row by row, or None.
    subsampling : Chroma subsampling of a JPEG (``4:2:0``), or None.
    facts : Origin of the file by its EXIF and XMP.
    """

    format: str
    width: int
    height: int
    mode: str
    orientation: int = 1
    icc: bytes | None = None
    several: bool = False
    transparent: bool = False
    progressive: bool = False
    luma_table: tuple[int, ...] | None = field(default=None, repr=False)
    subsampling: str | None = None
    facts: FileFacts = NO_FACTS


def opened(stream: IO[bytes]) -> Image.Image:
    """A picture of a known format with its pixels not yet decoded. Only its EXIF decides on its orientation.

    Raises
    ------
    OSError, ValueError, SyntaxError and others : from Pillow, when it is not a picture of a known format.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of sizes that we refuse ourselves
        image = Image.open(stream, formats=FORMATS)
    for key in ("xmp", "XML:com.adobe.xmp"):  # where Pillow looks for an orientation that EXIF lacks
        packet = image.info.pop(key, None)
        if packet:
            image.info[_XMP] = packet
    return image


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation 1..8 of an image as stored; Pillow itself turns a TIFF upright when it decodes it."""
    try:
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            value = image.tag_v2.get(_ORIENTATION, 1)
        elif block := image.info.get("exif"):
            exif = Image.Exif()
            exif.load(block)
            value = exif.get(_ORIENTATION, 1)
        else:
            value = 1
    except Exception:  # noqa: BLE001 - damaged EXIF is common and harmless
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turned_upright(image: Image.Image) -> Image.Image:
    """A Pillow image turned by its orientation, as the engine reads it; the result carries no EXIF.

    Not ``ImageOps.exif_transpose``: it writes the EXIF anew, and fails where another of its entries is damaged.

    Raises
    ------
    OSError, ValueError, SyntaxError and others : from Pillow, for damaged files.
    """
    orientation = 1 if isinstance(image, TiffImagePlugin.TiffImageFile) else orientation_of(image)
    image.load()  # of a TIFF, turns it
    turned = image.transpose(_TURNS[orientation]) if orientation in _TURNS else image
    turned.info.pop("exif", None)
    return turned


def probe(content: bytes, max_pixels: int) -> Header:
    """The header of a picture.

    Raises
    ------
    SourceError : when the content is not a picture of a known format, or has more than ``max_pixels`` pixels.
    """
    try:
        image = opened(io.BytesIO(content))
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(_number_in(str(error)), max_pixels) from error
    except Exception as error:
        if record := face_record(content):
            raise SourceError("unreadable", "face_record", record) from error
        if name := _format_of_start(content):
            sentence = f"the file begins like a picture ({name}), but is damaged or cut short"
            raise SourceError("unreadable", "decode_failed", sentence) from error
        raise SourceError("unreadable", "not_a_picture", "the content is not a picture of a known format") from error
    width, height = image.size
    orientation = orientation_of(image)
    if image.format == "TIFF" and orientation >= 5:  # Pillow has turned the size already
        width, height = height, width
    if width * height > max_pixels:
        raise _too_many_pixels(width * height, max_pixels)
    if width < 1 or height < 1:
        raise SourceError("unreadable", "no_pixels", "the picture has no pixels")
    jpeg = image.format in ("JPEG", "MPO")
    tables = getattr(image, "quantization", None) if jpeg else None
    return Header(
        format=image.format or "",
        width=width,
        height=height,
        mode=image.mode,
        orientation=orientation,
        icc=_bytes_or_none(image.info.get("icc_profile")),
        several=_several(image),
        transparent=_transparent(image),
        progressive=bool(image.info.get("progressive")),
        luma_table=tuple(tables[0]) if tables and 0 in tables and len(tables[0]) == 64 else None,
        subsampling=_subsampling(image) if jpeg else None,
        facts=_facts(image, content),
    )


def _too_many_pixels(pixels: int, limit: int) -> SourceError:
    sentence = f"the picture has {pixels / 1e6:.4g} MP; the limit is {limit / 1e6:.4g} MP (BQAT_MAX_PIXELS)"
    return SourceError("too_large", "too_many_pixels", sentence)


def _format_of_start(content: bytes) -> str:
    """The format whose signature a file begins with; empty when there is none."""
    return next((name for start, name in _SIGNATURES if start.match(content)), "")


def _number_in(text: str) -> int:
    """The first number in Pillow's message: the pixel count that it refused."""
    match = re.search(r"\d+", text)
    return int(match.group()) if match else 0


def _several(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 - damaged later frames do not matter
        return False


def _transparent(image: Image.Image) -> bool:
    try:
        return image.has_transparency_data
    except Exception:  # noqa: BLE001 - a palette that is missing
        return False


def _subsampling(image: Image.Image) -> str | None:
    try:
        return {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}.get(JpegImagePlugin.get_sampling(image))  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - subsampling is information only: no picture fails because of it
        return None


def _facts(image: Image.Image, content: bytes) -> FileFacts:
    packet = image.info.get(_XMP)
    exif = content if image.format == "TIFF" else _bytes_or_none(image.info.get("exif"))
    text = packet.encode("utf-8", "replace") if isinstance(packet, str) else _bytes_or_none(packet)
    return file_facts(exif, text, image.info.get("Software"))


def _bytes_or_none(value: object) -> bytes | None:
    return value if isinstance(value, bytes) and value else None
