"""The figures of docs/outliers.md on duplicates: distances of hashes, and time and memory of the whole grouping.

    python benchmarks/duplicates.py --pictures FOLDER
    python benchmarks/duplicates.py --rows 1000000

With pictures: hashes each and five changed copies (JPEG at quality 40, half size, brighter, darker and lighter mid-tones), compares all
pairs, and counts what the search without comparing all pairs finds of them. With rows: makes up so many profiles, one in a hundred a
copy (exact, near, or changed and known by the face only), groups them, and prints what that cost and what it found.
"""

import argparse
import base64
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.duplicates import NEAR_BITS, DuplicateOptions, write_duplicates
from bqat_pipeline.duplicates.hashes import distance
from bqat_pipeline.duplicates.pairs import near_pairs

Image = np.ndarray


def _gamma(exponent: float) -> Callable[[Image], Image]:
    return lambda image: (255 * (image / 255.0) ** exponent).round().astype(np.uint8)


CHANGES: dict[str, Callable[[Image], Image]] = {
    "JPEG 40": lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1),
    "half size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "brightness + 20": lambda image: cv2.add(image, np.full_like(image, 20)),
    "gamma 1.3": _gamma(1.3),
    "gamma 0.75": _gamma(0.75),
}


def hash_of(image: Image) -> np.ndarray:
    """(32,) uint8 perceptual hash of a BGR picture."""
    from bqat_pipeline.face.picture.identity import phash256
    from bqat_pipeline.face.picture.pyramid import Pyramid

    picture = np.ascontiguousarray(image[:, :, ::-1])
    return np.frombuffer(bytes.fromhex(phash256(Pyramid(picture, (image.shape[1], image.shape[0])))), np.uint8)


# Made-up rows: so many at a time; dimensions that hashes of faces vary in (144 free bits would be further apart than faces are).
_AT_A_TIME, _DIMENSIONS = 20_000, 60
_PATTERN = 576
_ODD = np.packbits(np.arange(144) % 12 % 2 == 1)
# Every 300th row and the two after it are copies of the row 10,000 before, by kind.
_EVERY, _BEFORE = 300, 10_000


def make_up(path: Path, rows: int) -> int:
    """Write a Parquet file of made-up profiles; the number of copies in it."""
    random = np.random.default_rng(0)
    mixing = random.normal(size=(_DIMENSIONS, 144))
    schema = pa.schema(
        [(name, pa.int64()) for name in ("row",)]
        + [
            (name, pa.string())
            for name in ("file", "status", "sha256", "phash256", "aux_face_hash", "aux_face_pattern")
        ]
    )
    before: dict[str, np.ndarray] = {}
    copies = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, rows, _AT_A_TIME):
            n = min(_AT_A_TIME, rows - start)
            made = {
                "sha": random.integers(0, 256, (n, 32), np.uint8),
                "picture": random.integers(0, 256, (n, 32), np.uint8),
                "face": np.packbits(random.normal(size=(n, _DIMENSIONS)) @ mixing > 0, axis=1),
                "pattern": np.clip(random.normal(scale=20, size=(n, _PATTERN)), -127, 127).astype(np.int8),
            }
            for i in range(0, n - 3, _EVERY) if before else ():
                j = (i + _BEFORE) % (_AT_A_TIME - 3)  # no copy itself
                for kind in range(3):
                    for name in made:
                        made[name][i + kind] = before[name][j + kind]
                    if kind:
                        made["sha"][i + kind] ^= 255
                        bits = random.choice(256, 6 if kind == 1 else 90, replace=False)
                        made["picture"][i + kind] ^= np.packbits(np.isin(np.arange(256), bits))
                    if kind == 2:
                        made["face"][i + 2] ^= np.packbits(
                            np.isin(np.arange(144), random.choice(144, 10, replace=False))
                        )
                        made["pattern"][i + 2] += random.integers(-1, 2, _PATTERN).astype(np.int8) * (
                            np.abs(made["pattern"][i + 2]) < 120
                        )
                    copies += 1
            before = made
            columns = [
                range(start, start + n),
                [f"{row:09d}.jpg" for row in range(start, start + n)],
                ["ok"] * n,
                *([bytes(one).hex() for one in made[name]] for name in ("sha", "picture", "face")),
                [base64.b64encode(one.tobytes()).decode() for one in made["pattern"]],
            ]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return copies


def print_cost(rows: int) -> None:
    """Group made-up rows; time, memory and what was found."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "profiles.parquet"
        copies = make_up(table, rows)
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        at_first = _memory("VmRSS")
        wall, cpu = time.perf_counter(), time.process_time()
        summary = write_duplicates(
            ds.dataset(table), Generation("set", Location.parse(folder)), DuplicateOptions(limit=10 * rows)
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(
            f"{rows:,} rows, {copies:,} copies made: {summary['could_be_dropped']:,} found ({summary['exact_copies']:,} exact, "
            f"{summary['changed_copies']:,} by the face), capped {summary['capped']:,}; {cpu:.1f} s of CPU, {wall:.1f} s, "
            f"{_memory('VmHWM') - at_first:.0f} MB more than before"
        )


def _memory(name: str) -> float:
    """MB of this process, by the name of the kernel."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="print distances for the pictures below this folder")
    parser.add_argument("--rows", type=int, help="print the cost of grouping so many made-up rows")
    chosen = parser.parse_args()
    if chosen.rows:
        print_cost(chosen.rows)
    if chosen.pictures:
        print_distances(chosen.pictures)


def print_distances(folder: Path) -> None:
    """Distances between copies and between other pictures of a folder."""
    images = [image for path in sorted(folder.rglob("*.*")) if (image := cv2.imread(str(path))) is not None]
    originals = np.stack([hash_of(image) for image in images])
    print(f"{len(images)} pictures")
    print("| copy | median | 95 % | largest |")
    print("| --- | --- | --- | --- |")
    everything = [originals]
    for name, change in CHANGES.items():
        copies = np.stack([hash_of(change(image)) for image in images])
        everything.append(copies)
        bits = distance(originals, copies)
        print(f"| {name} | {np.median(bits):.0f} | {np.percentile(bits, 95):.0f} | {bits.max()} |")
    first, second = np.triu_indices(len(originals), 1)
    others = np.sort(distance(originals[first], originals[second]))
    print(f"pairs of different files within {NEAR_BITS} bits: {(others <= NEAR_BITS).sum()} of {len(others)}")
    print(f"smallest distances of different files: {others[:20].tolist()}")
    unique = np.unique(np.concatenate(everything), axis=0)
    first, second = np.triu_indices(len(unique), 1)
    blocks = range(0, len(first), 1_000_000)
    bits = np.concatenate(
        [distance(unique[first[b : b + 1_000_000]], unique[second[b : b + 1_000_000]]) for b in blocks]
    )
    near = (bits > 0) & (bits <= NEAR_BITS)
    found = near_pairs(unique, NEAR_BITS)
    print(
        f"pairs within {NEAR_BITS} bits: {near.sum()}, found without comparing all: {len(found.first) / near.sum():.4f}"
    )


if __name__ == "__main__":
    main()
