"""Fit bqat_pipeline/face/data/yaw_correction.csv: what the shape of the mesh says about yaw beyond the rigid fit.

usage: python -m benchmarks.calibration.fit_yaw MANIFEST.csv OUTPUT.csv

MANIFEST.csv has the columns file (relative to its folder), person_id, n_faces, yaw_deg (ISO/IEC 39794-5 sign; empty where
unknown). Ridge regression from the features of bqat_pipeline.face.pose.yaw_correction to the labelled yaw less that of the rigid fit.
Each picture is read many times, also mirrored and reduced, with its square moved a little; directions in which these readings
differ are penalised, so that the model does not lean on the net's jitter. Prints mean absolute errors in degrees, cross-validated by person, of the picture as it is.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from bqat_pipeline.face import EngineOptions
from bqat_pipeline.face.analysis import Analyser
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.nets.mesh import MeshNet, Roi
from bqat_pipeline.face.picture.pyramid import Pyramid
from bqat_pipeline.face.pose import (
    MIRROR_PAIRS,
    RIGID_VERTICES,
    RIGID_WEIGHTS,
    angles,
    procrustes,
    reference_face,
)
from bqat_pipeline.face.pose.yaw_correction import features, trust

# Weight of the scatter between readings of a picture (among 0.5, 1 and 2 the strongest within 2.5 degrees), and of a
# plain penalty per reading.
NOISE = 1.0
PENALTY = 1e-6
# Readings of each picture as it is and mirrored; every second one is of a reduced picture.
READINGS = 40
# Standard deviations of the moves: centre (share of the side), logarithm of the side, angle (radians).
MOVES = (0.02, 0.04, 0.03)
# Smallest and largest distance of the eyes in a reduced picture, px.
REDUCED = (30, 120)


@dataclass(frozen=True)
class Reading:
    """One reading of a picture: features of the model, and the yaw that it should give."""

    file: str
    person: str
    source: str
    asis: bool
    eye_distance: float
    features: np.ndarray
    fitted: float
    label: float


def read(points: np.ndarray, mirrored: bool) -> tuple[np.ndarray, float, float]:
    """Features and rigid yaw of landmarks, with the signs of the picture that is not mirrored; eye distance, px."""
    fit = procrustes(points, reference_face(), RIGID_VERTICES, RIGID_WEIGHTS)
    yaw, _, roll = angles(fit.rotation)
    sign = -1.0 if mirrored else 1.0
    return sign * features(fit.left_over, roll, MIRROR_PAIRS), sign * yaw, fit.scale


def moved(roi: Roi, generator: np.random.Generator) -> Roi:
    """The square, moved a little."""
    x, y, side, angle = generator.standard_normal(4)
    return replace(
        roi,
        x=roi.x + MOVES[0] * roi.side * x,
        y=roi.y + MOVES[0] * roi.side * y,
        side=roi.side * float(np.exp(MOVES[1] * side)),
        angle=roi.angle + MOVES[2] * angle,
    )


def reduced(context: FaceContext, roi: Roi, generator: np.random.Generator) -> tuple[np.ndarray, Roi]:
    """The decoded picture at a smaller size, and the square in it."""
    image, reduction = context.picture.image, context.picture.reduction
    distance = context.geometry.eye_distance / reduction
    low, high = REDUCED[0], max(REDUCED[0], min(REDUCED[1], distance))
    wanted = float(np.exp(generator.uniform(np.log(low), np.log(high))))
    size = [max(1, round(n * min(1.0, wanted / distance))) for n in image.shape[1::-1]]
    factor = size[0] / image.shape[1] / reduction
    smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return smaller, replace(roi, x=roi.x * factor, y=roi.y * factor, side=roi.side * factor)


def points_of(net: MeshNet, image: np.ndarray, roi: Roi) -> np.ndarray:
    """Landmarks in a square of an image."""
    return net.fit(Pyramid(np.ascontiguousarray(image), image.shape[1::-1]), roi).points


def readings(manifest: Path) -> Iterator[Reading]:
    """All readings of the labelled pictures."""
    analyser, generator = Analyser(EngineOptions()), np.random.default_rng(0)
    net = analyser._finder._mesh
    with manifest.open() as file:
        for row in csv.DictReader(file):
            if row["n_faces"] != "1" or not row["yaw_deg"]:
                continue
            context = analyser.context(manifest.parent / row["file"])
            if not context.has_landmarks:
                continue
            assert context.faces.mesh is not None
            roi, whole = context.faces.mesh.roi, context.picture.reduction
            plain = replace(roi, x=roi.x / whole, y=roi.y / whole, side=roi.side / whole)
            for number in range(READINGS):
                image, square = reduced(context, roi, generator) if number % 2 else (context.picture.image, plain)
                for mirrored in (False, True):
                    at = moved(square, generator) if number else square
                    if mirrored:
                        at = replace(at, x=image.shape[1] - 1 - at.x, angle=-at.angle)
                    found, yaw, eyes = read(points_of(net, image[:, ::-1] if mirrored else image, at), mirrored)
                    asis = number == 0 and not mirrored
                    label = float(row["yaw_deg"])
                    yield Reading(row["file"], row["person_id"], row["source"], asis, eyes, found, yaw, label)


def scatter(values: np.ndarray, files: np.ndarray) -> np.ndarray:
    """Sum over the pictures of the scatter of their readings."""
    return sum(
        (part.T @ part for part in (values[files == f] - values[files == f].mean(axis=0) for f in np.unique(files))),
        start=np.zeros((values.shape[1], values.shape[1])),
    )


def solve(values: np.ndarray, wanted: np.ndarray, files: np.ndarray) -> np.ndarray:
    """Weights of a ridge regression without a constant."""
    penalty = NOISE * scatter(values, files) + PENALTY * len(values) * np.eye(values.shape[1])
    return np.linalg.solve(values.T @ values + penalty, values.T @ wanted)


def main() -> None:
    """Read, fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    found = list(readings(arguments.manifest))
    values = np.stack([r.features for r in found])
    fitted = np.array([r.fitted for r in found])
    labels = np.array([r.label for r in found])
    persons = np.array([r.person for r in found])
    sources = np.array([r.source for r in found])
    files = np.array([r.file for r in found])
    asis = np.array([r.asis for r in found])
    trusted = np.array([trust(r.eye_distance) for r in found])[:, None]
    predicted = np.empty(len(found))
    for person in np.unique(persons):
        held = persons == person
        predicted[held] = (trusted[held] * values[held]) @ solve(values[~held], (labels - fitted)[~held], files[~held])
    before, after = np.abs(fitted - labels)[asis], np.abs(fitted + predicted - labels)[asis]
    summary = (
        f"{int(asis.sum())} labelled pictures of {len(np.unique(persons))} persons; mean absolute error in degrees, "
        f"cross-validated by person: {after.mean():.2f} (rigid fit alone {before.mean():.2f})"
    )
    print(summary)
    mirrored = np.flatnonzero(asis) + 1  # comes right after
    for name, values_of in (("rigid fit alone", fitted), ("corrected", fitted + predicted)):
        differences = np.percentile(np.abs(values_of[asis] - values_of[mirrored]), (50, 95))
        print(f"    {name}, against its mirror: median {differences[0]:.2f}, 95 % below {differences[1]:.2f}")
    for source in np.unique(sources):
        some = sources[asis] == source
        print(f"    {source}: {int(some.sum())}, {after[some].mean():.2f} (rigid fit alone {before[some].mean():.2f})")
    weights = solve(values, labels - fitted, files)
    sideways, depth = np.split(weights, 2)
    lines = [
        "# Degrees of yaw (ISO/IEC 39794-5 sign) per unit that a mirror pair of vertices is left over by the rigid fit:",
        "# sideways (mean of both, x right) and in depth (half their difference, z toward the camera).",
        f"# Fitted by benchmarks/calibration/fit_yaw.py on {summary}.",
        "vertex,partner,sideways,depth",
        *(
            f"{RIGID_VERTICES[a]},{RIGID_VERTICES[b]},{x:.4f},{z:.4f}"
            for (a, b), x, z in zip(MIRROR_PAIRS, sideways, depth, strict=True)
        ),
    ]
    arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
