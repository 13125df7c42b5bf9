"""Files that are broken, odd or hostile become rows; the engine goes on."""

import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bqat_pipeline.columns import DOUBTFUL, MEASURED, STATUSES
from bqat_pipeline.face import EngineOptions, FaceEngine
from bqat_pipeline.face.picture.probe import FORMATS
from tests.face.conftest import encoded


def test_missing_file_has_vanished(engine: FaceEngine, tmp_path: Path) -> None:
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing.jpg")
    paths = [tmp_path / "missing.jpg", tmp_path / "dangling.jpg"]
    for row in engine.analyse_batch(paths):
        assert (row["status"], row["reason_code"]) == ("vanished", "file_not_found")
    for path in paths:  # who asks for one picture has mistyped its name
        with pytest.raises(FileNotFoundError, match=path.name):
            engine.analyse(path)


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


def face_record(content: bytes, code: int) -> bytes:
    """A record of ISO/IEC 19794-5:2005 round a picture."""
    information = struct.pack(">IHBBB3s3s3s", 32 + len(content), 0, 0, 0, 0, bytes(3), bytes(3), bytes(3))
    body = information + struct.pack(">BBHHBBHH", 1, code, 256, 300, 1, 2, 0, 0) + content
    return b"FAC\x00" + b"010\x00" + struct.pack(">IH", 14 + len(body), 1) + body


@pytest.mark.parametrize(("suffix", "code"), [(".jpg", 0), (".jp2", 1)])
def test_face_record_says_what_it_is_and_how_to_take_out_the_picture(
    engine: FaceEngine, hopper: np.ndarray, tmp_path: Path, suffix: str, code: int
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(hopper).save(buffer, "JPEG" if suffix == ".jpg" else "JPEG2000")
    record = face_record(buffer.getvalue(), code)
    wrapped = b"\x75\x83" + len(record).to_bytes(3, "big") + record  # as in a passport's chip
    for content, kind in ((record, "19794-5"), (wrapped, "data group 2"), (b"\x65" + wrapped[1:], "39794-5")):
        row = engine.analyse(content)
        assert (row["status"], row["reason_code"]) == ("unreadable", "face_record")
        reason = str(row["reason"])
        assert kind in reason
        path = tmp_path / "RECORD"
        path.write_bytes(content)
        command = reason.split("`")[1]
        subprocess.run(command, shell=True, check=True, cwd=tmp_path)
        assert engine.analyse(tmp_path / f"picture{suffix}")["status"] == "ok"


def test_no_damaged_file_of_any_format_ends_the_process() -> None:
    command = [sys.executable, "-m", "tests.face.damage", "120"]
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=250, check=False)
    assert ended.returncode == 0, f"{ended.stdout[-200:]} {ended.stderr[-2000:]}"
    for kind in FORMATS:
        assert f"{kind}: 120 files" in ended.stdout


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
    assert (row["status"] in (*MEASURED, *DOUBTFUL)) == (row["iso_eyes_open"] is not None)


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
