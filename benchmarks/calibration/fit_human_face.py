"""Fit the model of bqat_pipeline/face/second_opinion.py on labelled pictures, and find where it need not be asked.

usage: python -m benchmarks.calibration.fit_human_face LABELS.csv [LABELS.csv ...] [--confidence 0.35]

LABELS.csv has the columns file (relative to its folder) and human_face (yes, no; anything else: left out), or n_faces and
not_a_face as the manifest of benchmarks/evaluate.py has them; person_id and source where known. In pictures without a human
face boxes are looked for down to a lower confidence than people are: more false faces to learn from.

Logistic regression with balanced classes on standardised features; the printed weights apply to raw features. Prints what
cross-validation by person (else by picture) and training on the other sources say, and the faces nearest to the limit.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from bqat_pipeline.face import EngineOptions, SourceError
from bqat_pipeline.face.analysis import Analyser
from bqat_pipeline.face.nets.mesh import Roi
from bqat_pipeline.face.second_opinion import SURE_FLAG, SURE_SCORE

STRENGTH = 0.3  # inverse strength of the regularisation
FOLDS = 10
NEAREST = 12
# Log odds by which the limit lies below the middle of both classes: to doubt a human face is worse than to accept a dog's.
LENIENCE = 2.1


@dataclass(frozen=True)
class Sample:
    """One face that was found.

    Attributes
    ----------
    file, source, person : Where it is from.
    human : Whether it is a human face.
    score, flag : Detector score and mesh flag.
    features : As ``SecondOpinion.features`` has them.
    """

    file: str
    source: str
    person: str
    human: bool
    score: float
    flag: float
    features: dict[str, float]

    @property
    def gated(self) -> bool:
        """Whether nobody asks for a second opinion."""
        return self.score >= SURE_SCORE and self.flag >= SURE_FLAG


def labelled(tables: list[Path]) -> Iterator[tuple[Path, str, str, bool]]:
    """File, source, person, and whether the face that is found there is human."""
    for table in tables:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream):
                word = row.get("human_face")
                human = word == "yes" if word in ("yes", "no") else row.get("n_faces") == "1"
                if word in ("yes", "no") or human or row.get("not_a_face") == "1":
                    file = row["file"]
                    yield (
                        table.parent / file,
                        row.get("source") or table.parent.name,
                        row.get("person_id") or file,
                        human,
                    )


def collect(tables: list[Path], confidence: float) -> list[Sample]:
    """The main face of every labelled picture in which landmarks are found."""
    usual, eager = Analyser(EngineOptions()), Analyser(EngineOptions(confidence=confidence))
    samples = []
    for file, source, person, human in labelled(tables):
        try:
            context = (usual if human else eager).context(file)
        except SourceError as error:
            print(f"{file.name}: {error}")
            continue
        faces = context.faces
        if faces.mesh is not None:
            opinion = usual._finder._second_opinion
            features = opinion.features(context.pyramid, Roi.around(faces.mesh.points))
            samples.append(Sample(file.name, source, person, human, faces.boxes[0].score, faces.mesh.flag, features))
    return samples


def fit(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias on raw features."""
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=5000).fit(scaler.transform(x), y)
    weights = model.coef_[0] / scaler.scale_
    return weights, float(model.intercept_[0] - weights @ scaler.mean_) + LENIENCE


def held_out(x: np.ndarray, y: np.ndarray, groups: list[str]) -> np.ndarray:
    """Log odds of each sample by a model that saw nothing of its group."""
    found = np.full(len(y), np.nan)
    for train, test in GroupKFold(min(FOLDS, len(set(groups)))).split(x, y, groups):
        if len(set(y[train])) == 2:
            weights, bias = fit(x[train], y[train])
            found[test] = x[test] @ weights + bias
    return found


def report(name: str, samples: list[Sample], odds: np.ndarray) -> None:
    """Faces that are doubted and believed, and those nearest to the limit."""
    human = np.array([s.human for s in samples])
    doubted = (odds < 0) & ~np.array([s.gated for s in samples])
    print(
        f"\n{name}: doubted {int((doubted & human).sum())} of {int(human.sum())} human faces, "
        f"believed {int((~doubted & ~human).sum())} of {int((~human).sum())} false ones"
    )
    order = np.argsort(odds)
    for title, wanted, ranked in (("human", human, order), ("false", ~human, order[::-1])):
        nearest = [f"{samples[i].file} {odds[i]:+.2f}" for i in ranked if wanted[i]][:NEAREST]
        print(f"  {title}, nearest: " + ", ".join(nearest))


def main() -> None:
    """Collect, cross-validate, fit on everything, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--confidence", type=float, default=0.35, help="of the detectors in pictures without a face")
    arguments = parser.parse_args()
    samples = collect(arguments.labels, arguments.confidence)
    x = np.array([list(s.features.values()) for s in samples])
    y = np.array([s.human for s in samples])
    false = [s for s in samples if not s.human]
    print(f"{int(y.sum())} human faces, {len(false)} false ones")
    print(f"false faces: highest score {max(s.score for s in false):.3f}, highest short-range logit in the squares "
          f"{max(s.features['short_range'] for s in false):.2f}")  # fmt: skip
    print(f"second opinion asked for in {np.mean([not s.gated for s in samples if s.human]):.1%} of the human faces")
    report("by person", samples, held_out(x, y, [s.person for s in samples]))
    report("by source", samples, held_out(x, y, [s.source for s in samples]))
    weights, bias = fit(x, y)
    report("on themselves", samples, x @ weights + bias)
    print("\n", {n: float(f"{w:.4g}") for n, w in zip(samples[0].features, weights, strict=True)}, f"{bias:.4g}")


if __name__ == "__main__":
    main()
