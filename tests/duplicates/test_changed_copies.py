"""Copies that were cropped, turned, mirrored or brightened are known by the face; another photograph of it is none."""

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from skimage import data

from bqat_pipeline.columns import FACE
from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.duplicates import write_duplicates
from bqat_pipeline.duplicates.confirming import one_photograph
from bqat_pipeline.duplicates.faces import bits_apart, candidates
from bqat_pipeline.duplicates.likeness import drawn, likeness, registered, stored_pattern
from bqat_pipeline.face import FaceEngine

NAMES = ("sha256", "phash256", "status", "image_width", "image_height", "sharpness", "aux_eye_distance",
         "aux_effective_eye_distance", "aux_jpeg_quality", "aux_face_hash", "aux_face_pattern")  # fmt: skip


def cropped(image: np.ndarray, share: float) -> np.ndarray:
    y, x = round(image.shape[0] * share), round(image.shape[1] * share)
    return image[y:-y, x:-x]


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), borderValue=(255, 255, 255))


def smiling(image: np.ndarray, mouth: np.ndarray, size: float) -> np.ndarray:
    """The portrait with its mouth pulled up at the corners, as in a photograph taken a moment later."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    near = np.exp(-((x - mouth[0]) ** 2 + (y - mouth[1]) ** 2) / size**2)
    bend = 0.32 * size * near * ((x - mouth[0]) / size) ** 2
    return cv2.remap(image, x, (y + bend).astype(np.float32), cv2.INTER_LINEAR)


CHANGES = {
    "cropped 2 %": lambda image: cropped(image, 0.02),
    "cropped 10 %": lambda image: cropped(image, 0.1),
    "turned": lambda image: turned(image, 8),
    "mirrored": lambda image: image[:, ::-1],
    "brighter": lambda image: np.clip(image * 1.25, 0, 255),
    "darker": lambda image: image * 0.75,
    "half size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "mirrored, cropped": lambda image: cropped(image[:, ::-1], 0.05),
}


def stored(image: np.ndarray, quality: int = 85) -> bytes:
    picture = np.ascontiguousarray(image).astype(np.uint8)[:, :, ::-1]
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@pytest.fixture(scope="module")
def rows(engine: FaceEngine, hopper: np.ndarray) -> dict[str, dict]:
    """Rows of a portrait, its copies, a photograph taken a moment later, and a stranger."""
    points = engine.context(hopper).points[[61, 291], :2]
    mouth, size = points.mean(axis=0), float(np.linalg.norm(points[1] - points[0]))
    pictures = {"original": hopper} | {name: change(hopper) for name, change in CHANGES.items()}
    pictures |= {"later": cropped(smiling(hopper, mouth, size), 0.04), "stranger": data.astronaut()}
    return {name: engine.analyse(stored(picture)) for name, picture in pictures.items()}


def written(rows: dict[str, dict], folder: Path) -> tuple[dict, dict[str, dict]]:
    schema = pa.schema([pa.field("file", pa.string()), *(FACE[name].arrow_field() for name in NAMES)])
    table = pa.Table.from_pylist([row | {"file": name} for name, row in rows.items()], schema=schema)
    summary = write_duplicates(ds.dataset(table), Generation("set", Location.parse(folder)))
    return summary, {entry["file"]: entry for entry in pq.read_table(folder / "duplicates.parquet").to_pylist()}


def test_changed_copies_are_one_group_and_other_photographs_are_not_in_it(rows: dict, tmp_path: Path) -> None:
    summary, members = written(rows, tmp_path)
    assert set(members) == {"original", *CHANGES}
    assert len({entry["group"] for entry in members.values()}) == 1
    assert summary["changed_copies"] >= 5 and summary["near_copies"] == len(CHANGES)
    (keeper,) = (entry for entry in members.values() if entry["keeper"])
    assert keeper["file"] != "half size" and keeper["kind"] == "changed"
    mirrored = members["mirrored"]
    assert mirrored["kind"] == "changed" and mirrored["likeness"] > 0.99
    sides = {name: members[name]["mirrored"] for name in members}
    assert sides["mirrored"] == sides["mirrored, cropped"] != sides["turned"]


def test_a_picture_and_its_blurred_copy_of_one_hash_have_the_copies_of_the_picture(rows: dict, tmp_path: Path) -> None:
    soft = rows["stranger"] | {name: rows["original"][name] for name in ("phash256", "aux_face_count")}
    soft |= {"aux_utility": 1.0, "sha256": "0" * 64}
    _, members = written({"a soft copy": soft} | rows, tmp_path)
    assert len({entry["group"] for entry in members.values()}) == 1
    assert set(members) == {"a soft copy", "original", *CHANGES}


def test_a_moved_face_is_close_by_its_hash_and_not_by_its_pattern(rows: dict) -> None:
    def compared(name: str, mirrored: bool = False) -> tuple[int, float]:
        hashes = [np.frombuffer(bytes.fromhex(rows[n]["aux_face_hash"]), np.uint8)[None] for n in ("original", name)]
        patterns = [drawn(stored_pattern(rows[n]["aux_face_pattern"])) for n in ("original", name)]
        return int(bits_apart(*hashes)[mirrored][0]), likeness(*patterns, mirrored=mirrored)

    assert compared("original") == (0, pytest.approx(1.0))
    for name in CHANGES:
        bits, alike = compared(name, "mirrored" in name)
        assert bits <= 30 and alike > 0.9938, name
    bits, alike = compared("later")
    assert bits <= 30 and alike < 0.97
    assert compared("stranger")[0] > 40


def test_what_is_left_of_copies_is_noise_and_of_another_photograph_movement(rows: dict) -> None:
    def compared(name: str) -> tuple[float, bool]:
        first, second = (drawn(stored_pattern(rows[n]["aux_face_pattern"])) for n in ("original", name))
        mirrored = "mirrored" in name
        found = registered(first, second, mirrored=mirrored)
        return found.movement(first), one_photograph(first, second, mirrored=mirrored)[1]

    for name in CHANGES:
        movement, copy = compared(name)
        assert copy and 0 <= movement < 0.2, name
    movement, copy = compared("later")
    assert not copy and movement > 0.23
    assert not compared("stranger")[1]


def test_a_near_picture_with_a_moved_face_is_no_copy(rows: dict, tmp_path: Path) -> None:
    later = rows["later"] | {"phash256": rows["original"]["phash256"][:-3] + "fff"}
    bits = bin(int(later["phash256"], 16) ^ int(rows["original"]["phash256"], 16)).count("1")
    chosen = {"original": rows["original"], "later": later}
    if bits <= 4:  # as far as a tripod leaves two pictures
        text = list(later["phash256"])
        text[-6:-3] = [f"{int(digit, 16) ^ 15:x}" for digit in text[-6:-3]]
        chosen["later"] = later | {"phash256": "".join(text)}
    _, members = written(chosen, tmp_path)
    assert members == {}
    no_face = {name: row | {"aux_face_hash": None, "aux_face_pattern": None} for name, row in chosen.items()}
    _, members = written(no_face, tmp_path)
    assert set(members) == {"original", "later"}


def test_patterns_and_hashes_that_are_none_are_passed_over(rows: dict, tmp_path: Path) -> None:
    for wrong in (
        {"aux_face_pattern": "not base64!"},
        {"aux_face_pattern": None},
        {"aux_face_hash": "zz"},
        {"aux_face_pattern": "AAAA"},
    ):
        chosen = {"original": rows["original"], "cropped": rows["cropped 10 %"] | wrong}
        assert written(chosen, tmp_path)[1] == {}


def noisy(hashes: np.ndarray, bits: int, random: np.random.Generator) -> np.ndarray:
    """Hashes with so many of their 144 bits changed."""
    flat = np.unpackbits(hashes, axis=1)
    for row in flat:
        row[random.choice(144, bits, replace=False)] ^= 1
    return np.packbits(flat, axis=1)


@pytest.mark.parametrize("faces", [4_000, 12_000])
def test_candidates_and_their_mirror_images_are_found_among_few_and_many(faces: int) -> None:
    random = np.random.default_rng(0)
    hashes = random.integers(0, 256, (faces, 18), dtype=np.uint8)
    odd = np.packbits(np.arange(144) % 12 % 2 == 1)
    hashes[-100:] = noisy(hashes[:100], 9, random)
    hashes[-50:] ^= odd
    found = candidates(hashes)
    pairs = {
        (a, b): m for a, b, m in zip(found.first.tolist(), found.second.tolist(), found.mirrored.tolist(), strict=True)
    }
    wanted = [(i, faces - 100 + i) for i in range(100)]
    assert set(pairs) <= set(wanted) and found.capped == 0
    assert len(pairs) == 100 if faces <= 10_000 else len(pairs) >= 97
    assert all(pairs[i, j] == (i >= 50) for i, j in wanted if (i, j) in pairs)


def test_no_face_has_no_hash(engine: FaceEngine) -> None:
    row = engine.analyse(data.cat()[:, ::2])
    assert row["aux_face_hash"] is None and row["aux_face_pattern"] is None
