"""Derive the frontal reference face of bqat_pipeline/face/data/reference_face.csv from frontal studio portraits.

usage: python benchmarks/calibration/derive_reference_face.py MANIFEST.csv OUTPUT.csv [--select TEXT]

MANIFEST.csv has the columns file (relative to its folder), person_id, n_faces; pictures whose name contains TEXT
(default `_neutral.`) with one face are used. The landmarks of all of them are brought to a common frame (generalised Procrustes analysis),
averaged, symmetrised with their own mirror image (yaw and roll zero) and turned so that the median pitch is zero.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from bqat_pipeline.face import EngineOptions
from bqat_pipeline.face.analysis import Analyser
from bqat_pipeline.face.landmarks import IMG_LEFT_EYE_CORNERS, IMG_RIGHT_EYE_CORNERS
from bqat_pipeline.face.pose import RIGID_VERTICES, RIGID_WEIGHTS, angles, procrustes

VERTICES = 468


def eye_distance(face: np.ndarray) -> float:
    """Distance of the midpoints of the eye corners in the frontal plane."""
    left = face[list(IMG_LEFT_EYE_CORNERS)].mean(axis=0)
    right = face[list(IMG_RIGHT_EYE_CORNERS)].mean(axis=0)
    return float(np.linalg.norm((right - left)[:2]))


def mirror_partners(face: np.ndarray) -> np.ndarray:
    """(468,) vertex on the other side of each vertex: the nearest one to its mirror image, made one to one."""
    from scipy.optimize import linear_sum_assignment

    mirrored = face * (-1, 1, 1)
    cost = np.linalg.norm(mirrored[:, None] - face[None], axis=2)
    _, partners = linear_sum_assignment(cost)
    return partners


def pitch_rotation(angle: float) -> np.ndarray:
    """Rotation by an angle in degrees about x."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def mean_face(meshes: list[np.ndarray]) -> np.ndarray:
    """(468, 3) symmetric mean of landmarks (y down, z away): x right, y up, z toward the camera, eye distance 1."""
    faces = [m[:VERTICES] * (1.0, -1.0, -1.0) for m in meshes]
    faces = [(f - f[RIGID_VERTICES].mean(axis=0)) / eye_distance(f) for f in faces]
    reference = np.mean(faces, axis=0)
    for _ in range(20):
        turned = []
        for face in faces:
            fit = procrustes(face * (1, -1, -1), reference, RIGID_VERTICES, RIGID_WEIGHTS)
            centred = face - np.average(face[RIGID_VERTICES], axis=0, weights=RIGID_WEIGHTS)
            turned.append(centred @ fit.rotation / fit.scale)
        mean = np.mean(turned, axis=0)
        partners = mirror_partners(mean)
        mean = (mean + (mean * (-1, 1, 1))[partners]) / 2
        mean /= eye_distance(mean)
        change = float(np.abs(mean - reference).max())
        reference = mean
        if change < 1e-7:
            break
    if not np.array_equal(partners[partners], np.arange(VERTICES)):
        raise SystemExit("the mirror partners are not mutual; the mean face is too asymmetric")
    return reference


def main() -> None:
    """Read the pictures, derive, write, report the spread."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--select", default="_neutral.")
    arguments = parser.parse_args()
    analyser = Analyser(EngineOptions())
    meshes, persons = [], set()
    with arguments.manifest.open() as file:
        for row in csv.DictReader(file):
            if arguments.select not in row["file"] or row["n_faces"] != "1":
                continue
            context = analyser.context(arguments.manifest.parent / row["file"])
            if context.points is not None:
                meshes.append(context.points)
                persons.add(row["person_id"])
    reference = mean_face(meshes)
    pitches = [angles(procrustes(m, reference, RIGID_VERTICES, RIGID_WEIGHTS).rotation) for m in meshes]
    zero = float(np.median([p[1] for p in pitches]))
    reference = reference @ pitch_rotation(-zero)
    poses = np.array([angles(procrustes(m, reference, RIGID_VERTICES, RIGID_WEIGHTS).rotation) for m in meshes])
    spread = ", ".join(
        f"{name} median {np.median(column):+.2f} sd {column.std():.2f}"
        for name, column in zip(("yaw", "pitch", "roll"), poses.T, strict=True)
    )
    summary = f"{len(meshes)} frontal studio portraits of {len(persons)} persons; degrees after derivation: {spread}"
    lines = [
        "# Mean frontal face in the vertex order of the mesh: x right, y up, z toward the camera; inter-eye distance 1.",
        f"# Derived by benchmarks/calibration/derive_reference_face.py from {summary}.",
        f"# Zero of pitch: the median of these portraits ({zero:+.2f} degrees before).",
        "vertex,x,y,z",
        *(f"{v},{x:.6f},{y:.6f},{z:.6f}" for v, (x, y, z) in enumerate(reference)),
    ]
    arguments.output.write_text("\n".join(lines) + "\n")
    print(summary)


if __name__ == "__main__":
    main()
