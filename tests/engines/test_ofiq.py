import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bqat_pipeline.columns import columns_for
from bqat_pipeline.engines import EngineFailedError, EngineSpec, EngineUnavailableError, Programs, open_engine
from bqat_pipeline.engines.ofiq_names import ResultTableError, component, parse_table
from tests.engines.fixtures import FAKE_OFIQ, FAKE_PACKAGE, OFIQ_1_0, OFIQ_1_2, program

SPEC = EngineSpec("ofiq", max_pixels=1_000_000)
MEASURES = {
    "UnifiedQualityScore BackgroundUniformity IlluminationUniformity LuminanceMean LuminanceVariance "
    "UnderExposurePrevention OverExposurePrevention DynamicRange Sharpness CompressionArtifacts NaturalColour "
    "SingleFacePresent EyesOpen MouthClosed EyesVisible MouthOcclusionPrevention FaceOcclusionPrevention "
    "InterEyeDistance HeadSize LeftwardCropOfTheFaceImage RightwardCropOfTheFaceImage MarginAboveOfTheFaceImage "
    "MarginBelowOfTheFaceImage HeadPoseYaw HeadPosePitch HeadPoseRoll ExpressionNeutrality NoHeadCoverings": "1.0",
    "NoCompressionArtifacts LeftwardCropOfFace RightwardCropOfFace MarginAboveTheFace MarginBelowTheFace "
    "HeadPoseYawFrontal HeadPosePitchFrontal HeadPoseRollFrontal": "1.2",
}


def picture(path: Path, grey: int, size: tuple[int, int] = (60, 80)) -> Path:
    Image.fromarray(np.full((size[1], size[0], 3), grey, np.uint8)).save(path)
    return path


@pytest.fixture(autouse=True)
def no_package_is_left() -> Iterator[None]:
    """Tests that follow in this process find no package that one of these has imported."""
    sys.modules.pop("ofiq", None)
    yield
    sys.modules.pop("ofiq", None)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "ofiq data"
    (folder / "models").mkdir(parents=True)
    (folder / "ofiq_config.jaxn").write_text("{}")
    (folder / "models" / "net.onnx").write_bytes(b"weights")
    return folder


@pytest.fixture
def programs(tmp_path: Path, data: Path) -> Programs:
    app = program(tmp_path, "OFIQSampleApp", FAKE_OFIQ)
    return Programs(ofiq_app=str(app), ofiq_data=str(data))


@pytest.mark.parametrize("names", MEASURES)
def test_every_name_of_both_generations_is_a_column(names: str) -> None:
    for name in names.split():
        assert component(name) in columns_for("ofiq"), name
    assert component("Luminance") is None  # a heading, not a measure


def test_both_generations_of_the_table_give_the_same_row() -> None:
    assert parse_table(OFIQ_1_0)["/in/one.png"] == parse_table(OFIQ_1_2)["/in/one.png"]


def test_native_and_component_values_are_told_apart() -> None:
    row = parse_table(OFIQ_1_0)["/in/one.png"]
    assert (row["inter_eye_distance"], row["inter_eye_distance_scalar"]) == (118.25, 91)
    assert (row["unified_quality_score"], row["unified_quality_score_scalar"]) == (25.1235, 68)
    assert row["head_size"] is None and row["head_size_scalar"] is None
    assert set(row) == {c.name for c in columns_for("ofiq") if c.group == "ofiq"}


def test_a_measure_that_failed_is_null_and_never_minus_one() -> None:
    rows = parse_table(OFIQ_1_0)
    assert (rows["/in/two.png"]["compression_artifacts"], rows["/in/two.png"]["compression_artifacts_scalar"]) == (
        None,
        None,
    )
    assert set(rows["/in/none.png"].values()) == {None}
    assert set(rows["/in/unreadable.png"].values()) == {None}


@pytest.mark.parametrize("text", ["", "Filename;\n/in/a.png;;\n", "not a table"])
def test_a_table_without_measures_is_an_error(text: str) -> None:
    with pytest.raises(ResultTableError):
        parse_table(text)


def test_an_absent_engine_says_how_to_install_it(tmp_path: Path) -> None:
    engine = open_engine(SPEC, Programs(ofiq_app=str(tmp_path / "none"), ofiq_data=str(tmp_path)))
    assert "python-ofiq setup" in (engine.missing() or "")
    with pytest.raises(EngineUnavailableError, match="OFIQSampleApp"):
        engine.analyse_batch([b"x"])


def test_missing_models_are_named(tmp_path: Path, programs: Programs, data: Path) -> None:
    (data / "ofiq_config.jaxn").unlink()
    assert "ofiq_config.jaxn" in (open_engine(SPEC, programs).missing() or "")


def test_a_batch_is_one_run_of_the_program_and_bad_files_never_reach_it(
    tmp_path: Path, programs: Programs, data: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    sources = [
        picture(tmp_path / "a; b,#\n.png", 120),
        tmp_path / "broken.jpg",
        tmp_path / "gone.jpg",
        picture(tmp_path / "white.png", 255),
        picture(tmp_path / "huge.png", 120, (1100, 1000)),
        (tmp_path / "a; b,#\n.png").read_bytes(),
    ]
    rows = open_engine(SPEC, programs).analyse_batch(sources)
    assert [r["status"] for r in rows] == ["ok", "unreadable", "vanished", "no_face", "too_large", "ok"]
    assert rows[0]["inter_eye_distance"] == 60
    assert rows[0] == rows[5]
    assert len(rows[0]["sha256"]) == len(rows[0]["phash256"]) == 64
    assert (data / "calls.log").read_text().count("called") == 1
    schema = columns_for("ofiq")
    assert all(name in schema for row in rows for name in row)


def test_a_picture_that_ends_the_program_costs_only_its_own_row(tmp_path: Path, programs: Programs) -> None:
    greys = [100, 110, 0, 120, 130, 140, 150]
    sources = [picture(tmp_path / f"{i}.png", grey) for i, grey in enumerate(greys)]
    rows = open_engine(SPEC, programs).analyse_batch(sources)
    assert [r["status"] for r in rows] == ["ok", "ok", "crashed", "ok", "ok", "ok", "ok"]
    assert "out of range" in rows[2]["reason"]


def test_a_program_that_never_works_is_an_error_and_not_a_data_set_of_bad_pictures(
    tmp_path: Path, programs: Programs
) -> None:
    program(tmp_path, "OFIQSampleApp", "#!{python}\nimport sys\nsys.exit('no models')\n")
    sources = [picture(tmp_path / f"{i}.png", 100) for i in range(8)]
    with pytest.raises(EngineFailedError, match="no models"):
        open_engine(SPEC, programs).analyse_batch(sources)


def test_the_fingerprint_follows_program_configuration_and_models(programs: Programs, data: Path) -> None:
    first = open_engine(SPEC, programs).fingerprint
    assert open_engine(SPEC, programs).fingerprint == first
    (data / "models" / "net.onnx").write_bytes(b"other weights")
    assert open_engine(SPEC, programs).fingerprint != first


def test_the_package_is_preferred_to_the_program(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site" / "ofiq"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(FAKE_PACKAGE)
    monkeypatch.syspath_prepend(str(folder.parent))
    importlib.invalidate_caches()
    greys = (120, 255, 0)
    rows = open_engine(SPEC, programs).analyse_batch([picture(tmp_path / f"{g}.png", g) for g in greys])
    assert [r["status"] for r in rows] == ["ok", "no_face", "crashed"]
    assert (rows[0]["inter_eye_distance"], rows[0]["inter_eye_distance_scalar"], rows[0]["sharpness"]) == (
        60.0,
        91,
        None,
    )
