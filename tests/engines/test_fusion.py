from collections.abc import Sequence

import pytest
from skimage import data

from bqat_pipeline.columns import columns_for
from bqat_pipeline.engines import EngineSpec, EngineUnavailableError, missing_engine, open_engine
from bqat_pipeline.engines.fusion import FusionEngine
from bqat_pipeline.face import FaceEngine


class Recorded:
    """Rows given beforehand, to test the merging alone."""

    fingerprint = "recorded"

    def __init__(self, *rows: dict, missing: str | None = None) -> None:
        self.rows = list(rows)
        self._missing = missing

    def missing(self) -> str | None:
        return self._missing

    def analyse(self, source: object) -> dict:
        return self.rows[0]

    def analyse_batch(self, sources: Sequence[object]) -> list[dict]:
        return self.rows[: len(sources)]


BQAT = {
    "sha256": "a",
    "status": "ok",
    "reason": None,
    "reason_code": None,
    "warnings": ["truncated"],
    "sharpness": 5.0,
    "image_width": 30,
    "dynamic_range": 200.0,
}
OFIQ = {
    "sha256": "a",
    "status": "no_face",
    "reason": "none",
    "reason_code": "no_face",
    "warnings": ["truncated"],
    "sharpness": 41.0,
    "dynamic_range": 7.5,
    "head_size": 0.4,
}
BIQT = {
    "sha256": "a",
    "status": "ok",
    "reason": None,
    "reason_code": None,
    "warnings": [],
    "image_width": 31.0,
    "quality": 50.0,
}


def test_names_that_clash_keep_both_meanings() -> None:
    row = FusionEngine({"ofiq": Recorded(OFIQ), "bqat": Recorded(BQAT), "biqt": Recorded(BIQT)}).analyse_batch(["x"])[0]
    assert (row["sharpness"], row["ofiq_sharpness"]) == (5.0, 41.0)
    assert (row["dynamic_range"], row["ofiq_dynamic_range"]) == (200.0, 7.5)
    assert (row["image_width"], row["head_size"], row["quality"]) == (30, 0.4, 50.0)
    assert all(name in columns_for("fusion", 7) for name in row)


def test_the_first_engine_decides_the_status_and_the_others_leave_a_warning() -> None:
    row = FusionEngine({"bqat": Recorded(BQAT), "ofiq": Recorded(OFIQ)}).analyse_batch(["x"])[0]
    assert row["status"] == "ok"
    assert row["warnings"] == ["truncated", "ofiq_no_face"]


def test_without_bqat_the_names_of_ofiq_stay() -> None:
    row = FusionEngine({"ofiq": Recorded(OFIQ), "biqt": Recorded(BIQT)}).analyse_batch(["x"])[0]
    assert row["sharpness"] == 41.0
    assert row["status"] == "no_face"


def test_all_missing_engines_are_named() -> None:
    engine = FusionEngine({"ofiq": Recorded(missing="no ofiq"), "biqt": Recorded(missing="no biqt")})
    assert engine.missing() == "no ofiq; no biqt"


@pytest.mark.parametrize("code", [0, 1, 2, 4, 8, 12])
def test_codes_that_are_no_fusion_are_refused(code: int) -> None:
    with pytest.raises(EngineUnavailableError, match=str(code)):
        open_engine(EngineSpec("fusion", fusion=code))


def test_an_unknown_engine_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(EngineUnavailableError, match="bqat, ofiq, biqt, fusion"):
        open_engine(EngineSpec("magic"))


@pytest.mark.parametrize("spec", [EngineSpec(confidence=1.0), EngineSpec("fusion", fusion=5, confidence=1.0)])
def test_a_choice_that_cannot_be_is_said_before_anything_is_scanned(spec: EngineSpec) -> None:
    assert "must lie between 0 and 1" in (missing_engine(spec) or "")


def test_our_own_engine_answers_behind_the_same_contract(tmp_path) -> None:
    from PIL import Image

    path = tmp_path / "astronaut.png"
    Image.fromarray(data.astronaut()).save(path)
    engine = open_engine(EngineSpec())
    assert isinstance(engine, FaceEngine)
    rows = engine.analyse_batch([path, tmp_path / "gone.png"])
    assert [r["status"] for r in rows] == ["ok", "vanished"]
    assert engine.fingerprint
