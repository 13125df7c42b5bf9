"""The engine's contract: a complete, plain, deterministic row for anything."""

import io
import json
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from api.bqat.wire import profile, wire_columns
from bqat_pipeline.columns import FACE
from bqat_pipeline.datasets import ScanOptions
from bqat_pipeline.engines import EngineSpec, open_engine
from bqat_pipeline.face import EngineOptions, FaceEngine, fingerprint
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from bqat_pipeline.settings import Settings
from tests.face.conftest import encoded

CALLERS = {"file", "folder", "file_size", "modified", "verdict", "verdict_reasons"}


def analyse_in_a_new_process(content: bytes) -> dict[str, object]:
    return FaceEngine().analyse(content)


def test_row_has_every_column_of_the_engine_in_registry_order(engine: FaceEngine, hopper: np.ndarray) -> None:
    for source in (hopper, b"not a picture"):
        assert list(engine.analyse(source)) == [name for name in FACE.names if name not in CALLERS]


def test_row_is_plain_finite_and_fits_the_arrow_schema(engine: FaceEngine, hopper: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "portrait.jpg"
    path.write_bytes(encoded(hopper))
    row = engine.analyse(path)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert all(isfinite(v) for v in row.values() if isinstance(v, float))
    fields = [FACE.arrow_schema().field(name) for name in row]
    pa.Table.from_pylist([row], schema=pa.schema(fields))


def test_a_portrait_has_a_value_for_every_measure_that_can_be_computed(engine: FaceEngine, hopper: np.ndarray) -> None:
    row = engine.analyse(encoded(hopper))
    missing = {c.name for c in FACE if c.name in row and row[c.name] is None and c.method != "not_computable"}
    # The flag behind the subject is no plain background, on which alone a shadow can be told from a dark part of it.
    undefined = {"aux_background_shadow"}
    of_file = {"captured_at", "camera", "software", "orientation"}
    assert missing == {"reason_code", "reason"} | of_file | undefined


def test_components_that_need_unknown_weights_are_null(engine: FaceEngine, hopper: np.ndarray) -> None:
    row = engine.analyse(hopper)
    absent = [c for c in FACE.group("iso") if c.method == "not_computable"]
    assert len(absent) == 16
    assert all(row[c.name] is None and c.reason.startswith("needs_model:") for c in absent)


def test_path_bytes_and_array_give_the_same_measures(engine: FaceEngine, hopper: np.ndarray, tmp_path: Path) -> None:
    content = encoded(hopper, ".png")
    path = tmp_path / "portrait.png"
    path.write_bytes(content)
    from_path, from_bytes, from_array = engine.analyse(str(path)), engine.analyse(content), engine.analyse(hopper)
    assert from_path == from_bytes
    of_file = {"sha256", "format", "aux_bits_per_pixel"}
    assert {k: v for k, v in from_array.items() if k not in of_file} == {
        k: v for k, v in from_bytes.items() if k not in of_file
    }


def test_pillow_images_and_bytes_like_objects_are_pictures(engine: FaceEngine, hopper: np.ndarray) -> None:
    content = encoded(hopper, ".png")
    row = engine.analyse(content)
    assert engine.analyse(bytearray(content)) == engine.analyse(memoryview(content)) == row
    image = Image.fromarray(hopper)
    assert engine.analyse(image) == engine.analyse(hopper)
    turned = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    turned.save(buffer, "PNG", exif=exif)
    buffer.seek(0)
    lazy = engine.analyse(Image.open(buffer))
    assert (lazy["image_width"], lazy["image_height"]) == image.size
    assert lazy == engine.analyse(hopper)


def test_what_is_no_picture_source_is_a_type_error(engine: FaceEngine, hopper: np.ndarray) -> None:
    for source in (None, 5, io.BytesIO(encoded(hopper)), [hopper]):
        for method in (engine.analyse, engine.context):
            with pytest.raises(TypeError, match="path"):
                method(source)  # type: ignore[arg-type]


def test_threads_that_share_an_engine_get_the_rows_of_their_own_pictures(
    engine: FaceEngine, hopper: np.ndarray, astronaut: np.ndarray
) -> None:
    arrays = (hopper, astronaut, hopper[40:], astronaut[:300], hopper[:, 30:], astronaut[20:, 30:], hopper[:, ::-1])
    sources = [*(np.ascontiguousarray(a) for a in arrays), b"no picture"]
    serial = [engine.analyse(source) for source in sources]
    backgrounds = [engine.context(source).background[1].sum() for source in sources[:-1]]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(engine.analyse, sources * 4)) == serial * 4
        # What a context derives later is asked of the same nets.
        contexts = list(pool.map(engine.context, sources[:-1] * 4))
        assert list(pool.map(lambda context: context.background[1].sum(), contexts)) == backgrounds * 4


def test_rows_do_not_depend_on_order_or_process(engine: FaceEngine, hopper: np.ndarray, astronaut: np.ndarray) -> None:
    contents = [encoded(hopper), encoded(astronaut), encoded(hopper[100:420, 60:400]), encoded(astronaut[:300])]
    forwards = [engine.analyse(c) for c in contents]
    backwards = [engine.analyse(c) for c in reversed(contents)][::-1]
    assert forwards == backwards
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(analyse_in_a_new_process, contents[:2]) == forwards[:2]


def test_known_values_of_the_astronaut(engine: FaceEngine, astronaut: np.ndarray) -> None:
    # Values of a prototype with other face crops; the tolerance covers the jitter of a face of 42 px eye distance.
    row = engine.analyse(astronaut)
    assert row["iso_inter_eye_distance"] == pytest.approx(42.2, rel=0.02)
    assert row["iso_head_size"] == pytest.approx(74.1 / 512, rel=0.02)
    assert row["iso_luminance_mean"] == pytest.approx(0.443, rel=0.02)
    assert row["iso_luminance_variance"] == pytest.approx(0.0296, rel=0.04)
    assert row["iso_dynamic_range"] == pytest.approx(7.44, rel=0.02)
    assert row["iso_natural_colour"] == 0
    assert row["iso_head_pose_roll"] == pytest.approx(-3.4, abs=1)
    assert row["iso_head_pose_yaw"] == pytest.approx(-0.5, abs=1)
    assert row["smile"] is True
    assert row["glasses"] is False
    assert row["aux_mouth_open"] is True


def test_glasses_and_neutral_mouth_are_seen(engine: FaceEngine, hopper: np.ndarray) -> None:
    row = engine.analyse(hopper)
    assert (row["glasses"], row["smile"]) == (True, False)
    assert (row["eye_closed_left"], row["eye_closed_right"]) == (False, False)


def test_left_and_right_are_the_subjects_sides(engine: FaceEngine, hopper: np.ndarray) -> None:
    row: dict[str, Any] = engine.analyse(hopper)
    assert row["pupil_right_x"] < row["pupil_left_x"]
    covered = hopper.copy()
    x, y, d = row["pupil_right_x"], row["pupil_right_y"], row["ipd"] // 4
    covered[y - d // 2 : y + d // 2, x - d : x + d] = hopper[y + 2 * d : y + 2 * d + d // 2 * 2, x - d : x + d]
    after: dict[str, Any] = engine.analyse(covered)
    assert after["aux_eye_closed_score_right"] > row["aux_eye_closed_score_right"]


def test_cross_checks_between_components_hold(engine: FaceEngine, portrait: np.ndarray) -> None:
    for image in (portrait, portrait[20:, 30:], cv2.resize(portrait, None, fx=0.7, fy=0.7), portrait[:, ::-1]):
        row: dict[str, Any] = engine.analyse(np.ascontiguousarray(image))
        width = image.shape[1]
        above, below = row["iso_margin_above_of_the_face_image"], row["iso_margin_below_of_the_face_image"]
        assert (above + below) * row["iso_head_size"] == pytest.approx(1, rel=1e-4)
        distance = row["iso_inter_eye_distance"] * np.cos(np.radians(row["iso_head_pose_yaw"]))
        assert distance == pytest.approx(row["aux_eye_distance"], rel=1e-4)
        sides = row["iso_leftward_crop_of_the_face_image"] + row["iso_rightward_crop_of_the_face_image"]
        roll = np.cos(np.radians(row["iso_head_pose_roll"]))
        assert sides == pytest.approx(width / distance + roll, abs=0.01)
        assert row["aux_head_length_ratio"] == pytest.approx(2 * row["iso_head_size"], rel=1e-4)


def test_options_change_the_fingerprint_and_equal_options_do_not() -> None:
    assert fingerprint(EngineOptions()) == fingerprint()
    assert fingerprint(EngineOptions(confidence=0.5)) != fingerprint()
    assert pickle.loads(pickle.dumps(EngineOptions(max_pixels=10))) == EngineOptions(max_pixels=10)


def test_without_background_nothing_else_changes_and_the_row_says_so(hopper: np.ndarray) -> None:
    spec = EngineSpec.of(ScanOptions(), Settings(background=False, _env_file=None))
    whole, without = FaceEngine(), open_engine(spec)
    assert without.fingerprint == fingerprint(EngineOptions(background=False)) != whole.fingerprint
    of_person = {"head_top", "aux_shoulder_tilt", "iso_background_uniformity", "iso_background_uniformity_score"}
    for image in (
        hopper,
        hopper[60:],
    ):  # whether the edge of the second one cuts the crown depends on what is the person
        full, row = whole.analyse(image), without.analyse(image)
        changed = {name for name in full if full[name] != row[name]}
        assert of_person <= changed and all(row[name] is None for name in changed - {"warnings"})
        rest = changed - of_person - {"warnings", "aux_crown_cut"}
        assert rest and all(name.startswith("aux_background_") for name in rest)
        assert (full["warnings"], row["warnings"]) == ([], ["background_not_asked"])
        verdict = evaluate_row(load_rule_set("icao-tr-portrait"), row)
        assert {verdict.results[name] for name in ("background_shadow", "shoulders")} == {"not_assessed"}
        sent = profile({"row": 0, "file": "a.jpg", **row}, wire_columns("bqat", None))
        assert "head_bottom" in sent and not {"head_top", "iso_background_uniformity"} & set(sent)
    assert full["aux_crown_cut"] > 0.3 and verdict.results["head_cut_top"] == "not_assessed"


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 1.5])
def test_confidence_outside_0_to_1_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        EngineOptions(confidence=confidence)


def test_importing_the_package_loads_no_nets_and_the_engine_never_imports_mediapipe() -> None:
    code = """
import sys
import bqat_pipeline.face
assert not {"cv2", "ai_edge_litert", "mediapipe"} & set(sys.modules)
bqat_pipeline.face.FaceEngine().analyse_batch([])
assert "mediapipe" not in sys.modules and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
