"""Transparent parts of a picture are white, whatever colour lies under them."""

import numpy as np
import pytest
from PIL import Image

from bqat_pipeline.face import FaceEngine
from tests.face.pictures import cut_out, decoded, saved


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
