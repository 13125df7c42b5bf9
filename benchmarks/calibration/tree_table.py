"""Boosted regression trees for bqat_pipeline/face/trees.py: fitted, cross-validated by person, written as a table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold

from bqat_pipeline.face.trees import DECIMALS

FOLDS = 5


@dataclass(frozen=True)
class Size:
    """How large a sum of trees is, and how it is fitted.

    Attributes
    ----------
    monotonic : For each feature 1 (the value never falls with it), -1 (never rises) or 0; None: all 0.
    """

    trees: int = 120
    leaves: int = 12
    rate: float = 0.08
    samples: int = 20
    monotonic: Sequence[int] | None = None


def fit(x: np.ndarray, y: np.ndarray, size: Size) -> HistGradientBoostingRegressor:
    """Trees on (n, features) rounded as the engine rounds them."""
    model = HistGradientBoostingRegressor(
        max_iter=size.trees,
        max_leaf_nodes=size.leaves,
        learning_rate=size.rate,
        min_samples_leaf=size.samples,
        l2_regularization=1.0,
        monotonic_cst=size.monotonic,
        early_stopping=False,
        random_state=0,
    )
    return model.fit(np.round(x, DECIMALS), y)


def held_out(x: np.ndarray, y: np.ndarray, people: Sequence[str], size: Size) -> np.ndarray:
    """(n,) values by trees that saw nothing of the same person."""
    found = np.zeros(len(y))
    for train, test in GroupKFold(FOLDS).split(x, y, people):
        found[test] = fit(x[train], y[train], size).predict(np.round(x[test], DECIMALS))
    return found


def write(model: HistGradientBoostingRegressor, names: Sequence[str], file: Path) -> None:
    """The table that ``Trees.of`` reads."""
    trees = []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        leaf = nodes["is_leaf"].astype(bool)
        number = np.where(leaf, nodes["value"], nodes["num_threshold"])
        trees.append(
            {
                "feature": np.where(leaf, -1, nodes["feature_idx"]).tolist(),
                "number": [float(f"{v:.5g}") for v in number.tolist()],
                "left": nodes["left"].tolist(),
                "right": nodes["right"].tolist(),
            }
        )
    table = {"features": list(names), "start": float(f"{float(model._baseline_prediction.ravel()[0]):.6g}")}
    lines = [json.dumps(tree, separators=(",", ":")) for tree in trees]
    head = json.dumps(table)[:-1]
    file.write_text(head + ', "trees": [\n' + ",\n".join(lines) + "\n]}\n")
