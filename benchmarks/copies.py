"""Are changed copies of a face found, and nothing else? ``python -m benchmarks.copies MANIFEST.csv [--processes 2]``.

MANIFEST.csv as of benchmarks/evaluate.py (file, person_id, n_faces). Of every picture copies are made (cropped, turned, mirrored,
brighter, darker, half and double size, JPEG 20, grey, and some of these together) and stored as JPEG; all are rows of one data
set whose duplicates are looked for. Printed are the share of copies that are found with their original, the groups that hold
different photographs, the keepers that are enlarged, and the limit of likeness that each half of the persons would choose, with
what it gives on the other half. Pictures of the manifest that are copies of each other are listed: look at them.
"""

import argparse
import csv
import multiprocessing
import tempfile
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bqat_pipeline.columns import FACE
from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.duplicates import write_duplicates
from bqat_pipeline.duplicates.confirming import COPY
from bqat_pipeline.duplicates.faces import bits_apart
from bqat_pipeline.duplicates.likeness import drawn, likeness, stored_pattern
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures import compression, pattern, picture, sharpness
from bqat_pipeline.face.picture import identity
from bqat_pipeline.face.rounding import stored_value

Image = np.ndarray
Change = Callable[[Image], Image]
ORIGINAL = "original"
_CLOSE = 36  # bits of the hash within which pairs of different photographs are compared finely


def cropped(share: float) -> Change:
    """Less by a share of the picture on every side."""

    def change(image: Image) -> Image:
        y, x = round(image.shape[0] * share), round(image.shape[1] * share)
        return image[y : image.shape[0] - y, x : image.shape[1] - x]

    return change


def turned(degrees: float) -> Change:
    """Turned on a canvas of the same size, white behind."""

    def change(image: Image) -> Image:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        return cv2.warpAffine(image, matrix, (width, height), borderValue=(255, 255, 255))

    return change


def brighter(factor: float) -> Change:
    """Grey levels times a factor, cut off at 255."""
    return lambda image: np.clip(image * factor, 0, 255).round().astype(np.uint8)


def scaled(factor: float, mode: int) -> Change:
    """Another size."""
    return lambda image: cv2.resize(image, None, fx=factor, fy=factor, interpolation=mode)


def mirrored(image: Image) -> Image:
    """Left and right exchanged."""
    return cv2.flip(image, 1)


# What is done, and the JPEG quality it is stored with.
CHANGES: dict[str, tuple[Change, int]] = {
    "cropped 2 %": (cropped(0.02), 90),
    "cropped 6 %": (cropped(0.06), 90),
    "cropped 10 %": (cropped(0.10), 90),
    "turned 2 degrees": (turned(2), 90),
    "turned 10 degrees": (turned(-10), 90),
    "mirrored": (mirrored, 90),
    "25 % brighter": (brighter(1.25), 90),
    "25 % darker": (brighter(0.75), 90),
    "half size": (scaled(0.5, cv2.INTER_AREA), 90),
    "one and a half size": (scaled(1.5, cv2.INTER_CUBIC), 92),
    "double size": (scaled(2, cv2.INTER_CUBIC), 95),
    "JPEG 20": (lambda image: image, 20),
    "grey": (lambda image: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), 90),
    "mirrored, cropped 5 %, JPEG 60": (lambda image: cropped(0.05)(mirrored(image)), 60),
}
_COLUMNS = (
    *("file", "file_size", "status", "image_width", "image_height", "sharpness", "phash256", "aux_eye_distance"),
    *("aux_effective_eye_distance", "aux_jpeg_quality", "aux_face_hash", "aux_face_pattern"),
)


def _size(context: FaceContext) -> dict[str, object]:
    return {"aux_eye_distance": context.geometry.eye_distance}


_FAMILIES = (picture.measure, compression.measure)
_FACE_FAMILIES = (_size, sharpness.measure, pattern.measure)
_engine = FaceEngine()


def row_of(content: bytes, file: str) -> dict[str, Any]:
    """The columns of a row that the search for copies looks at; the other measures would take most of the time."""
    context = _engine.context(content)
    values: dict[str, object] = {"phash256": identity.phash256(context.pyramid)}
    for family in (*_FAMILIES, *(_FACE_FAMILIES if context.has_landmarks else ())):
        values |= family(context)
    found = context.has_landmarks and not context.faces.doubtful
    kept: dict[str, Any] = {name: stored_value(values.get(name), FACE[name].type) for name in _COLUMNS}
    return kept | {"file": file, "file_size": len(content), "status": "ok" if found else "no_face"}


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Rows of a picture and its copies; none of what OpenCV does not read."""
    image = cv2.imread(str(path))
    if image is None:
        return []
    rows = [row_of(path.read_bytes(), f"{path}|{ORIGINAL}")]
    for name, (change, quality) in CHANGES.items():
        stored = cv2.imencode(".jpg", np.ascontiguousarray(change(image)), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        rows.append(row_of(stored.tobytes(), f"{path}|{name}"))
    return rows


def print_found(rows: list[dict[str, Any]], groups: dict[int, int], judged: set[str]) -> None:
    """The share of each kind of copy that is in a group with another copy of its photograph."""
    members: dict[int, list[int]] = defaultdict(list)
    for row, group in groups.items():
        members[group].append(row)
    photographs = [row["file"].split("|")[0] for row in rows]
    found: dict[str, list[bool]] = defaultdict(list)
    for number, row in enumerate(rows):
        photograph, change = row["file"].split("|")
        if photograph in judged and change != ORIGINAL:
            others = members[groups[number]] if number in groups else []
            found[change].append(any(photographs[other] == photograph and other != number for other in others))
    for change, hits in found.items():
        print(f"  {change}: {np.mean(hits):.3f} of {len(hits)}")
    everything = [hit for hits in found.values() for hit in hits]
    print(f"  all: {np.mean(everything):.4f}")
    mixed = {tuple(sorted({photographs[r] for r in rows_}))[:6] for rows_ in members.values()}
    mixed = {names for names in mixed if len(names) > 1}
    print(f"groups that hold several files of the manifest: {len(mixed)}")
    for names in sorted(mixed):
        print("   ", ", ".join(Path(name).name for name in names))


def print_halves(rows: list[dict[str, Any]], persons: dict[str, str], copies: set[frozenset[str]]) -> None:
    """The limit of likeness that one half of the persons chooses, and what it gives on the other half."""
    faces = {r["file"]: r for r in rows if r["aux_face_hash"]}
    hashes = {f: np.frombuffer(bytes.fromhex(r["aux_face_hash"]), np.uint8) for f, r in faces.items()}
    patterns = {f: drawn(p) for f, r in faces.items() if (p := stored_pattern(r["aux_face_pattern"])) is not None}
    halves = {person: number % 2 for number, person in enumerate(sorted(set(persons.values())))}
    of: dict[str, dict[int, list[float]]] = {"copy": {0: [], 1: []}, "other": {0: [], 1: []}}
    originals = [f for f in faces if f.endswith(ORIGINAL)]
    for file in originals:
        name = file.split("|")[0]
        for change in CHANGES:
            other = f"{name}|{change}"
            if other in faces and name in persons:
                of["copy"][halves[persons[name]]].append(
                    likeness(patterns[file], patterns[other], mirrored="mirrored" in change)
                )
    by_person: dict[str, list[str]] = defaultdict(list)
    for file in faces:
        if file.split("|")[0] in persons:
            by_person[persons[file.split("|")[0]]].append(file)
    pairs = [pair for files in by_person.values() for pair in combinations(files, 2)]
    pairs += [p for p in combinations(originals, 2) if all(f.split("|")[0] in persons for f in p)]
    different = [p for p in pairs if len({f.split("|")[0] for f in p}) == 2]
    different = [p for p in different if frozenset(Path(f.split("|")[0]).name for f in p) not in copies]
    apart = bits_apart(np.stack([hashes[a] for a, _ in different]), np.stack([hashes[b] for _, b in different]))
    for number in np.flatnonzero(np.minimum(*apart) <= _CLOSE):
        a, b = different[number]
        half = halves[persons[a.split("|")[0]]]
        alike = likeness(patterns[a], patterns[b], mirrored=bool(apart[1][number] < apart[0][number]))
        of["other"][half].append(alike)
    for half in (0, 1):
        limit = max(of["other"][half])
        found, false = np.array(of["copy"][1 - half]), np.array(of["other"][1 - half])
        print(
            f"persons {half}: {len(of['other'][half])} close pairs of different photographs, the closest {limit:.4f}; of the other "
            f"persons' copies with a face {np.mean(found > limit):.4f} are closer, of {len(false)} different pairs {(false > limit).sum()}"
        )
        print(f"    at {COPY}: {np.mean(found >= COPY):.4f} of {len(found)} copies, {(false >= COPY).sum()} others")


def main() -> None:
    """Analyse everything and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--copies", nargs="*", default=[], help="A,B: files that are one photograph, looked at")
    parser.add_argument("--rows", type=Path, help="Parquet file that rows are kept in")
    arguments = parser.parse_args()
    with arguments.manifest.open() as file:
        labels = list(csv.DictReader(file))
    paths = {str(arguments.manifest.parent / label["file"]): label for label in labels}
    names = (
        "file",
        "file_size",
        *(name for name in FACE.names if name in _engine.analyse(np.zeros((9, 9, 3), np.uint8))),
    )
    if arguments.rows and arguments.rows.exists():
        table = pq.read_table(arguments.rows)
    else:
        with multiprocessing.Pool(arguments.processes) as pool:
            found = [row for rows in pool.imap(rows_of, [Path(p) for p in paths], chunksize=4) for row in rows]
        schema = pa.schema([FACE[name].arrow_field() for name in dict.fromkeys(names)])
        table = pa.Table.from_pylist(found, schema=schema)
        if arguments.rows:
            pq.write_table(table, arguments.rows)
    rows = table.select(["file", "status", "phash256", "aux_face_hash", "aux_face_pattern"]).to_pylist()
    with tempfile.TemporaryDirectory() as folder:
        summary = write_duplicates(ds.dataset(table), Generation("set", Location.parse(folder)))
        written = pq.read_table(Path(folder) / "duplicates.parquet").to_pylist()
    print({name: summary[name] for name in ("rows", "groups", "near_copies", "changed_copies", "capped")})
    groups = {entry["row"]: entry["group"] for entry in written}
    faces = {p for p, label in paths.items() if label["n_faces"] == "1" and "derived" not in label["file"]}
    print(f"copies of {len(faces)} pictures with one face")
    print_found(rows, groups, faces)
    kept = [entry["file"].split("|")[1] for entry in written if entry["keeper"]]
    print("keepers:", {change: kept.count(change) for change in (ORIGINAL, *CHANGES)})
    persons = {p: paths[p]["person_id"] for p in faces}
    print_halves(rows, persons, {frozenset(pair.split(",")) for pair in arguments.copies})


if __name__ == "__main__":
    main()
