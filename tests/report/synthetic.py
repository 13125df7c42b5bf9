"""Synthetic face profiles with the registry's schema: fast enough for a million rows, the same for the same seed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bqat_pipeline.columns import FACE, MEASURED, ROW_FIELD, SCHEMA_VERSION
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Manifest, Source
from bqat_pipeline.requirements import OUTCOMES, evaluate_batch, load_rule_set

SCHEMA = pa.schema([*FACE.arrow_schema(), ROW_FIELD])
_UNMEASURED = [
    ("no_face", "no_face", "no face was found in the picture"),
    ("unreadable", "decode_failed", "the file is damaged: it ends in the middle of the picture"),
    ("unreadable", "empty", "the file is empty"),
    ("too_large", "too_many_pixels", "image is 812 MP; the limit is 64 MP (BQAT_MAX_PIXELS)"),
]


def profiles(n: int, seed: int = 0, *, first: int = 0, shift: float = 0.0, unmeasured: float = 0.04) -> pa.Table:
    """(n rows) face profiles; ``shift`` moves brightness by that many standard deviations, ``unmeasured`` is the share of unmeasured files."""
    rng = np.random.default_rng([seed, first])
    status = np.full(n, "ok", object)
    status[rng.random(n) < 0.03] = "multiple_faces"
    codes, sentences = np.full(n, None, object), np.full(n, None, object)
    codes[status == "multiple_faces"] = "multiple_faces"
    which = rng.integers(0, len(_UNMEASURED), n)
    for row in np.flatnonzero(rng.random(n) < unmeasured):
        status[row], codes[row], sentences[row] = _UNMEASURED[which[row]]
    measured = np.isin(status, MEASURED)
    rows = np.arange(first, first + n)
    folder = np.array(["2023/harbour", "2023/airport", "2024/town hall", "2024/kiosk", "old scans"], object)[
        rng.choice(5, n, p=[0.4, 0.3, 0.2, 0.095, 0.005])
    ]
    data = {name: _column(name, n, rng, shift) for name in FACE.names}
    data |= {
        "file": np.array([f"data/faces/{f}/{r:07d}.jpg" for f, r in zip(folder, rows, strict=True)], object),
        "folder": folder,
        "file_size": rng.integers(20_000, 900_000, n),
        "modified": np.full(n, np.datetime64("2026-01-01T00:00:00", "us")),
        "sha256": np.array([f"{r * 2654435761 % 2**64:016x}" * 4 for r in rows.tolist()], object),
        "status": status,
        "reason_code": codes,
        "reason": sentences,
    }
    arrays = []
    for field in FACE.arrow_schema():
        value = data[field.name]
        keep = measured | np.isin(
            field.name, ["file", "folder", "file_size", "modified", "sha256", "status", "reason_code", "reason"]
        )
        if value is None:
            arrays.append(pa.nulls(n, field.type))
        else:
            arrays.append(pa.array(value, mask=~keep | (value == None), from_pandas=True).cast(field.type))  # noqa: E711
    table = pa.table([*arrays, pa.array(rows)], schema=SCHEMA)
    return with_verdicts(table)


def _column(name: str, n: int, rng: np.random.Generator, shift: float) -> np.ndarray | None:
    column = FACE[name]
    if column.method == "not_computable" or column.type in ("strings", "boxes", "timestamp", "string"):
        return None
    if column.type == "bool":
        return rng.random(n) < 0.06
    if name.endswith("_score") and column.group == "iso":
        return np.clip(rng.normal(78, 18, n), 0, 100).round().astype(int)
    shapes = {
        "image_height": lambda: rng.choice([640, 800, 1200, 1600], n),
        "image_width": lambda: rng.choice([480, 600, 920, 1200], n),
        "bbox_left": lambda: rng.integers(90, 140, n),
        "bbox_upper": lambda: rng.integers(150, 200, n),
        "bbox_right": lambda: rng.integers(340, 400, n),
        "bbox_lower": lambda: rng.integers(450, 520, n),
        "confidence": lambda: 1 - rng.gamma(1.4, 0.03, n).clip(0, 0.5),
        "brightness": lambda: rng.normal(128 + 22 * shift, 22, n).clip(0, 255),
        "sharpness": lambda: rng.lognormal(5.4, 0.8, n),
        "ipd": lambda: rng.normal(118, 14, n).round().clip(20).astype(int),
        "iso_inter_eye_distance": lambda: rng.normal(116, 14, n).clip(20),
        "iso_head_pose_yaw": lambda: rng.normal(0.5, 3.4, n),
        "iso_head_pose_pitch": lambda: rng.normal(1.0, 3.0, n),
        "iso_head_pose_roll": lambda: rng.normal(0, 2.5, n),
        "iso_mouth_closed": lambda: rng.gamma(1.2, 0.008, n),
        "iso_eyes_open": lambda: rng.normal(0.08, 0.012, n).clip(0),
        "iso_head_size": lambda: rng.normal(0.37, 0.035, n),
        "iso_leftward_crop_of_the_face_image": lambda: rng.normal(2.6, 0.12, n),
        "iso_rightward_crop_of_the_face_image": lambda: rng.normal(2.6, 0.12, n),
        "iso_margin_above_of_the_face_image": lambda: rng.normal(1.1, 0.12, n),
        "iso_single_face_present": lambda: np.where(rng.random(n) < 0.03, rng.random(n), 0.0),
        "aux_eye_closed_score_right": lambda: rng.beta(0.3, 6, n),
        "aux_eye_closed_score_left": lambda: rng.beta(0.3, 6, n),
        "aux_mouth_open_score": lambda: rng.beta(0.6, 5, n),
        "aux_smile_score": lambda: rng.beta(0.5, 3, n),
        "aux_head_length_ratio": lambda: rng.normal(0.74, 0.06, n),
        "aux_head_width_ratio": lambda: rng.normal(0.62, 0.05, n),
        "aux_face_position_x": lambda: rng.normal(0.5, 0.02, n),
        "aux_face_position_y": lambda: rng.normal(0.41, 0.04, n),
        "aux_background_shadow": lambda: rng.beta(0.6, 30, n),
        "aux_shoulder_tilt": lambda: rng.normal(1.5, 3.5, n),
        "aux_quarter_turn": lambda: np.zeros(n, int),
        "aux_crown_cut": lambda: np.zeros(n),
        "aux_side_room": lambda: rng.normal(0.33, 0.04, n),
        "aux_chin_room": lambda: rng.normal(0.6, 0.1, n),
        "aux_light_zones_ratio": lambda: rng.normal(0.75, 0.12, n).clip(0, 1),
        "aux_intensity_levels": lambda: rng.normal(190, 25, n).clip(2, 256).round().astype(int),
        "aux_image_aspect": lambda: rng.choice([0.75, 0.77, 0.8, 1.0], n),
        "aux_face_count": lambda: 1 + (rng.random(n) < 0.03),
    }
    if name in shapes:
        return shapes[name]()
    low, high = column.low if column.low is not None else -1.0, column.high if column.high is not None else 1.0
    value = rng.normal((low + high) / 2, (high - low) / 9, n).clip(low, high)
    return value.round().astype(int) if column.type == "int" else value


def with_verdicts(table: pa.Table) -> pa.Table:
    """The same rows judged by the rule set of made-up data sets."""
    rules = load_rule_set("icao-tr-portrait")
    batch = pa.RecordBatch.from_arrays([c.combine_chunks() for c in table.columns], schema=table.schema)
    codes = evaluate_batch(rules, batch)["overall"]
    verdict = pa.array(np.array(OUTCOMES, object)[codes], pa.string())
    fail = codes == OUTCOMES.index("fail")
    reasons = pa.ListArray.from_arrays(
        np.concatenate([[0], np.cumsum(fail)]).astype(np.int32),
        pa.array(
            ["Turn the head 6 degrees to the image left (yaw 6.0 deg, limit -5.0 to 5.0 deg)."] * int(fail.sum()),
            pa.string(),
        ),
    )
    for name, value in (("verdict", verdict), ("verdict_reasons", reasons)):
        table = table.set_column(table.schema.get_field_index(name), SCHEMA.field(name), value)
    return table


def chunks(n: int, seed: int = 0, size: int = 30_000, shift: float = 0.0) -> Iterator[pa.Table]:
    """The same rows in parts that fit into memory."""
    for first in range(0, n, size):
        yield profiles(min(size, n - first), seed, first=first, shift=shift)


def publish(
    store: DatasetStore,
    record: DatasetRecord,
    tables: Iterator[pa.Table] | list[pa.Table],
    generation: str = "g1",
    previous: str | None = None,
) -> Manifest:
    """Write a generation as a finished scan would and make it the current one."""
    place = Path(store.generation(record.key, generation).profiles.path)
    place.mkdir(parents=True, exist_ok=True)
    rows = 0
    counts: dict[str, int] = {}
    verdicts: dict[str, int] = {}
    with pq.ParquetWriter(place / "profiles.parquet", SCHEMA) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=10_000)
            rows += table.num_rows
            for column, known in (("status", counts), ("verdict", verdicts)):
                for entry in table[column].value_counts():
                    known[entry["values"].as_py()] = known.get(entry["values"].as_py(), 0) + entry["counts"].as_py()
    manifest = Manifest(
        generation=generation,
        schema_version=SCHEMA_VERSION,
        engine="bqat",
        engine_fingerprint="f" * 16,
        rows=rows,
        counts=counts,
        verdicts=verdicts,
        run_id="run-1",
        seconds=12.5,
        previous=previous,
    )
    store.generation(record.key, manifest.generation).complete(manifest)
    store.publish(record.key, manifest)
    return manifest


def dataset(
    store: DatasetStore, tables: Iterator[pa.Table] | list[pa.Table], name: str = "Made-up faces", uri: str = "/nowhere"
) -> DatasetRecord:
    """A published data set of synthetic profiles."""
    record = store.create(name, [Source(uri=uri, prefix="data/faces")])
    publish(store, record, tables)
    return record
