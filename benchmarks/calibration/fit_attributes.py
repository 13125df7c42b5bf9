"""Fit the attribute models of bqat_pipeline/face/data/attributes.json on labelled pictures.

usage: python benchmarks/calibration/fit_attributes.py MANIFEST.csv OUTPUT.json [--only ATTRIBUTE] [--groups GROUPS.csv]

MANIFEST.csv has the columns file (relative to its folder), person_id, n_faces and the labels eyes_closed_left, eyes_closed_right
(subject's sides), mouth_open, smile, glasses (1, 0 or empty). Logistic regression with balanced classes on standardised
features; the written weights apply to raw features. Smiles with open and with closed lips count alike: of most labelled
smiles the teeth show, and a model of these alone misses slight ones. Prints error rates cross-validated by person; with
GROUPS.csv (columns file, gender, ethnicity) also by group. With --only the other models of OUTPUT.json stay.
"""

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from bqat_pipeline.face import EngineOptions
from bqat_pipeline.face.analysis import Analyser
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures.eyes import eye_features
from bqat_pipeline.face.measures.glasses import glasses_features
from bqat_pipeline.face.measures.mouth import frontal, mouth_features, smile_features

# Inverse strength of the regularisation, chosen among 0.03, 0.1, 0.3, 1 and 10 by cross-validation.
STRENGTH = {"eye_closed": 1.0, "mouth_open": 0.3, "smile": 1.0, "glasses": 0.1}
FOLDS = 10


@dataclass
class Samples:
    """Features, labels and persons of one attribute."""

    features: list[dict[str, float]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    persons: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    kinds: list[bool] = field(default_factory=list)

    def weights(self) -> np.ndarray:
        """(n,) weights: both classes count alike, and in the class of those that have it both kinds of pictures."""
        y, kinds = np.array(self.labels), np.array(self.kinds)
        strata = [y == 0, *((y == 1) & (kinds == kind) for kind in np.unique(kinds[y == 1]))]
        result = np.zeros(len(y))
        for number, inside in enumerate(strata):
            result[inside] = len(y) / 2 / inside.sum() / (1 if number == 0 else len(strata) - 1)
        return result


def samples_of(context: FaceContext) -> Iterator[tuple[str, str, dict[str, float]]]:
    """(attribute, label column, features) of one face."""
    points, face = context.points, frontal(context.points, context.pose.rotation)
    right, left = eye_features(points, context.aligned)
    yield "eye_closed", "eyes_closed_right", right
    yield "eye_closed", "eyes_closed_left", left
    yield "mouth_open", "mouth_open", mouth_features(points, face, context.geometry.length)
    yield "smile", "smile", smile_features(points, face, context.aligned)
    yield "glasses", "glasses", glasses_features(context.aligned)


def collect(manifest: Path, skip: str) -> dict[str, Samples]:
    """Samples of all labelled pictures with one face; files whose name starts with ``skip`` are left out."""
    analyser = Analyser(EngineOptions())
    samples: dict[str, Samples] = defaultdict(Samples)
    with manifest.open() as file:
        for row in csv.DictReader(file):
            if row["n_faces"] != "1" or (skip and row["file"].startswith(skip)):
                continue
            context = analyser.context(manifest.parent / row["file"])
            if not context.has_landmarks:
                continue
            for attribute, label, features in samples_of(context):
                if row[label] in ("0", "1"):
                    samples[attribute].features.append(features)
                    samples[attribute].labels.append(int(row[label]))
                    samples[attribute].persons.append(row["person_id"])
                    samples[attribute].files.append(row["file"])
                    samples[attribute].kinds.append(attribute == "smile" and row["mouth_open"] == "1")
    return samples


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Weights and bias on raw features; ``weight`` is that of each sample."""
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(C=strength, max_iter=5000).fit(scaler.transform(x), y, sample_weight=weight)
    weights = model.coef_[0] / scaler.scale_
    return weights, float(model.intercept_[0] - weights @ scaler.mean_)


def cross_validated(samples: Samples, strength: float) -> np.ndarray:
    """Decision of each sample by a model that saw no picture of the same person."""
    x = np.array([list(f.values()) for f in samples.features])
    y, persons, weight = np.array(samples.labels), np.array(samples.persons), samples.weights()
    decided = np.zeros(len(y), bool)
    for train, test in GroupKFold(min(FOLDS, len(set(samples.persons)))).split(x, y, persons):
        weights, bias = fit(x[train], y[train], weight[train], strength)
        decided[test] = x[test] @ weights + bias >= 0
    return decided


def print_groups(attribute: str, samples: Samples, decided: np.ndarray, groups: Path) -> None:
    """Print what a cross-validated decision misses and finds falsely in each group of people."""
    y = np.array(samples.labels) == 1
    with groups.open(newline="", encoding="utf-8-sig") as file:
        people = {row["file"]: row for row in csv.DictReader(file)}
    for column in ("gender", "ethnicity"):
        names = np.array([people.get(name, {}).get(column, "") for name in samples.files])
        for name in sorted(set(names) - {""}):
            yes, no = (names == name) & y, (names == name) & ~y
            found, false = int(decided[yes].sum()), int(decided[no].sum())
            print(f"    {attribute}, {name}: found in {found} of {yes.sum()}, falsely in {false} of {no.sum()}")


def main() -> None:
    """Collect, cross-validate, fit on everything, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--skip", default="derived/", help="leave out files whose name starts with this")
    parser.add_argument("--only", help="fit this attribute alone")
    parser.add_argument("--groups", type=Path, help="labels of people")
    arguments = parser.parse_args()
    fitted = json.loads(arguments.output.read_text()) if arguments.only else {}
    print("| attribute | pictures yes / no | persons | missed | false | balanced accuracy |\n|---|---|---|---|---|---|")
    for attribute, samples in collect(arguments.manifest, arguments.skip).items():
        if attribute != (arguments.only or attribute):
            continue
        y, decided = np.array(samples.labels) == 1, cross_validated(samples, STRENGTH[attribute])
        missed, false = int((y & ~decided).sum()), int((~y & decided).sum())
        balanced = 1 - (missed / y.sum() + false / (~y).sum()) / 2
        counts = f"{y.sum()} / {(~y).sum()} | {len(set(samples.persons))} | {missed} | {false} | {balanced:.3f}"
        print(f"| {attribute} | {counts} |")
        if arguments.groups:
            print_groups(attribute, samples, decided, arguments.groups)
        names = list(samples.features[0])
        x = np.array([list(f.values()) for f in samples.features])
        weights, bias = fit(x, y.astype(int), samples.weights(), STRENGTH[attribute])
        fitted[attribute] = {
            "weights": {n: float(f"{w:.6g}") for n, w in zip(names, weights, strict=True)},
            "bias": float(f"{bias:.6g}"),
        }
    arguments.output.write_text(json.dumps(fitted, indent=2) + "\n")


if __name__ == "__main__":
    main()
