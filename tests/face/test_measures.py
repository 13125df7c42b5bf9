"""Measures on drawn pictures whose answers are known, with a face claimed at known landmarks."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqat_pipeline.face.attributes import model
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures import (
    background,
    boxes,
    colour,
    compression,
    exposure,
    geometry,
    illumination,
    picture,
)
from bqat_pipeline.face.measures.eyes import gaze
from bqat_pipeline.face.measures.mouth import mouth_lines
from bqat_pipeline.face.picture.colour import cielab, luminance
from tests.face.conftest import canonical_points

SIZE = 616
Make = Callable[..., FaceContext]


def uniform(*rgb: int) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), rgb, np.uint8)


@pytest.mark.parametrize(("grey", "light"), [(0, 0), (64, 13), (128, 55), (192, 134), (230, 202), (255, 255)])
def test_luminance_is_linear_light(grey: int, light: int) -> None:
    assert luminance(np.full((4, 4, 3), grey, np.uint8)).tolist() == [[light] * 4] * 4


def test_landmarks_in_the_canonical_place_are_aligned_onto_themselves(face_in: Make) -> None:
    context = face_in(uniform(120, 120, 120))
    assert context.aligned.scale == pytest.approx(1, abs=0.12)
    assert context.aligned_geometry.eye_distance == pytest.approx(113, rel=0.12)
    assert context.aligned.exact


def test_uniform_grey_has_no_variance_no_entropy_and_even_light(face_in: Make) -> None:
    context = face_in(uniform(128, 128, 128))
    row = {**exposure.measure(context), **illumination.measure(context), **colour.measure(context)}
    assert row["iso_luminance_mean"] == pytest.approx(55 / 255)
    assert row["iso_luminance_variance"] == pytest.approx(0, abs=1e-12)
    assert row["iso_dynamic_range"] == 0
    assert row["iso_under_exposure_prevention"] == 0
    assert row["iso_over_exposure_prevention"] == 0
    assert row["iso_illumination_uniformity"] == pytest.approx(1)
    assert row["iso_illumination_uniformity_score"] == 100
    assert row["aux_light_zones_ratio"] == pytest.approx(1)
    assert row["aux_intensity_levels"] == 1
    assert row["iso_natural_colour"] == 0


@pytest.mark.parametrize(("value", "dark", "bright"), [(0, 1, 0), (60, 1, 0), (255, 0, 1), (128, 0, 0)])
def test_black_is_under_exposed_and_white_over_exposed(face_in: Make, value: int, dark: int, bright: int) -> None:
    row = exposure.measure(face_in(uniform(value, value, value)))
    assert row["iso_under_exposure_prevention"] == dark
    assert row["iso_over_exposure_prevention"] == bright


def test_two_equally_frequent_levels_are_one_bit(face_in: Make) -> None:
    image = uniform(0, 0, 0)
    image[:, SIZE // 2 :] = 255
    row = exposure.measure(face_in(image))
    assert row["iso_dynamic_range"] == pytest.approx(1, abs=0.1)
    assert row["iso_luminance_mean"] == pytest.approx(0.5, abs=0.05)


def test_entropy_of_known_shares() -> None:
    assert exposure.entropy(np.full(256, 1 / 256)) == pytest.approx(8)
    assert exposure.entropy(np.array([0.5, 0.25, 0.25, 0])) == pytest.approx(1.5)


def test_two_tone_cheeks_do_not_overlap(face_in: Make) -> None:
    image = uniform(60, 60, 60)
    image[:, SIZE // 2 :] = 200
    row = illumination.measure(face_in(image))
    assert row["iso_illumination_uniformity"] == pytest.approx(0, abs=1e-9)
    assert row["iso_illumination_uniformity_score"] == 0
    assert row["aux_light_zones_ratio"] == pytest.approx(0.3, abs=0.05)


# sRGB colours with their CIELAB values under D50, from the definition with unrounded matrices (tolerance covers rounding).
@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((119, 119, 119), (50, 0, 0)),
        ((255, 0, 0), (54.3, 80.8, 69.9)),
    ],
)
def test_cielab_of_known_colours(rgb: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    assert cielab(rgb) == pytest.approx(lab, abs=0.3)


@pytest.mark.parametrize(
    ("a", "b", "distance"), [(10, 20, 0), (25, 35, 0), (28, 39, 5), (2, 1, 5), (-1, 10, 100), (10, -1, 100), (5, 38, 3)]
)
def test_distance_from_the_range_of_skin(a: float, b: float, distance: float) -> None:
    assert colour.skin_distance(a, b) == pytest.approx(distance)


def test_skin_is_a_natural_colour_and_blue_is_not(face_in: Make) -> None:
    assert colour.measure(face_in(uniform(205, 160, 140)))["iso_natural_colour"] == 0
    blue = colour.measure(face_in(uniform(60, 90, 220)))
    assert blue["iso_natural_colour"] == 100
    assert blue["iso_natural_colour_score"] == 0


def test_step_edge_in_the_background_has_the_gradient_of_scharr() -> None:
    light = np.zeros((40, 60), np.uint8)
    light[:, 30:] = 10
    mask = np.zeros_like(light)
    mask[5:35, 29:31] = 255
    assert background.mean_gradient(light, mask) == pytest.approx(16 * 10)
    mask[5:35, 10:50] = 255
    assert background.mean_gradient(light, mask) == pytest.approx(16 * 10 * 2 / 40)


def test_geometry_in_image_and_head_units(face_in: Make) -> None:
    context = face_in(uniform(90, 90, 90), canonical_points(scale=100, eyes=(308, 246.4)))
    row = geometry.measure(context)
    length = context.geometry.length
    assert row["aux_face_position_x"] == pytest.approx(0.5)
    assert row["aux_face_position_y"] == pytest.approx(0.4)
    assert row["iso_head_size"] == pytest.approx(length / SIZE)
    assert row["iso_margin_above_of_the_face_image"] == pytest.approx(246.4 / length)
    assert row["iso_leftward_crop_of_the_face_image"] == pytest.approx((308 + 50) / 100)
    assert row["iso_rightward_crop_of_the_face_image"] == pytest.approx((SIZE - (308 - 50)) / 100)
    assert row["aux_border_contact"] == 0


def test_half_a_face_outside_touches_the_border(face_in: Make) -> None:
    row = geometry.measure(face_in(uniform(90, 90, 90), canonical_points(eyes=(0, 272))))
    assert 0.3 < row["aux_border_contact"] < 0.7  # type: ignore[operator]


def test_looking_to_the_image_right_is_a_positive_offset() -> None:
    points = canonical_points()
    assert gaze(points) == pytest.approx((0, 0), abs=1e-9)
    points[[468, 473], 0] += 5
    points[[468, 473], 1] -= 3
    x, y = gaze(points)
    assert x > 0 > y


def test_second_face_is_compared_by_area(face_in: Make) -> None:
    one = face_in(uniform(90, 90, 90)).faces.boxes[0]
    half = one.moved(0, 0)
    assert boxes.second_face_ratio((one,)) == 0
    assert boxes.second_face_ratio((one, half)) == 1


def test_whole_picture_statistics_of_a_known_picture(face_in: Make) -> None:
    image = uniform(0, 0, 0)
    image[: SIZE // 2] = 200
    row = picture.measure(face_in(image))
    assert row["brightness"] == pytest.approx(100)
    assert row["dynamic_range"] == pytest.approx(200)
    assert row["contrast"] == pytest.approx(100)
    assert (row["image_width"], row["image_height"]) == (SIZE, SIZE)


def test_uniform_picture_has_no_brightness_variance(face_in: Make) -> None:
    row = picture.measure(face_in(uniform(10, 20, 30)))
    assert row["brightness_variance"] is None
    assert row["sharpness"] == 0


@given(st.integers(2, 130), st.integers(2, 130), st.integers(0, 2**32 - 1), st.sampled_from([1, 5_000, 400_000]))
def test_whole_picture_statistics_equal_their_definition(height: int, width: int, seed: int, strip: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found = picture.statistics(image, strip)
    assert found.brightness == pytest.approx(grey.mean())
    assert found.contrast == pytest.approx(image.astype(float).std(), rel=1e-6)
    assert found.sharpness == pytest.approx(cv2.Laplacian(grey, cv2.CV_64F).var(), rel=1e-6, abs=1e-6)
    value = image.max(axis=2).astype(float)
    tiles = [value[y : y + 50, x : x + 50].mean() for y in range(0, height, 50) for x in range(0, width, 50)]
    expected = np.std(tiles) * 255 / (value.max() - value.min()) if value.max() > value.min() else None
    assert found.brightness_variance == pytest.approx(expected, rel=1e-6, abs=1e-6)
    count = max(1, int(0.01 * grey.size))
    ordered = np.sort(grey.ravel()).astype(float)
    assert found.dynamic_range == pytest.approx(ordered[-count:].mean() - ordered[:count].mean())


def test_statistics_of_every_fifth_row_are_close_to_those_of_all() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (900, 700, 3), dtype=np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 3) + (np.arange(700) // 8).astype(np.uint8)[:, None]
    all_rows, some_rows = picture.statistics(image, every=1), picture.statistics(image, every=5)
    assert some_rows.brightness_variance == all_rows.brightness_variance  # every pixel counts
    for name in ("brightness", "contrast", "dynamic_range", "sharpness"):
        assert getattr(some_rows, name) == pytest.approx(getattr(all_rows, name), rel=0.02)
        assert getattr(some_rows, name) != getattr(all_rows, name)


@pytest.mark.parametrize("quality", [1, 10, 50, 75, 90, 100])
def test_quality_of_a_standard_table_is_recovered(quality: int) -> None:
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    table = np.clip((compression._TABLE * scale + 50) // 100, 1, 255)
    assert compression.jpeg_quality(tuple(int(v) for v in table)) == pytest.approx(quality, abs=1)


def test_attribute_models_move_with_their_leading_feature() -> None:
    smile = model("smile")
    neutral = dict.fromkeys(smile.weights, 0.0)
    assert smile.probability({**neutral, "mouth_width": 1.0}) > smile.probability(neutral)
    closed = model("eye_closed")
    features = {"log_openness": -1.0, "sideways_edges": 1.0}
    assert closed.probability({**features, "log_openness": -3.0}) > closed.probability(features)


@pytest.mark.parametrize("bend", [-8, 0, 8])
@pytest.mark.parametrize(("skin", "line"), [(190, 90), (60, 30)])
def test_lines_of_the_mouth_that_run_up_to_the_sides_are_told_on_any_skin(
    face_in: Make, bend: int, skin: int, line: int
) -> None:
    image = uniform(skin, skin, skin)
    left, right = face_in(image).aligned.points[[61, 291], :2]
    x = np.linspace(left[0], right[0], 80)
    y = (left[1] + right[1]) / 2 - bend * (2 * ((x - x.mean()) / (right[0] - left[0])) ** 2 * 2 - 0.5)
    cv2.polylines(image, [np.rint(np.column_stack([x, y])).astype(np.int32)], False, (line,) * 3, 3)
    slope = mouth_lines(face_in(image).aligned)["corner_slope"]
    assert (abs(slope) < 0.1) if bend == 0 else (np.sign(slope) == np.sign(bend) and abs(slope) > 0.3)


def skin_in_light(make: Make, skin: tuple[int, int, int], gloss: float, lower_light: float) -> FaceContext:
    """A face of one skin colour with gloss (0..1, linear light) on the forehead; what lies below the nose in less light."""
    linear = (np.array(skin) / 255) ** 2.2
    image = np.broadcast_to(linear, (SIZE, SIZE, 3)).copy()
    context = make(uniform(*skin))
    zones = illumination.light_zones(context)
    assert zones is not None
    left, upper, right, lower = zones[0]
    image[upper - 9 : lower + 9, left - 9 : right + 9] += gloss
    image[zones[3][1] - 9 :] *= lower_light
    return make(np.rint(255 * np.clip(image, 0, 1) ** (1 / 2.2)).astype(np.uint8))


@pytest.mark.parametrize("skin", [(220, 180, 160), (150, 110, 90), (90, 62, 50)])
def test_gloss_is_no_uneven_light_on_any_skin_and_a_shadow_is(face_in: Make, skin: tuple[int, int, int]) -> None:
    def ratio(gloss: float, lower_light: float) -> float | None:
        return illumination.zone_ratio(skin_in_light(face_in, skin, gloss, lower_light))

    assert ratio(0.3, 1.0) == pytest.approx(1, abs=0.1)
    assert ratio(0.0, 0.1) == pytest.approx(0.1 ** (1 / 2.2), abs=0.06)
    assert ratio(0.3, 0.1) == pytest.approx(0.1 ** (1 / 2.2), abs=0.06)


def test_a_grey_picture_has_no_colour_to_tell_gloss_by(face_in: Make) -> None:
    assert illumination.zone_ratio(skin_in_light(face_in, (110, 110, 110), 0.3, 1.0)) == pytest.approx(0.65, abs=0.1)
