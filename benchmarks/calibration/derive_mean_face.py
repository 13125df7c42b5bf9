"""The mean face of `aux_face_hash`: ``python -m benchmarks.calibration.derive_mean_face MANIFEST.csv > mean_face.csv``.

Mean coefficients of the faces of a labelled manifest (columns file, n_faces) and of their mirror images: a bit of the hash
says on which side of the mean a face is, so that it is set in half of the faces. No face can be seen in it.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from bqat_pipeline.face import FaceEngine, SourceError
from bqat_pipeline.face.measures.pattern import HASHED, face_coefficients, frame


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("manifest", type=Path)
    manifest = parser.parse_args().manifest
    engine, found = FaceEngine(), []
    with manifest.open() as file:
        labels = [label for label in csv.DictReader(file) if label["n_faces"] == "1"]
    for label in labels:
        try:
            context = engine.context(manifest.parent / label["file"])
        except SourceError:
            continue
        if context.has_landmarks and (coefficients := face_coefficients(frame(context))) is not None:
            found.append(coefficients[:HASHED, :HASHED])
    mean = np.mean(found, axis=0)
    mean[:, 1::2] = 0  # of a face and its mirror image these cancel out
    print(
        f"# mean cosine coefficients of {len(found)} faces and their mirror images; benchmarks/calibration/derive_mean_face.py"
    )
    for row in mean:
        print(",".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in row + 0.0))


if __name__ == "__main__":
    main()
