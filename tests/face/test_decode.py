"""Pictures of any format become the same upright 8-bit sRGB pixels."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from bqat_pipeline.face import FaceEngine, SourceError
from bqat_pipeline.face.picture.decode import from_array
from bqat_pipeline.face.picture.probe import probe
from tests.face.conftest import encoded
from tests.face.pictures import LIMIT, decoded, saved


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
    row = engine.analyse(content[:2000])
    assert (row["status"], row["warnings"]) == ("no_face", ["truncated"])
    assert row["reason"] == "no face was found in what is left of the picture; the file was cut short"


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
