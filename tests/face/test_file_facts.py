"""When, with which camera and by which program a picture was made, as its file says; nonsense there is no fault."""

import io
import random
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.picture.file_facts import file_facts

FACTS = ("captured_at", "camera", "software", "orientation")
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Make="Acme" xmp:CreatorTool="Darkroom &amp; Co 3">'
    b"<tiff:Model>Two</tiff:Model><exif:DateTimeOriginal>2021-03-04T05:06:07.25Z</exif:DateTimeOriginal>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def exif(make: str = "Acme", model: str = "Acme One", software: str = "Darkroom 2", taken: str = "2024:05:06 07:08:09",
         offset: str = "+02:00", orientation: int = 3) -> Image.Exif:  # fmt: skip
    block = Image.Exif()
    block[0x010F], block[0x0110], block[0x0131], block[0x0112] = make, model, software, orientation
    block.get_ifd(0x8769)[0x9003] = taken
    if offset:
        block.get_ifd(0x8769)[0x9011] = offset
    return block


def saved(image: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_facts_of_exif_are_columns_of_the_row(engine: FaceEngine, hopper: np.ndarray, kind: str) -> None:
    row = engine.analyse(saved(hopper[::4, ::4], kind, exif=exif()))
    taken = None if kind == "TIFF" else "2024-05-06T07:08:09+02:00"  # Pillow writes no EXIF directory into a TIFF
    assert [row[name] for name in FACTS] == [taken, "Acme One", "Darkroom 2", 3]
    assert file_facts(exif().tobytes().removeprefix(b"Exif\0\0")).captured_at == "2024-05-06T07:08:09+02:00"


def test_xmp_says_what_exif_does_not(engine: FaceEngine, hopper: np.ndarray) -> None:
    small = hopper[::4, ::4]
    row = engine.analyse(saved(small, "JPEG", xmp=XMP))
    assert [row[name] for name in FACTS] == ["2021-03-04T05:06:07+00:00", "Acme Two", "Darkroom & Co 3", None]
    both = engine.analyse(saved(small, "JPEG", xmp=XMP, exif=exif(offset="")))
    assert both["captured_at"] == "2024-05-06T07:08:09"


def test_a_picture_without_facts_and_one_that_cannot_be_decoded(engine: FaceEngine, hopper: np.ndarray) -> None:
    assert [engine.analyse(hopper[::4, ::4])[name] for name in FACTS] == [None] * 4
    content = saved(hopper[::4, ::4], "PNG", exif=exif())
    row = engine.analyse(content[: content.index(b"IDAT") + 6])
    assert row["status"] == "unreadable"
    assert row["camera"] == "Acme One"


@pytest.mark.parametrize(
    "taken",
    ["0000:00:00 00:00:00", "2024:13:01 00:00:00", "2023:02:29 10:00:00", "    :  :     :  :  ", "yesterday", "9999:01:01 00:00:00",
     "2024:05:06", "2024:05:06 24:00:00", "٢٠٢٤:05:06 07:08:09".encode().decode("latin-1"), ""],
)  # fmt: skip
def test_a_date_that_makes_no_sense_is_null_and_the_picture_is_measured(
    engine: FaceEngine, hopper: np.ndarray, taken: str
) -> None:
    row = engine.analyse(saved(hopper, "JPEG", exif=exif(taken=taken, orientation=1)))
    assert (row["status"], row["captured_at"], row["orientation"]) == ("ok", None, 1)


def test_texts_are_short_and_visible() -> None:
    found = file_facts(exif(make="A" * 500, model="B\x1b[31m\r\nC\u202e\0hidden", software="\x00\x01\x02 ").tobytes())
    assert found.camera == "A" * 64
    assert found.software is None
    assert file_facts(None, b'tiff:Model="B\x1b[31m\r\nC\xe2\x80\xaeD"').camera == "B [31m C D"
    assert file_facts(exif(make="NIKON CORPORATION", model="NIKON D70").tobytes()).camera == "NIKON D70"
    assert file_facts(None, None, "ImageMagick").software == "ImageMagick"


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_bytes_raise(block: bytes, packet: bytes) -> None:
    file_facts(block, packet)
    file_facts(b"Exif\0\0II*\0" + block, b'tiff:Make="' + packet)


def test_damaged_blocks_are_read_as_far_as_they_go() -> None:
    whole, chance = exif().tobytes(), random.Random(0)
    for _ in range(3000):
        block = bytearray(whole[: chance.randrange(len(whole) + 1)])
        for _ in range(chance.choice((0, 1, 3))):
            if block:
                block[chance.randrange(len(block))] = chance.choice((0, 1, 255, 128))
        found = file_facts(bytes(block))
        assert all(text is None or (text.isprintable() and len(text) <= 64) for text in (found.camera, found.software))


def test_directories_that_claim_many_entries_or_point_at_themselves_end() -> None:
    entries = struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x010F, 2, 2**32 - 1, 8) * 65534
    found = file_facts(b"II*\0" + struct.pack("<IH", 8, 65535) + entries)
    assert found.camera is None or len(found.camera) <= 64
