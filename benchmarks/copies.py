"""Are changed copies of a face found, and nothing else? ``python -m benchmarks.copies MANIFEST.csv [--processes 2]``.

MANIFEST.csv as of benchmarks/evaluate.py (file, person_id, n_faces). Of every picture copies are made (cropped, turned, mirrored,
brighter, darker, half, one and a half and double size, JPEG 20, grey, and some of these together) and stored as JPEG. The originals
and the copies of one kind are a data set whose duplicates are looked for. Printed are the share of copies that are found with their
original, how often the original is kept, the groups that hold several files of the manifest (look at them), and for each half of the
persons how close different photographs come, copies of both included. The rows take most of the time; ``--rows`` keeps them.
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
from bqat_pipeline.duplicates.confirming import COPY_WITH_NOISE, one_photograph
from bqat_pipeline.duplicates.faces import bits_apart
from bqat_pipeline.duplicates.likeness import drawn, registered, stored_pattern
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
    *(
        "file",
        "file_size",
        "status",
        "image_width",
        "image_height",
        "sharpness",
        "phash256",
        "aux_eye_distance",
        "aux_face_count",
    ),
    *("aux_effective_eye_distance", "aux_jpeg_quality", "aux_face_hash", "aux_face_pattern"),
)


def _size(context: FaceContext) -> dict[str, object]:
    return {"aux_eye_distance": context.geometry.eye_distance}


_FAMILIES = (picture.measure, compression.measure)
_FACE_FAMILIES = (_size, sharpness.measure, pattern.measure)
# To every picture, and one of each line in turn: that keeps the benchmark below four minutes.
IN_TURN = (("half size", "one and a half size", "double size"), ("JPEG 20", "grey", "mirrored, cropped 5 %, JPEG 60"))
ASKED = tuple(name for name in CHANGES if not any(name in names for names in IN_TURN))
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


def rows_of(task: tuple[Path, tuple[str, ...]]) -> list[dict[str, Any]]:
    """Rows of a picture and its copies; none of what OpenCV does not read."""
    path, changes = task
    image = cv2.imread(str(path))
    if image is None:
        return []
    rows = [row_of(path.read_bytes(), f"{path}|{ORIGINAL}")]
    for name in changes:
        change, quality = CHANGES[name]
        stored = cv2.imencode(".jpg", np.ascontiguousarray(change(image)), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        rows.append(row_of(stored.tobytes(), f"{path}|{name}"))
    return rows


def changes_of(number: int) -> tuple[str, ...]:
    """Changes that a picture is given: those that the issue asks about to all of them, of the others every third."""
    return (*ASKED, *(names[number % len(names)] for names in IN_TURN))


def grouped(rows: pa.Table) -> list[dict[str, Any]]:
    """The table of duplicates of a data set with these rows."""
    with tempfile.TemporaryDirectory() as folder:
        write_duplicates(ds.dataset(rows), Generation("set", Location.parse(folder)))
        return pq.read_table(Path(folder) / "duplicates.parquet").to_pylist()


def print_found(table: pa.Table, labelled: set[str]) -> None:
    """Of each change: a data set of all originals and these copies; the share found, the keepers, and false groups.

    Parameters
    ----------
    labelled : Pictures with exactly one face, whose copies are counted apart from those of the others with a face.
    """
    files = table["file"].to_pylist()
    with_face = {
        file.split("|")[0]
        for file, status in zip(files, table["status"].to_pylist(), strict=True)
        if file.endswith(f"|{ORIGINAL}") and status == "ok"
    }
    counted = {"one face": with_face & labelled, "others": with_face - labelled}
    false: set[tuple[str, ...]] = set()
    everything: dict[str, list[bool]] = defaultdict(list)
    for change in CHANGES:
        wanted = np.array([file.split("|")[1] in (ORIGINAL, change) for file in files])
        groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for member in grouped(table.filter(pa.array(wanted))):
            groups[member["group"]].append(member)
        found: dict[str, bool] = {f.split("|")[0]: False for f in files if f.endswith(f"|{change}")}
        kept: list[bool] = []
        for members in groups.values():
            names = {m["file"].split("|")[0] for m in members}
            if len(names) > 1:
                false.add(tuple(sorted(names)))
            for name in names:
                own = [m for m in members if m["file"].split("|")[0] == name]
                if len(own) > 1:
                    found[name] = True
                    kept += [m["file"].endswith(ORIGINAL) for m in own if m["keeper"]]
        shares = []
        for kind, names in counted.items():
            hits = [hit for name, hit in found.items() if name in names]
            everything[kind] += hits
            shares.append(f"{kind} {np.mean(hits):.3f} of {len(hits)}")
        print(f"  {change}: {', '.join(shares)}; the original is kept in {np.mean(kept):.3f}", flush=True)
    print("  all:", ", ".join(f"{kind} {np.mean(hits):.4f} of {len(hits)}" for kind, hits in everything.items()))
    print(f"groups that hold several files: {len(false)}; look at them")
    for group in sorted(false):
        print("   ", ", ".join(Path(name).name for name in group))


def print_halves(rows: list[dict[str, Any]], persons: dict[str, str], copies: set[frozenset[str]]) -> None:
    """Of each half of the persons: copies that are known by the face, and how close different photographs come."""
    faces = {r["file"]: r for r in rows if r["aux_face_hash"]}
    hashes = {f: np.frombuffer(bytes.fromhex(r["aux_face_hash"]), np.uint8) for f, r in faces.items()}
    patterns = {f: drawn(p) for f, r in faces.items() if (p := stored_pattern(r["aux_face_pattern"])) is not None}
    halves = {person: number % 2 for number, person in enumerate(sorted(set(persons.values())))}
    of: dict[str, dict[int, list[tuple[float, float, bool]]]] = {"copy": {0: [], 1: []}, "other": {0: [], 1: []}}
    originals = [f for f in faces if f.endswith(ORIGINAL)]
    for file in originals:
        name = file.split("|")[0]
        for change in CHANGES:
            other = f"{name}|{change}"
            if other in faces and name in persons:
                of["copy"][halves[persons[name]]].append(
                    judged(patterns[file], patterns[other], mirrored="mirrored" in change)
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
        found = judged(patterns[a], patterns[b], mirrored=bool(apart[1][number] < apart[0][number]))
        of["other"][half].append(found)
    for half in (0, 1):
        copy, other = np.array(of["copy"][half]), np.array(of["other"][half])
        close = other[other[:, 0] >= COPY_WITH_NOISE]
        least = f", which move {close[:, 1].min():.3f} at least" if len(close) else ""
        print(
            f"persons {half}: of {len(copy)} copies with a face {copy[:, 2].mean():.4f} are known by it; of {len(other)} close pairs of "
            f"different photographs {int(other[:, 2].sum())}; their likeness is {other[:, 0].max():.4f} at most, {len(close)} reach "
            f"{COPY_WITH_NOISE}{least}"
        )


def judged(first: Image, second: Image, *, mirrored: bool) -> tuple[float, float, bool]:
    """Likeness, movement (0 below the least likeness of a copy), and whether it counts as one photograph."""
    found = registered(first, second, mirrored=mirrored)
    movement = found.movement(first) if found.likeness >= COPY_WITH_NOISE else 0.0
    return found.likeness, movement, one_photograph(first, second, mirrored=mirrored)[1]


def main() -> None:
    """Analyse everything and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--others", type=Path, help="folder of further pictures, no two of one photograph")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--copies", nargs="*", default=[], help="A,B: files that are one photograph, looked at")
    parser.add_argument("--rows", type=Path, help="Parquet file that rows are kept in")
    arguments = parser.parse_args()
    with arguments.manifest.open() as file:
        labels = list(csv.DictReader(file))
    by_path = {str(arguments.manifest.parent / label["file"]): label for label in labels}
    paths = list(map(Path, by_path))
    paths += [path for path in sorted(arguments.others.iterdir()) if path.is_file()] if arguments.others else []
    if arguments.rows and arguments.rows.exists():
        table = pq.read_table(arguments.rows)
    else:
        tasks = [(path, changes_of(number)) for number, path in enumerate(paths)]
        with multiprocessing.Pool(arguments.processes) as pool:
            found = [row for rows in pool.imap(rows_of, tasks, chunksize=4) for row in rows]
        table = pa.Table.from_pylist(found, schema=pa.schema([FACE[name].arrow_field() for name in _COLUMNS]))
        if arguments.rows:
            pq.write_table(table, arguments.rows)
    # derived pictures are copies of each other by design
    table = table.filter(pa.array(["derived" not in file for file in table["file"].to_pylist()]))
    print(f"{len(paths)} pictures, {table.num_rows} rows without derived ones")
    persons = {
        path: label["person_id"]
        for path, label in by_path.items()
        if label["n_faces"] == "1" and "derived" not in label["file"]
    }
    print_found(table, set(persons))
    print_halves(table.to_pylist(), persons, {frozenset(pair.split(",")) for pair in arguments.copies})


if __name__ == "__main__":
    main()
