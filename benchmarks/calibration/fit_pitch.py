"""Fit bqat_pipeline/face/data/pitch_correction.csv: what expression and the shape of the face do to pitch.

usage: python -m benchmarks.calibration.fit_pitch MANIFEST.csv OUTPUT.csv

MANIFEST.csv has the columns of benchmarks/evaluate.py. Ridge regression from the features of
bqat_pipeline.face.pose.pitch_correction to what is to be added to the pitch of the rigid fit, such that
* pictures of one person with and without a smile in one sitting agree;
* copies whose head is tilted by a known angle (benchmarks/tilt.py) differ by that angle, so that the model cannot
  buy agreement with indifference;
* portraits that are described as frontal have a pitch near 0, each person's shape of the face taken out;
* readings of one picture (moved, reduced, mirrored) agree, so that it does not lean on the net's jitter.
Prints figures in degrees, cross-validated by person, of the picture as it is.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmarks.calibration.fit_yaw import moved, points_of, reduced
from benchmarks.tilt import TiltedHead
from bqat_pipeline.face import EngineOptions
from bqat_pipeline.face.analysis import Analyser
from bqat_pipeline.face.pose import (
    MIRROR_PAIRS,
    RIGID_VERTICES,
    RIGID_WEIGHTS,
    angles,
    pitch_features,
    procrustes,
    reference_face,
)
from bqat_pipeline.face.pose.pitch_correction import share, vertices

# Standing of an equation of each kind. More for portraits and less for tilts lowers all differences, and the response to
# real movement with them: with tilts at 0 copies follow with a slope of 0.3, and pairs agree within 0.8.
FRONTAL, PAIR, TILT, READING = 2.0, 5.0, 0.8, 1.0
PENALTY = 3e-2
READINGS = 4  # of each picture as it is and mirrored; every second one is of a reduced picture
TILTS = (-20, -10, 10, 20)  # degrees
TILTED_EYES = 40  # px from eye to eye that a picture needs to be tilted
TILTED_REST = 5  # every so many pictures of sources without any labelled pitch are tilted, and all of the others
FOLDS = 8


@dataclass(frozen=True)
class Reading:
    """Features, pitch of the rigid fit, and share of the correction that is applied."""

    features: np.ndarray
    pitch: float
    share: float

    @classmethod
    def of(cls, points: np.ndarray) -> "Reading":
        """The reading of (478, 3) landmarks."""
        fit = procrustes(points, reference_face(), RIGID_VERTICES, RIGID_WEIGHTS)
        yaw, pitch, _ = angles(fit.rotation)
        return cls(pitch_features(points, fit), pitch, share(yaw, fit.scale))


@dataclass(frozen=True)
class Portrait:
    """All readings of one labelled picture."""

    label: dict[str, str]
    asis: Reading
    readings: list[Reading]
    tilted: dict[int, Reading] = field(default_factory=dict)

    @property
    def person(self) -> str:
        return self.label["person_id"]

    @property
    def frontal(self) -> bool:
        """Whether the picture is described as frontal, without a measurement of its pose."""
        return bool(self.label["pitch_deg"]) and "nominal" in self.label["pose_basis"]


def portraits(manifest: Path, limit: int) -> Iterator[Portrait]:
    """The labelled pictures with one face."""
    analyser, generator = Analyser(EngineOptions()), np.random.default_rng(0)
    net = analyser._finder._mesh
    with manifest.open() as file:
        labels = [row for row in csv.DictReader(file) if row["n_faces"] == "1" and row["source"] != "derived"]
    labelled = {row["source"] for row in labels if row["pitch_deg"]}
    for position, label in enumerate(labels[:limit]):
        context = analyser.context(manifest.parent / label["file"])
        if not context.has_landmarks:
            continue
        assert context.faces.mesh is not None
        roi, whole = context.faces.mesh.roi, context.picture.reduction
        plain = replace(roi, x=roi.x / whole, y=roi.y / whole, side=roi.side / whole)
        read = []
        for number in range(READINGS):
            image, square = reduced(context, roi, generator) if number % 2 else (context.picture.image, plain)
            for mirrored in (False, True):
                at = moved(square, generator) if number else square
                if mirrored:
                    at = replace(at, x=image.shape[1] - 1 - at.x, angle=-at.angle)
                read.append(Reading.of(points_of(net, image[:, ::-1] if mirrored else image, at)))
        tilted = {}
        chosen = label["source"] in labelled or position % TILTED_REST == 0
        if chosen and context.geometry.eye_distance > TILTED_EYES:
            head = TiltedHead(context)
            copies = {degrees: analyser.context(head.tilted(degrees)) for degrees in (0, *TILTS)}
            tilted = {degrees: Reading.of(copy.points) for degrees, copy in copies.items() if copy.has_landmarks}
        yield Portrait(label, Reading.of(context.points), read, tilted if 0 in tilted else {})


def smiles(found: list[Portrait]) -> list[tuple[Portrait, Portrait]]:
    """(neutral, smiling) of one person in one sitting, as benchmarks/evaluate.py defines them."""
    sittings: dict[tuple[str, str], tuple[list[Portrait], list[Portrait]]] = defaultdict(lambda: ([], []))
    for one in found:
        label = one.label
        neutral = "1" not in (label["mouth_open"], label["eyes_closed_left"], label["eyes_closed_right"])
        if label["pose_basis"].startswith("source ("):
            continue
        if label["smile"] == "1" or (label["smile"] == "0" and neutral):
            sittings[label["source"], label["person_id"]][label["smile"] == "1"].append(one)
    return [(before, after) for neutral, smiling in sittings.values() for after in smiling for before in neutral]


def equations(found: list[Portrait]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, k) and what they should add up to (n,), both times their standing; the person of each (n,)."""
    lines: list[tuple[np.ndarray, float, float, str]] = []
    for one in found:
        if one.frontal:
            lines.append((one.asis.features, float(one.label["pitch_deg"]) - one.asis.pitch, FRONTAL, one.person))
        for degrees, copy in one.tilted.items():
            if degrees:
                base = one.tilted[0]
                missing = degrees - (copy.pitch - base.pitch)
                lines.append((copy.features - base.features, missing, TILT, one.person))
        mean = np.mean([r.features for r in one.readings], axis=0)
        pitch = float(np.mean([r.pitch for r in one.readings]))
        lines += [(r.features - mean, pitch - r.pitch, READING, one.person) for r in one.readings]
    pairs = smiles(found)
    for before, after in pairs:
        standing = PAIR / np.sqrt(sum(other.person == before.person for other, _ in pairs))
        difference = after.asis.features - before.asis.features
        lines.append((difference, before.asis.pitch - after.asis.pitch, standing, before.person))
    values, wanted, standing, persons = (np.array(part) for part in zip(*lines, strict=True))
    return values * standing[:, None], wanted * standing, persons


def solve(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Weights of a ridge regression without a constant."""
    return np.linalg.solve(values.T @ values + PENALTY * np.eye(values.shape[1]), values.T @ wanted)


def cross_validated(found: list[Portrait]) -> dict[int, np.ndarray]:
    """Weights for each picture, by its position, fitted without its person."""
    values, wanted, persons = equations(found)
    people = sorted({one.person for one in found})
    np.random.default_rng(1).shuffle(people)
    fold = {person: number % FOLDS for number, person in enumerate(people)}
    folds = np.array([fold[person] for person in persons])
    weights = [solve(values[folds != number], wanted[folds != number]) for number in range(FOLDS)]
    return {id(one): weights[fold[one.person]] for one in found}


def corrected(reading: Reading, weights: np.ndarray) -> float:
    """Pitch, degrees."""
    return reading.pitch + reading.share * float(weights @ reading.features)


def report(found: list[Portrait], weights: dict[int, np.ndarray]) -> str:
    """One line of figures: labels, pairs by source, tilted copies, jitter."""

    def pitch(one: Portrait, reading: Reading | None = None) -> float:
        return corrected(reading or one.asis, weights[id(one)])

    errors: dict[str, list[float]] = defaultdict(list)
    for one in found:
        if one.label["pitch_deg"]:
            errors["all"].append(pitch(one) - float(one.label["pitch_deg"]))
            errors["frontal" if one.frontal else one.label["source"]].append(errors["all"][-1])
    parts = ["labels " + ", ".join(f"{name} {np.abs(e).mean():.2f} ({len(e)})" for name, e in errors.items())]
    differences: dict[str, list[float]] = defaultdict(list)
    for before, after in smiles(found):
        differences[before.label["source"]].append(pitch(after) - pitch(before))
    parts += [
        f"smile less neutral, {source} ({len(d)}): {np.mean(d):+.2f}, SD {np.std(d, ddof=1):.2f}"
        for source, d in differences.items()
    ]
    tilts = [(t, pitch(one, r) - pitch(one, one.tilted[0])) for one in found for t, r in one.tilted.items() if t]
    truth, seen = np.array(tilts, dtype=float).T
    parts.append(f"tilted copies ({len(tilts)}): slope {truth @ seen / (truth @ truth):.3f}")
    jitter = [np.std([pitch(one, r) for r in one.readings]) for one in found]
    return "; ".join([*parts, f"readings of one picture: SD {np.median(jitter):.2f}"])


def main() -> None:
    """Read, fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--limit", type=int, default=10**9, help="pictures that are read")
    arguments = parser.parse_args()
    found = list(portraits(arguments.manifest, arguments.limit))
    size = found[0].asis.features.size
    print("rigid fit alone:", report(found, {id(one): np.zeros(size) for one in found}))
    summary = report(found, cross_validated(found))
    print("corrected, cross-validated by person:", summary)
    height, depth = np.split(solve(*equations(found)[:2]), 2)
    lines = [
        "# Degrees of pitch (ISO/IEC 39794-5 sign) per eye distance that a mirror pair of vertices is left over by the rigid",
        "# fit, in the frame of the head: in height (mean of both, y up) and in depth (mean of both, z to the front).",
        f"# Fitted by benchmarks/calibration/fit_pitch.py on {len(found)} pictures of "
        f"{len({one.person for one in found})} persons. Cross-validated by person, degrees: {summary}.",
        "vertex,partner,height,depth",
        *(
            f"{a},{b},{y:.4f},{z:.4f}"
            for (a, b), y, z in zip(vertices(RIGID_VERTICES[MIRROR_PAIRS]), height, depth, strict=True)
        ),
    ]
    arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
