"""Files that are broken, odd or hostile become rows; the engine goes on."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqat_pipeline.columns import MEASURED, STATUSES
from bqat_pipeline.face import EngineOptions, FaceEngine
from tests.face.conftest import encoded


def test_missing_file_has_vanished(engine: FaceEngine, tmp_path: Path) -> None:
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing.jpg")
    for name in ("missing.jpg", "dangling.jpg"):
        row = engine.analyse(tmp_path / name)
        assert (row["status"], row["reason_code"]) == ("vanished", "file_not_found")


def test_pipe_folder_and_link_loop_do_not_hang(engine: FaceEngine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "a.jpg").symlink_to(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    codes = {name: engine.analyse(tmp_path / name)["reason_code"] for name in ("pipe.jpg", "folder.jpg", "a.jpg")}
    assert codes == {"pipe.jpg": "not_a_regular_file", "folder.jpg": "not_a_regular_file", "a.jpg": "read_failed"}


def test_name_with_a_null_byte_is_a_row(engine: FaceEngine) -> None:
    assert engine.analyse("bad\0name.jpg")["status"] == "unreadable"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\xff", "not_a_picture"),
        (b"This is not a picture.\n" * 40, "not_a_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "not_a_picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not_a_picture"),
        (b"PK\x03\x04" + b"\0" * 100, "not_a_picture"),
    ],
)
def test_content_that_is_no_picture_is_unreadable(engine: FaceEngine, content: bytes, code: str) -> None:
    row = engine.analyse(content)
    assert (row["status"], row["reason_code"]) == ("unreadable", code)
    assert row["reason"]


def test_limits_name_the_setting(tmp_path: Path, hopper: np.ndarray) -> None:
    strict = FaceEngine(EngineOptions(max_pixels=1000, max_file_size=10_000_000))
    assert "BQAT_MAX_PIXELS" in str(strict.analyse(encoded(hopper))["reason"])
    assert strict.analyse(hopper)["status"] == "too_large"
    path = tmp_path / "large.jpg"
    path.write_bytes(encoded(hopper))
    strict = FaceEngine(EngineOptions(max_file_size=1000))
    for source in (path, path.read_bytes()):
        row = strict.analyse(source)
        assert (row["status"], row["reason_code"]) == ("too_large", "file_too_large")
        assert "BQAT_MAX_FILE_SIZE" in str(row["reason"])


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (10, 3000), (3000, 10), (20, 20), (17, 400)])
def test_pictures_of_any_shape_are_rows(engine: FaceEngine, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    row = engine.analyse(image)
    assert row["status"] == "no_face"
    assert (row["image_height"], row["image_width"]) == shape
    assert row["phash256"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_jpeg_never_raises(engine: FaceEngine, hopper: np.ndarray, data: st.DataObject) -> None:
    content = bytearray(encoded(hopper[100:400, 100:400], quality=60))
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    row = engine.analyse(bytes(content[: data.draw(st.integers(1, len(content)))]))
    assert row["status"] in STATUSES
    assert (row["status"] == "ok") == (row["reason"] is None)
    assert (row["status"] in MEASURED) == (row["iso_eyes_open"] is not None)


def test_an_unforeseen_failure_is_a_row_and_the_engine_goes_on(
    engine: FaceEngine, hopper: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("bqat_pipeline.face.analysis.measures.measure", fail)
        row = engine.analyse(hopper)
    assert (row["status"], row["reason_code"]) == ("unreadable", "analysis_failed")
    assert engine.analyse(hopper)["status"] == "ok"
