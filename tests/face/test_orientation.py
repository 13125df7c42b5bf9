"""Pictures are turned upright as EXIF says, and by nothing else."""

import struct

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bqat_pipeline.face.picture.probe import probe
from tests.face.pictures import LIMIT, cut_out, decoded, saved


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_tag_is_applied(small: np.ndarray, kind: str, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(small)
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind in ("JPEG", "AVIF") else {}
    picture = decoded(saved(stored, kind, exif=exif, **options))
    assert (picture.width, picture.height) == image.size
    assert np.abs(picture.image.astype(int) - small).mean() < 6


def orientation_block(value: int | None) -> bytes:
    """EXIF of a JPEG that holds an orientation, or its resolution unit only."""
    tag, value = (0x0112, value) if value else (0x0128, 2)
    return b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, tag, 3, 1, value, 0, 0)


_XMP = b"""http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments) + jpeg[2:]


@pytest.mark.parametrize("scale", [1, 6])  # 6: decoded at half size, where the header tells the size
@pytest.mark.parametrize(("exif", "turned"), [(None, False), (1, False), (6, True)])
def test_exif_alone_says_how_a_picture_is_turned(
    hopper: np.ndarray, scale: int, exif: int | None, turned: bool
) -> None:
    image = Image.fromarray(hopper).resize((512 * scale, 600 * scale))
    content = with_segments(saved(image, "JPEG"), orientation_block(exif), _XMP)
    picture = decoded(content)
    assert (picture.width, picture.height) == (image.size[::-1] if turned else image.size)
    assert picture.image.shape[:2] == (picture.height // picture.reduction, picture.width // picture.reduction)
    assert picture.reduction == (2 if scale == 6 else 1)


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP", "AVIF"])
def test_orientation_in_xmp_turns_no_format(small: np.ndarray, kind: str) -> None:
    xmp = _XMP.split(b"\0")[1]
    options: dict[str, object] = {"tiffinfo": {700: xmp}} if kind == "TIFF" else {"xmp": xmp}
    if kind == "PNG":
        information = PngInfo()
        information.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options = {"pnginfo": information}
    for image in (Image.fromarray(small), Image.fromarray(cut_out(small)[0])):
        assert decoded(saved(image, kind, **options)).image.shape == small.shape


def test_header_of_a_turned_tiff_tells_its_stored_size(small: np.ndarray) -> None:
    header = probe(saved(Image.fromarray(small), "TIFF", tiffinfo={274: 6}), LIMIT)
    assert (header.width, header.height, header.orientation) == (128, 150, 6)
