"""Pixelation and posterisation: drawn pictures of known squares and levels, and portraits that were damaged by known amounts."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures.pixelation import pixel_size, square_width
from bqat_pipeline.face.measures.posterisation import level_spacing, spacing
from bqat_pipeline.requirements import evaluate_row
from tests.face.conftest import PORTRAIT_RULES, canonical_points, encoded

SIZE = 616
Make = Callable[..., FaceContext]


def texture(seed: int = 1) -> np.ndarray:
    """Soft noise in three different channels, over all levels but the ends."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIZE, SIZE, 3))
    soft = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.clip(128 + 35 * soft / soft.std(), 5, 250).astype(np.uint8)


def repeated(image: np.ndarray, times: int) -> np.ndarray:
    """The picture with each of its reduced pixels repeated."""
    h, w = image.shape[:2]
    small = cv2.resize(image, (round(w / times), round(h / times)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_NEAREST)


def posterised(image: np.ndarray, levels: int) -> np.ndarray:
    step = 256 / levels
    return np.clip(np.floor(image / step) * step + step / 2, 0, 255).astype(np.uint8)


def smooth() -> np.ndarray:
    """A ramp over all levels."""
    return np.repeat(np.tile(np.linspace(0, 255, SIZE), (SIZE, 1))[..., None], 3, axis=2).astype(np.uint8)


def test_a_picture_with_a_value_for_each_pixel_has_no_squares(face_in: Make) -> None:
    assert pixel_size(face_in(texture())) == pytest.approx(1.1, abs=0.1)


@pytest.mark.parametrize("times", [2, 3, 4, 7, 11])
def test_repeated_pixels_are_squares_of_that_side(face_in: Make, times: int) -> None:
    assert pixel_size(face_in(repeated(texture(), times))) == pytest.approx(times, rel=0.25)


def test_stripes_are_no_squares(face_in: Make) -> None:
    image = texture()
    wide = cv2.resize(image[:, ::8], (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    assert pixel_size(face_in(wide)) < 1.4


@given(st.integers(0, 255), st.integers(20, 400))
def test_one_value_has_no_squares(value: int, size: int) -> None:
    assert square_width(np.zeros(size, np.float32)) == 1
    assert spacing(np.eye(256)[value] * size**2) is None or spacing(np.eye(256)[value] * size**2) >= 1


def test_small_faces_have_neither(face_in: Make) -> None:
    context = face_in(texture(), canonical_points(scale=20))
    assert pixel_size(context) is None
    assert level_spacing(context) is None


@pytest.mark.parametrize("step", [1, 2, 3, 4, 8, 16])
def test_spacing_is_the_distance_of_levels_that_are_used(step: int) -> None:
    histogram = np.zeros(256)
    histogram[::step] = 1000
    assert spacing(histogram) == pytest.approx(step, rel=0.1)


def test_spacing_of_a_natural_histogram_is_one() -> None:
    levels = np.random.default_rng(1).normal(120, 40, 20_000).clip(0, 255).astype(np.uint8)
    assert spacing(np.bincount(levels, minlength=256)) == pytest.approx(1, abs=0.05)


def test_a_bar_of_one_colour_is_no_lack_of_levels(face_in: Make) -> None:
    image = cv2.GaussianBlur(texture(), (0, 0), 4)
    plain = level_spacing(face_in(image))
    image[240:300] = 77
    assert level_spacing(face_in(image)) == pytest.approx(plain, abs=0.5)


def test_black_has_no_spacing(face_in: Make) -> None:
    assert level_spacing(face_in(np.zeros((SIZE, SIZE, 3), np.uint8))) is None


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("levels", [4, 8])
def test_a_posterised_portrait_is_found(engine: FaceEngine, hopper: np.ndarray, levels: int, suffix: str) -> None:
    row = engine.analyse(encoded(posterised(hopper, levels), suffix, 95))
    # Compression fills the gaps, so that less is seen of them.
    outcome = {".png": {"fail"}, ".jpg": {"fail", "borderline"}}[suffix]
    for rules in PORTRAIT_RULES:
        assert evaluate_row(rules, row).results["posterisation"] in outcome, rules.name


@pytest.mark.parametrize("times", [3, 6])
def test_a_pixelated_portrait_is_found(engine: FaceEngine, hopper: np.ndarray, times: int) -> None:
    row = engine.analyse(encoded(repeated(hopper, times), ".jpg", 95))
    assert row["aux_pixel_size"] > 1.8
    assert row["aux_effective_eye_distance"] < row["aux_eye_distance"] / 1.8
    for rules in PORTRAIT_RULES:
        assert evaluate_row(rules, row).results["pixelation"] == "fail", rules.name


@pytest.mark.parametrize("change", ["as it is", "grey", "stretched", "dark", "jpeg 50", "smoothly enlarged"])
def test_portraits_without_either_pass(engine: FaceEngine, portrait: np.ndarray, change: str) -> None:
    picture: np.ndarray | bytes = portrait
    if change == "grey":
        picture = cv2.cvtColor(cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    elif change == "stretched":  # every second level is missing then
        picture = np.clip((portrait.astype(int) - 170) * 2 + 128, 0, 255).astype(np.uint8)
    elif change == "dark":
        picture = (portrait * 0.5).astype(np.uint8)
    elif change == "jpeg 50":
        picture = encoded(portrait, ".jpg", 50)
    elif change == "smoothly enlarged":
        picture = cv2.resize(portrait, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    row = engine.analyse(picture)
    for rules in PORTRAIT_RULES:
        results = evaluate_row(rules, row).results
        assert (results["posterisation"], results["pixelation"]) == ("pass", "pass"), (rules.name, change)
