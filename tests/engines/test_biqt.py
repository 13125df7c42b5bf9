from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bqat_pipeline.columns import columns_for
from bqat_pipeline.engines import EngineSpec, EngineUnavailableError, Programs, open_engine
from bqat_pipeline.engines.biqt import parse_output
from tests.engines.fixtures import BIQT_TEXT, FAKE_BIQT, program


@pytest.fixture
def face(tmp_path: Path) -> Path:
    path = tmp_path / "face, with comma.png"
    Image.fromarray(np.full((40, 30, 3), 99, np.uint8)).save(path)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv("BIQT_HOME", str(tmp_path))
    return Programs(biqt_app=str(program(tmp_path, "biqt", FAKE_BIQT)))


def test_values_are_read_and_minus_one_means_not_found() -> None:
    rows = parse_output(BIQT_TEXT)
    one = rows["/in/one.png"]
    assert (one["quality"], one["over_exposure_face"], one["opencv_left_eye_x"]) == (72.5, 0.03125, 210)
    assert one["opencv_nose_x"] is None
    assert one["sap_code"] == -1
    assert rows["/in/none.png"]["blur"] is None
    assert set(one) == {c.name for c in columns_for("biqt") if c.group == "biqt"}


def test_a_batch_through_the_program(programs: Programs, face: Path, tmp_path: Path) -> None:
    rows = open_engine(EngineSpec("biqt"), programs).analyse_batch([face, tmp_path / "gone.png"])
    assert [r["status"] for r in rows] == ["ok", "vanished"]
    assert (rows[0]["quality"], rows[0]["image_width"]) == (50.0, 7.0)


def test_an_absent_engine_says_how_to_install_it(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(EngineSpec("biqt"), programs)
    assert engine.missing() is None
    monkeypatch.delenv("BIQT_HOME")
    assert "BIQT_HOME" in (engine.missing() or "")
    with pytest.raises(EngineUnavailableError, match="mitre/biqt"):
        open_engine(EngineSpec("biqt"), Programs(biqt_app="no-such-program")).analyse_batch([])
