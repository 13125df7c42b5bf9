"""Blur, loss by compression, and utility: they follow damage that is made here, of any kind."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.trees import Trees, trees
from bqat_pipeline.requirements import recognition

Image = np.ndarray


@pytest.fixture(params=["hopper", "astronaut"])
def portrait(request: pytest.FixtureRequest) -> Image:
    """A sharp portrait, reduced so that its own compression is gone."""
    image: Image = request.getfixturevalue(request.param)
    return cv2.resize(image, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)


def jpeg(image: Image, quality: int) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def blurred(image: Image, deviation: float) -> Image:
    return cv2.GaussianBlur(image, (0, 0), deviation)


def enlarged(image: Image, deviation: float) -> Image:
    """Made small and large again; linear interpolation of a reduced picture blurs by half its px."""
    small = cv2.resize(image, None, fx=0.5 / deviation, fy=0.5 / deviation, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def moved(image: Image, deviation: float) -> Image:
    kernel = np.zeros((1, 2 * round(2.45 * deviation) + 1), np.float32)
    return cv2.filter2D(image, -1, kernel + 1 / kernel.size)


@pytest.mark.parametrize("damage", [blurred, enlarged])
def test_blur_grows_with_its_width_whatever_it_comes_from(
    engine: FaceEngine, portrait: Image, damage: Callable[[Image, float], Image]
) -> None:
    distance = float(engine.analyse(portrait)["aux_eye_distance"])  # type: ignore[arg-type]
    widths = [0.01, 0.03, 0.06, 0.1]
    found = [engine.analyse(damage(portrait, width * distance))["aux_blur"] for width in widths]
    assert found == sorted(found)
    for width, value in zip(widths[1:], found[1:], strict=True):
        assert 100 * width / 2.2 < value < 100 * width * 2  # type: ignore[operator]


def test_motion_counts_as_blur(engine: FaceEngine, portrait: Image) -> None:
    distance = float(engine.analyse(portrait)["aux_eye_distance"])  # type: ignore[arg-type]
    assert engine.analyse(moved(portrait, 0.1 * distance))["aux_blur"] > 1.8 * engine.analyse(portrait)["aux_blur"]  # type: ignore[operator]


def test_noise_does_not_hide_blur(engine: FaceEngine, portrait: Image) -> None:
    distance = float(engine.analyse(portrait)["aux_eye_distance"])  # type: ignore[arg-type]
    noise = np.random.default_rng(1).normal(0, 8, portrait.shape)
    sharp, soft = (
        np.clip(image + noise, 0, 255).astype(np.uint8) for image in (portrait, blurred(portrait, 0.08 * distance))
    )
    assert engine.analyse(sharp)["aux_blur"] < 1.5 < 4 < engine.analyse(soft)["aux_blur"]  # type: ignore[operator]


def test_compression_takes_structure_away_and_another_save_does_not_bring_it_back(
    engine: FaceEngine, portrait: Image
) -> None:
    def left(content: bytes | Image) -> float:
        return float(engine.analyse(content)["aux_compression_ssim"])  # type: ignore[arg-type]

    found = [left(jpeg(portrait, quality)) for quality in (95, 60, 25, 8)]
    assert found == sorted(found, reverse=True)
    assert left(portrait) > 0.95 and found[0] > 0.93 and found[-1] < 0.85
    again = cv2.imdecode(np.frombuffer(jpeg(portrait, 8), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert abs(left(jpeg(again, 95)) - found[-1]) < 0.06


def test_a_good_portrait_is_fit_for_recognition_and_a_spoilt_one_is_not(engine: FaceEngine, portrait: Image) -> None:
    good = engine.analyse(portrait)
    assert recognition(good).verdict == "pass" and not recognition(good).reasons
    assert good["aux_utility"] > 90  # type: ignore[operator]
    distance = float(good["aux_eye_distance"])  # type: ignore[arg-type]
    found = [engine.analyse(blurred(portrait, width * distance)) for width in (0.02, 0.06, 0.1, 0.13)]
    utility = [row["aux_utility"] for row in found]
    assert utility == sorted(utility, reverse=True) and utility[0] > 85 and utility[-1] < 20  # type: ignore[operator]
    second = recognition(found[-1])
    assert second.verdict == "fail" and "Focus on the eyes" in " ".join(second.reasons)


def test_nothing_is_invented_where_there_is_no_face(engine: FaceEngine) -> None:
    row = engine.analyse(np.full((200, 160, 3), 120, np.uint8))
    assert row["aux_blur"] is row["aux_compression_ssim"] is row["aux_utility"] is None
    second = recognition(row)
    assert (second.verdict, second.utility, second.reasons) == ("not_assessed", None, ())


@pytest.mark.parametrize("name", ["blur", "compression", "utility"])
def test_tables_hold_trees_that_end(name: str) -> None:
    table = trees(name)
    leaf = table.children[0::2] == np.arange(len(table.feature))
    nodes = np.arange(len(table.feature))
    assert (table.children[0::2][~leaf] > nodes[~leaf]).all() and (table.children[1::2][~leaf] > nodes[~leaf]).all()
    assert table.feature.min() >= 0 and table.feature.max() < len(table.features)
    low, high = (table.sum([value] * len(table.features)) for value in (-1e9, 1e9))
    assert np.isfinite([low, high]).all()


def test_a_sum_of_two_trees() -> None:
    stump = {"feature": [1, -1, -1], "number": [0.5, 10.0, 20.0], "left": [1, 0, 0], "right": [2, 0, 0]}
    deeper = {
        "feature": [0, -1, 1, -1, -1],
        "number": [2.0, 1.0, 0.0, 2.0, 3.0],
        "left": [1, 0, 3, 0, 0],
        "right": [2, 0, 4, 0, 0],
    }
    table = Trees.of({"features": ["a", "b"], "start": 100.0, "trees": [stump, deeper]})
    assert table.sum([2.0, 0.5]) == 111.0
    assert table.sum([2.001, 0.501]) == 123.0
    assert table.sum([2.0004, 0.5004]) == 111.0  # rounded first
    assert table.sum([3.0, -1.0]) == 112.0
