"""Pictures of any format become the same upright 8-bit sRGB pixels."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from bqat_pipeline.face import FaceEngine, SourceError
from bqat_pipeline.face.picture.decode import Picture, decode, from_array
from bqat_pipeline.face.picture.probe import probe
from tests.face.conftest import encoded

LIMIT = 64_000_000


def decoded(content: bytes) -> Picture:
    return decode(content, probe(content, LIMIT))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.fixture(scope="module")
def small(hopper: np.ndarray) -> np.ndarray:
    return cv2.resize(hopper, (128, 150), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP", "PPM", "TGA", "JPEG2000", "AVIF", "GIF", "ICO", "JPEG"])
def test_formats_give_the_same_pixels(small: np.ndarray, kind: str) -> None:
    image = Image.fromarray(small)
    options: dict[str, object] = {
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 95},
        "ICO": {"sizes": [(128, 128)]},
    }.get(kind, {})
    content = saved(image.resize((128, 128)) if kind == "ICO" else image, kind, **options)
    picture = decoded(content)
    expected = np.asarray(image.resize((128, 128))) if kind == "ICO" else small
    assert probe(content, LIMIT).format == kind
    assert picture.image.shape == expected.shape
    assert np.abs(picture.image.astype(int) - expected).mean() < (6 if kind in ("GIF", "JPEG", "AVIF") else 0.01)


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


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "P", "I;16", "1"])
def test_tiffs_of_any_kind_are_read(small: np.ndarray, mode: str, compression: str) -> None:
    if compression == "jpeg" and mode in ("P", "I;16", "1"):
        return  # not possible in the format
    image = Image.fromarray(small)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode != "RGB":
        image = image.convert(mode)
    picture = decoded(saved(image, "TIFF", compression=compression))
    assert picture.image.shape == small.shape and not picture.warnings
    grey = cv2.cvtColor(picture.image, cv2.COLOR_RGB2GRAY)
    assert grey.mean() == pytest.approx(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).mean(), abs=3)


@pytest.mark.parametrize("options", [{"no_jp2": True}, {"irreversible": True}, {"tile_size": (64, 64)}])
@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_jpeg2000_of_passports_is_read(small: np.ndarray, mode: str, options: dict[str, object]) -> None:
    image = Image.fromarray(small)
    if mode == "I;16" and "tile_size" in options:
        return  # Pillow writes such files wrong, as other readers say too
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode == "L":
        image = image.convert("L")
    picture = decoded(saved(image, "JPEG2000", **options))
    grey = cv2.cvtColor(picture.image, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(grey - cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)).mean() < 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG2000", "WEBP", "BMP", "GIF", "AVIF", "JPEG"])
def test_limit_on_pixels_holds_before_anything_is_decoded(small: np.ndarray, kind: str) -> None:
    content = saved(Image.fromarray(small), kind)
    assert probe(content, 150 * 128).width == 128
    with pytest.raises(SourceError) as caught:
        probe(content, 150 * 128 - 1)
    assert caught.value.status == "too_large"


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG2000", "WEBP", "BMP", "AVIF", "PPM"])
def test_a_picture_cut_short_is_never_ok_without_a_warning(engine: FaceEngine, hopper: np.ndarray, kind: str) -> None:
    content = saved(Image.fromarray(hopper), kind)
    row = engine.analyse(content[: int(len(content) * 0.7)])
    assert (row["status"], row["reason_code"]) in {("unreadable", "decode_failed"), ("unreadable", "not_a_picture")}


def test_sixteen_bits_are_scaled_not_clipped(small: np.ndarray) -> None:
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    picture = decoded(saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"))
    assert np.abs(picture.image.astype(int) - grey[:, :, None]).max() <= 1
    assert np.array_equal(from_array(small.astype(np.uint16) * 257, LIMIT).image, small)


def test_float_picture_with_nan_is_read(small: np.ndarray) -> None:
    values = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    values[:5] = np.nan
    values[5:10] = np.inf
    picture = decoded(saved(Image.fromarray(values), "TIFF"))
    assert picture.image.dtype == np.uint8
    assert picture.image[:10].max() == 0
    assert picture.image[20:].mean() == pytest.approx(255 * values[20:].mean(), abs=1)


@pytest.mark.parametrize("largest", [255, 65_535, 2**31 - 1])
def test_integers_of_32_bits_are_scaled_by_their_largest(small: np.ndarray, largest: int) -> None:
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    grey[0, 0] = 255
    values = (grey.astype(np.float64) * (largest / 255)).astype(np.int32)
    picture = decoded(saved(Image.fromarray(values), "TIFF"))
    assert np.abs(picture.image.astype(int) - grey[:, :, None]).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "JPEG2000", "AVIF"])
def test_what_is_left_of_a_picture_is_not_called_no_picture(engine: FaceEngine, hopper: np.ndarray, kind: str) -> None:
    content = saved(Image.fromarray(hopper), kind)
    row = engine.analyse(content[:16])
    assert (row["status"], row["reason_code"]) == ("unreadable", "decode_failed")
    assert "cut short" in row["reason"]


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "LAB"])
def test_pixel_modes_are_read(small: np.ndarray, mode: str) -> None:
    image = Image.fromarray(small)
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        converted = ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
        assert converted is not None
    else:
        converted = image.convert(mode)
    picture = decoded(saved(converted, "TIFF" if mode in ("CMYK", "LAB") else "PNG"))
    assert picture.image.shape == small.shape
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    assert cv2.cvtColor(picture.image, cv2.COLOR_RGB2GRAY).mean() == pytest.approx(grey.mean(), abs=6)


def cut_out(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture with alpha, its left half transparent, and what of it is seen on white."""
    alpha = np.full(image.shape[:2], 255, np.uint8)
    alpha[:, : image.shape[1] // 2] = 0
    seen = image.copy()
    seen[alpha == 0] = 255
    return np.dstack([image, alpha]), seen


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG2000", "AVIF", "ICO", "TGA", "GIF"])
def test_transparent_parts_are_white(small: np.ndarray, kind: str) -> None:
    stored, seen = cut_out(small[:128, :128])
    options: dict[str, dict[str, object]] = {
        "WEBP": {"lossless": True, "exact": True},
        "AVIF": {"quality": 100},
        "ICO": {"sizes": [(128, 128)]},
    }
    picture = decoded(saved(Image.fromarray(stored), kind, **options.get(kind, {})))
    assert picture.warnings == ("transparent",)
    assert picture.visible
    assert np.abs(picture.image[:, :60].astype(int) - 255).max() <= 2
    assert np.abs(picture.image[:, 66:].astype(int) - seen[:, 66:]).mean() < (8 if kind == "GIF" else 3)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "I;16"])
def test_transparent_colours_are_white(small: np.ndarray, mode: str) -> None:
    stored, _ = cut_out(np.clip(small, 20, 235))
    rgb = np.ascontiguousarray(stored[:, :, :3])
    rgb[stored[:, :, 3] == 0] = 0
    image, transparency = Image.fromarray(rgb), {"transparency": (0, 0, 0) if mode == "RGB" else 0}
    if mode == "LA":
        image, transparency = Image.fromarray(stored).convert("LA"), {}
    elif mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode == "P":
        image = image.quantize(32)
        transparency = {"transparency": image.getpixel((0, 0))}  # type: ignore[dict-item]
    else:
        image = image.convert(mode)
    picture = decoded(saved(image, "PNG", **transparency))
    assert picture.warnings == ("transparent",)
    assert picture.image[:, :60].min() == 255
    assert picture.image[:, 70:].min() < 128


def test_what_lies_under_transparency_does_not_change_the_row(engine: FaceEngine, hopper: np.ndarray) -> None:
    alpha = np.zeros(hopper.shape[:2], np.uint8)
    alpha[40:560, 90:430] = 255
    hidden = [np.dstack([np.where(alpha[..., None] > 0, hopper, colour).astype(np.uint8), alpha]) for colour in (0, 90)]
    on_white = np.where(alpha[..., None] > 0, hopper, 255).astype(np.uint8)
    rows = [engine.analyse(array) for array in (*hidden, np.dstack([hopper, alpha]), on_white)]
    assert [row.pop("warnings") for row in rows] == [["transparent"]] * 3 + [[]]
    assert rows[0]["status"] == "ok"
    assert all(row == rows[0] for row in rows)


def test_opaque_alpha_is_no_transparency(engine: FaceEngine, hopper: np.ndarray) -> None:
    opaque = np.dstack([hopper, np.full(hopper.shape[:2], 255, np.uint8)])
    assert engine.analyse(opaque) == engine.analyse(hopper)
    picture = decoded(saved(Image.fromarray(opaque), "PNG"))
    assert np.array_equal(picture.image, hopper) and not picture.warnings


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG2000", "AVIF"])
def test_a_picture_of_which_nothing_is_visible_has_no_face(engine: FaceEngine, hopper: np.ndarray, kind: str) -> None:
    invisible = Image.fromarray(np.dstack([hopper, np.zeros(hopper.shape[:2], np.uint8)]))
    row = engine.analyse(saved(invisible, kind, **({"exact": True} if kind == "WEBP" else {})))
    assert (row["status"], row["reason_code"], row["warnings"]) == ("no_face", "nothing_visible", ["transparent"])


def test_an_alpha_channel_that_a_bitmap_leaves_empty_is_passed_over(small: np.ndarray) -> None:
    empty = Image.fromarray(np.dstack([small, np.zeros(small.shape[:2], np.uint8)]))
    assert np.array_equal(decoded(saved(empty, "TGA")).image, small)


def test_wide_gamut_profile_is_converted_and_a_damaged_one_is_reported(small: np.ndarray) -> None:
    # A profile like sRGB with red and green primaries exchanged changes the colours beyond doubt.
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    # The profile's name would tell that it is sRGB.
    swapped = swapped.replace(b"sRGB", b"test").replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    same = decoded(saved(Image.fromarray(small), "PNG", icc_profile=plain))
    other = decoded(saved(Image.fromarray(small), "PNG", icc_profile=swapped))
    broken = decoded(saved(Image.fromarray(small), "PNG", icc_profile=b"not a profile" * 20))
    assert np.array_equal(same.image, small) and not same.warnings
    assert not np.array_equal(other.image, small) and not other.warnings
    assert np.array_equal(broken.image, small) and broken.warnings == ("colour_profile_ignored",)


def test_truncated_jpeg_is_measured_and_flagged(engine: FaceEngine, hopper: np.ndarray) -> None:
    content = encoded(hopper)
    row = engine.analyse(content[: int(len(content) * 0.8)])
    assert row["status"] == "ok"
    assert row["warnings"] == ["truncated"]


def test_file_that_cannot_be_decoded_still_says_its_format(engine: FaceEngine, hopper: np.ndarray) -> None:
    row = engine.analyse(encoded(hopper, ".png")[:5000])
    assert (row["status"], row["reason_code"], row["format"]) == ("unreadable", "decode_failed", "PNG")
    assert len(str(row["sha256"])) == 64


def test_first_frame_of_an_animation_is_read(small: np.ndarray, astronaut: np.ndarray) -> None:
    second = Image.fromarray(cv2.resize(astronaut, (128, 150)))
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        content = saved(Image.fromarray(small), kind, save_all=True, append_images=[second])
        picture = decoded(content)
        assert picture.warnings == ("first_frame_only",)
        assert np.abs(picture.image.astype(int) - small).mean() < 8


def test_huge_jpeg_is_decoded_at_half_size_and_measured_in_its_own_pixels(
    engine: FaceEngine, hopper: np.ndarray
) -> None:
    before = engine.analyse(hopper)
    row = engine.analyse(encoded(cv2.resize(hopper, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)))
    assert row["aux_decode_reduction"] == 2
    assert (row["image_width"], row["image_height"]) == (6 * 512, 6 * 600)
    assert row["aux_eye_distance"] == pytest.approx(6 * before["aux_eye_distance"], rel=0.02)  # type: ignore[operator]
    assert row["pupil_left_x"] == pytest.approx(6 * before["pupil_left_x"], abs=12)  # type: ignore[operator]
    assert row["iso_head_size"] == pytest.approx(before["iso_head_size"], rel=0.02)
    assert row["iso_luminance_mean"] == pytest.approx(before["iso_luminance_mean"], rel=0.02)


def test_small_face_in_a_huge_jpeg_is_measured_at_full_size(engine: FaceEngine, hopper: np.ndarray) -> None:
    canvas = np.full((2000, 3000, 3), 128, np.uint8)
    canvas[700:1300, 1200:1712] = hopper
    row = engine.analyse(encoded(canvas))
    assert (row["status"], row["aux_decode_reduction"]) == ("ok", 1)


@pytest.mark.parametrize("name", ["portrait.png", "portrait.txt", "portrait"])
def test_format_is_told_by_content_not_by_name(
    engine: FaceEngine, hopper: np.ndarray, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(hopper))
    row = engine.analyse(path)
    assert (row["status"], row["format"]) == ("ok", "JPEG")


def test_pixel_bomb_is_refused_from_its_header(engine: FaceEngine) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    row = engine.analyse(content)
    assert (row["status"], row["reason_code"]) == ("too_large", "too_many_pixels")
    assert "BQAT_MAX_PIXELS" in str(row["reason"])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros(7, np.uint8),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(engine: FaceEngine, array: np.ndarray) -> None:
    assert engine.analyse(array)["status"] == "unreadable"
    with pytest.raises(SourceError):
        engine.context(array)


_STARVED = """
import resource, sys
from pathlib import Path
from bqat_pipeline.face import FaceEngine
engine = FaceEngine()
engine.analyse(Path(sys.argv[2]))
pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (pages + 90_000_000, resource.RLIM_INFINITY))
row = engine.analyse(Path(sys.argv[1]))
print(row["status"], row["reason_code"], engine.analyse(Path(sys.argv[2]))["status"])
"""


@pytest.mark.parametrize("kind", ["PNG", "GIF"])  # read by OpenCV, and by Pillow
def test_a_picture_that_does_not_fit_into_memory_says_so_and_ends_nothing(
    tmp_path: Path, hopper: np.ndarray, kind: str
) -> None:
    large, small = tmp_path / f"large.{kind.lower()}", tmp_path / "small.png"
    Image.new("L", (7000, 6000), 90).save(large)
    Image.fromarray(hopper).save(small)
    command = [sys.executable, "-c", _STARVED, str(large), str(small)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.stdout.split() == ["unreadable", "out_of_memory", "ok"], ended.stderr[-2000:]
