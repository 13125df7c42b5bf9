"""Error figures of the face engine on labelled pictures.

usage: python -m benchmarks.evaluate MANIFEST.csv [--human LABELS.csv] [--pupils LANDMARKS.csv] [--groups GROUPS.csv]
       [--recognition MODEL.dat] [--limit N]

MANIFEST.csv: columns file (relative to its folder), person_id, source, n_faces, not_a_face, eyes_closed_left, eyes_closed_right (subject's
sides), mouth_open, smile, glasses, yaw_deg, pitch_deg, roll_deg (ISO/IEC 39794-5 signs), pose_basis; empty means unknown.
LABELS.csv: file, human_face: whether there is a human face (yes, no; anything else is left out), and optionally group.
GROUPS.csv: file (as in MANIFEST.csv), ethnicity, gender, age, expression (neutral, smiling): rates by group as benchmarks.groups.
MODEL.dat: the file of the extra `identity`; prints how many pairs of a person it does not match, the worst pictures left out.
LANDMARKS.csv: file, right_pupil_x, right_pupil_y, left_pupil_x, left_pupil_y, landmark_source.

Attribute figures are those of the shipped models: on pictures that they were fitted on they are optimistic; the figures that
benchmarks/calibration/fit_attributes.py prints are cross-validated by person.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.groups import GROUPS, print_all, wilson
from benchmarks.recognition import print_recognition
from benchmarks.tilt import TiltedHead
from bqat_pipeline.columns import DOUBTFUL, MEASURED
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.analysis import Analyser

Row = dict[str, Any]
DARK_FACE, TURNED = 60, 15  # mean grey of the face; degrees of yaw
TILTS = (-20, -10, 0, 10, 20)  # degrees
TILTED_EYES = 60  # px from eye to eye that a picture needs to be tilted
ATTRIBUTES = {
    "eyes_closed_left": "eye_closed_left",
    "eyes_closed_right": "eye_closed_right",
    "mouth_open": "aux_mouth_open",
    "smile": "smile",
    "glasses": "glasses",
}


def turn(difference: float) -> float:
    """A difference of angles, brought into -180..180 degrees."""
    return (difference + 180) % 360 - 180


def print_faces(pairs: list[tuple[Row, Row]]) -> None:
    """Print how many faces are found, and how many are found in pictures without one."""
    one = [row for label, row in pairs if label["n_faces"] == "1"]
    none = [row for label, row in pairs if label.get("not_a_face") == "1"]
    several = [
        (int(label["n_faces"]), row) for label, row in pairs if label["n_faces"].isdigit() and int(label["n_faces"]) > 1
    ]
    found = sum(row["status"] in MEASURED for row in one)
    print(f"face found in pictures with one face: {found} of {len(one)} = {100 * found / max(1, len(one)):.2f} %")
    if none:
        false = sum(bool(row["aux_face_count"]) and row["status"] not in DOUBTFUL for row in none)
        print(f"a face found in pictures without one: {false} of {len(none)}")
    if several:
        right = sum(row["aux_face_count"] == count for count, row in several)
        print(f"number of faces right: {right} of {len(several)}", [(n, r["aux_face_count"]) for n, r in several])


def print_human(pairs: list[tuple[Row, Row]], title: str) -> None:
    """Print human faces that are doubted or not found, by group with 95 % intervals, and false faces that are measured."""
    people: dict[str, list[Row]] = defaultdict(list)
    nobody = []
    for label, row in pairs:
        human = label.get("human_face") or {"1": "yes"}.get(label.get("n_faces", ""), "")
        if human == "yes":
            for group in ("all", *groups_of(label)):
                people[group].append(row)
        elif human == "no" or label.get("not_a_face") == "1":
            nobody.append(row)
    print(f"\n{title}\n\n| one human face | found (95 % interval) | doubted | without landmarks | not found |")
    print("| --- | --- | --- | --- | --- |")
    for group, rows in sorted(people.items(), key=lambda item: (item[0] != "all", item[0])):
        found = sum(row["status"] in MEASURED for row in rows)
        low, high = wilson(found, len(rows))
        rest = " | ".join(
            str(sum(row["status"] == status for row in rows)) for status in ("doubtful_face", "no_landmarks", "no_face")
        )
        print(f"| {group} | {found} of {len(rows)} ({low:.1%} to {high:.1%}) | {rest} |")
    if nobody:
        believed = sum(row["status"] in MEASURED for row in nobody)
        doubted = sum(row["status"] in DOUBTFUL for row in nobody)
        low, high = wilson(believed, len(nobody))
        print(
            f"without a human face: {len(nobody)} pictures, a face measured in {believed} ({low:.1%} to {high:.1%}), ",
            end="",
        )
        print(f"doubted in {doubted}")


def groups_of(label: Row) -> Iterable[str]:
    """Groups of a picture by its labels, in which faces must be found as reliably as in others."""
    for name in ("glasses", "sunglasses", "occluded", "head_covered", "dark", "blur", "is_gray", "uneven_light"):
        if label.get(name) == "1":
            yield name
    if label.get("face_luma") and float(label["face_luma"]) < DARK_FACE:
        yield "dark face (skin or light)"
    if label.get("yaw_deg") and abs(float(label["yaw_deg"])) > TURNED:
        yield "turned by more than 15 degrees"
    if label.get("group"):
        yield label["group"]


def print_attributes(pairs: list[tuple[Row, Row]]) -> None:
    """Print the balanced accuracy of each decision."""
    for label_name, column in ATTRIBUTES.items():
        judged = [
            (label[label_name] == "1", row[column])
            for label, row in pairs
            if label[label_name] in ("0", "1") and label["n_faces"] == "1" and row[column] is not None
        ]
        yes = [decided for truth, decided in judged if truth]
        no = [not decided for truth, decided in judged if not truth]
        if yes and no:
            balanced = (np.mean(yes) + np.mean(no)) / 2
            print(f"{column}: {len(yes)} yes, {len(no)} no, balanced accuracy {balanced:.3f}")


def print_angles(pairs: list[tuple[Row, Row]]) -> None:
    """Print the mean absolute error of the angles in degrees, by origin of the label."""
    for angle in ("yaw", "pitch", "roll"):
        errors: dict[str, list[float]] = defaultdict(list)
        for label, row in pairs:
            if label[f"{angle}_deg"] and row[f"iso_head_pose_{angle}"] is not None:
                basis = "nominal" if "nominal" in label["pose_basis"] and angle != "roll" else label["pose_basis"][:45]
                errors[basis].append(turn(row[f"iso_head_pose_{angle}"] - float(label[f"{angle}_deg"])))
        everything = np.concatenate([np.array(e) for e in errors.values()]) if errors else np.zeros(0)
        if everything.size:
            print(f"{angle}: {everything.size} labels, mean absolute error {np.abs(everything).mean():.2f} deg")
        for basis, values in sorted(errors.items()):
            print(f"    {basis}: {len(values)}, {np.abs(values).mean():.2f}, median {np.median(values):+.2f}")


def print_expressions(pairs: list[tuple[Row, Row]]) -> None:
    """Print how much the angles of one person differ between a smile and a neutral face in one sitting, by source.

    One sitting: pictures of one person from one source whose pose nobody measured (a set that states the pose of each
    picture has people turn between them). Neutral: no smile, and neither open mouth nor closed eyes are stated.
    """
    sittings: dict[tuple[str, str], tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for label, row in pairs:
        measured_pose = label["pose_basis"].startswith("source (")
        neutral = "1" not in (label["mouth_open"], label["eyes_closed_left"], label["eyes_closed_right"])
        if label["n_faces"] != "1" or measured_pose or row["iso_head_pose_pitch"] is None:
            continue
        if label["smile"] == "1" or (label["smile"] == "0" and neutral):
            sittings[label.get("source", ""), label["person_id"]][label["smile"] == "1"].append(row)
    for angle in ("pitch", "yaw"):
        differences: dict[str, list[float]] = defaultdict(list)
        people: dict[str, set[str]] = defaultdict(set)
        for (source, person), (neutrals, smiles) in sittings.items():
            for smile in smiles:
                for other in neutrals:
                    name = f"iso_head_pose_{angle}"
                    for group in ("all", source):
                        differences[group].append(smile[name] - other[name])
                        people[group].add(person)
        for group, values in differences.items():
            print(
                f"{'    ' if group != 'all' else ''}smile less neutral, {angle}, {group}: {len(values)} pairs of "
                f"{len(people[group])} persons, mean {np.mean(values):+.2f}, SD {np.std(values, ddof=1):.2f}, "
                f"90 % within {np.percentile(np.abs(values), 90):.2f} deg"
            )


def print_tilts(engine: FaceEngine, files: Iterable[Path]) -> None:
    """Print what pitch makes of copies whose head is tilted by known angles through a head in three dimensions."""
    analyser = Analyser(engine.options)
    truth, found = [], []
    for file in files:
        context = analyser.context(file)
        if not context.has_landmarks or context.geometry.eye_distance < TILTED_EYES:
            continue
        head = TiltedHead(context)
        pitch = {degrees: engine.analyse(head.tilted(degrees))["iso_head_pose_pitch"] for degrees in TILTS}
        if None not in pitch.values():
            truth += [degrees for degrees in TILTS if degrees]
            found += [pitch[degrees] - pitch[0] for degrees in TILTS if degrees]
    if truth:
        slope = float(np.dot(truth, found) / np.dot(truth, truth))
        off = np.abs(np.subtract(found, truth))
        print(
            f"tilted copies: {len(truth)}, pitch follows with a slope of {slope:.3f}, "
            f"mean absolute difference {off.mean():.2f}, 95 % within {np.percentile(off, 95):.2f} deg"
        )


def print_pupils(rows: dict[str, Row], landmarks: Path) -> None:
    """Print distances of the pupils from labelled ones, mean of both eyes, in percent of the labelled eye distance."""
    errors: dict[str, list[float]] = defaultdict(list)
    with landmarks.open() as file:
        for label in csv.DictReader(file):
            row = rows.get(label["file"])
            if row is None or row["pupil_right_x"] is None:
                continue
            truth = np.array([[float(label[f"{s}_pupil_{a}"]) for a in "xy"] for s in ("right", "left")])
            ours = np.array([[row[f"pupil_{s}_{a}"] for a in "xy"] for s in ("right", "left")])
            distance = np.linalg.norm(truth[1] - truth[0])
            errors[label["landmark_source"]].append(float(np.linalg.norm(ours - truth, axis=1).mean() / distance * 100))
    errors["all"] = [e for values in errors.values() for e in values]
    for source, values in errors.items():
        print(
            f"pupils ({source}): {len(values)}, median {np.median(values):.2f} %, 95 % below {np.percentile(values, 95):.2f} %"
        )


def print_cross_checks(rows: Iterable[Row]) -> None:
    """Largest violation of the identities between components (crops against eye distance, margins against head size)."""
    count, margins, crops = 0, 0.0, 0.0
    for row in rows:
        if row["status"] not in MEASURED:
            continue
        count += 1
        vertical = row["iso_margin_above_of_the_face_image"] + row["iso_margin_below_of_the_face_image"]
        margins = max(margins, abs(vertical * row["iso_head_size"] - 1))
        flat = row["iso_inter_eye_distance"] * np.cos(np.radians(row["iso_head_pose_yaw"]))
        roll = np.cos(np.radians(row["iso_head_pose_roll"]))
        sides = row["iso_leftward_crop_of_the_face_image"] + row["iso_rightward_crop_of_the_face_image"]
        if abs(row["iso_head_pose_roll"]) < 30:
            crops = max(crops, abs(sides - row["image_width"] / flat - roll))
    print(
        f"cross-checks on {count} pictures: margins off by {margins:.1e}, crops (roll below 30 degrees) by {crops:.1e}"
    )


def print_changes(engine: FaceEngine, files: Iterable[Path]) -> None:
    """What turning, mirroring and scaling do to the angles and the eye distance."""
    worst: dict[str, list[float]] = defaultdict(list)
    for file in files:
        image = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
        before = engine.analyse(image)
        if before["status"] != "ok":
            continue
        for degrees in (-30, -20, -10, 10, 20, 30):
            after = engine.analyse(rotated(image, degrees))
            if after["roll_degree"] is not None:
                worst["turned"].append(abs(turn(after["roll_degree"] - before["roll_degree"] - degrees)))
        mirrored = engine.analyse(np.ascontiguousarray(image[:, ::-1]))
        if mirrored["yaw_degree"] is not None:
            worst["mirrored"].append(abs(mirrored["yaw_degree"] + before["yaw_degree"]))
        for factor in (0.5, 2.0):
            mode = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
            after = engine.analyse(cv2.resize(image, None, fx=factor, fy=factor, interpolation=mode))
            if after["ipd"] is None:
                continue
            worst[f"scaled x {factor}: eye distance, %"].append(
                100 * abs(after["aux_eye_distance"] / before["aux_eye_distance"] / factor - 1)
            )
            worst[f"scaled x {factor}: angles"].extend(
                abs(after[f"{a}_degree"] - before[f"{a}_degree"]) for a in ("yaw", "pitch", "roll")
            )
    for name, values in worst.items():
        quantiles = np.percentile(values, (50, 95, 100))
        print(
            f"{name}: {len(values)}, median {quantiles[0]:.2f}, 95 % below {quantiles[1]:.2f}, worst {quantiles[2]:.2f}"
        )


def rotated(image: np.ndarray, degrees: float) -> np.ndarray:
    """The picture turned anti-clockwise about its centre, on a canvas that holds all of it, edges continued."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    c, s = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * c + height * s), round(width * s + height * c)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def analysed(engine: FaceEngine, table: Path) -> list[tuple[Row, Row]]:
    """Lines of a table of labels, and the rows of their pictures.

    Raises
    ------
    SystemExit : when the table or a picture that it names is not there, with a sentence.
    """
    try:
        return _analysed(engine, table)
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise SystemExit(f"{table} is no table of labels with the pictures that it names: {error}") from None


def _analysed(engine: FaceEngine, table: Path) -> list[tuple[Row, Row]]:
    with table.open(newline="", encoding="utf-8-sig") as file:
        return [(label, engine.analyse(table.parent / label["file"])) for label in csv.DictReader(file)]


def print_groups(engine: FaceEngine, pairs: list[tuple[Row, Row]], groups: Path) -> None:
    """Print rates by group of the pictures of the manifest that a table says more about."""
    known = {label["file"]: (label, row) for label, row in pairs}
    with groups.open(newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.DictReader(file) if line["file"] in known]
    labelled = [(known[line["file"]][0] | line, known[line["file"]][1]) for line in lines]
    print_all(engine, groups.parent, labelled, GROUPS, light=True)


def main() -> None:
    """Analyse all labelled pictures and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--human", type=Path, action="append", default=[], help="labels of what shows a human face")
    parser.add_argument("--pupils", type=Path, help="labelled pupils")
    parser.add_argument("--groups", type=Path, help="labels of people, for rates by group")
    parser.add_argument("--recognition", type=Path, help="identity model: false non-matches by aux_utility")
    parser.add_argument("--limit", type=int, default=40, help="pictures that are also turned, mirrored and scaled")
    arguments = parser.parse_args()
    engine = FaceEngine()
    pairs = analysed(engine, arguments.manifest)
    labels, folder = [label for label, _ in pairs], arguments.manifest.parent
    print_faces(pairs)
    print_human(pairs, arguments.manifest.name)
    for table in arguments.human:
        print_human(analysed(engine, table), table.name)
    print_attributes(pairs)
    print_angles(pairs)
    print_expressions(pairs)
    if arguments.pupils:
        print_pupils({label["file"]: row for label, row in pairs}, arguments.pupils)
    if arguments.groups:
        print_groups(engine, pairs, arguments.groups)
    if arguments.recognition:
        print_recognition(pairs, folder, engine, arguments.recognition)
    print_cross_checks(row for _, row in pairs)
    portraits = [folder / label["file"] for label in labels if label["n_faces"] == "1"]
    some = portraits[:: max(1, len(portraits) // max(1, arguments.limit))]
    print_tilts(engine, some)
    print_changes(engine, some)


if __name__ == "__main__":
    main()
