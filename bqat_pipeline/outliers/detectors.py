"""Detectors behind one interface: fit on a sample, score rows.

`tail` answers rows with missing values and explains itself; the others are those of the BQAT API and take complete
rows only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bqat_pipeline.outliers.api_detectors import Score, fit_cblof, fit_copod, fit_iforest, fit_knn, fit_pca
from bqat_pipeline.outliers.ecod import Ecod
from bqat_pipeline.outliers.matrix import Feature, Matrix
from bqat_pipeline.outliers.options import DetectorError, DetectorName
from bqat_pipeline.outliers.surprise import Values
from bqat_pipeline.outliers.tail import TailModel

_API_DETECTORS: dict[str, Callable[[Matrix, int], tuple[Values, Score]]] = {
    "COPOD": fit_copod,
    "IForest": fit_iforest,
    "KNN": fit_knn,
    "CBLOF": fit_cblof,
    "PCA": fit_pca,
}


class Fitted(Protocol):
    """A detector after ``fit``."""

    def score(self, values: Matrix) -> Values:
        """(n,) scores of (n, columns) values, higher is more unusual; NaN for rows it cannot judge."""
        ...

    def training_scores(self) -> Values:
        """(n,) scores of the rows that it was fitted on, in order."""
        ...


@dataclass(frozen=True)
class _Scored:
    score: Callable[[Matrix], Values]
    training: Values

    def training_scores(self) -> Values:
        return self.training


def fit(detector: DetectorName, values: Matrix, features: tuple[Feature, ...], seed: int = 0) -> Fitted:
    """A fitted detector.

    Parameters
    ----------
    detector : Which one.
    values : (n, columns) float64; for all but ``tail`` without missing values.
    features : What the columns are.
    seed : Seed of everything random in it.

    Raises
    ------
    DetectorError : when the detector cannot work on these rows.
    """
    if detector == "tail":
        model = TailModel.fit(values, features)
        positions = [features.index(f) for f in model.features]
        return _scored(lambda rows: model.score(rows[:, positions]).score, values)
    varying = [j for j in range(values.shape[1]) if len(values) and np.ptp(values[:, j]) > 0]
    if len(values) < 2 or not varying:
        return _Scored(lambda rows: np.zeros(len(rows)), np.zeros(len(values)))
    if detector == "ECOD":
        ecod = Ecod.fit(values)
        return _scored(ecod.score, values)
    return _api_detector(detector, values, varying, seed)


def _scored(score: Callable[[Matrix], Values], values: Matrix) -> Fitted:
    return _Scored(score, score(values))


def _api_detector(detector: DetectorName, values: Matrix, varying: list[int], seed: int) -> Fitted:
    # Constant columns tell nothing; PCA and COPOD would divide by zero.
    used = values[:, varying]
    if detector not in _API_DETECTORS:
        raise DetectorError(f"there is no detector {detector!r}")
    try:
        training, score = _API_DETECTORS[detector](used, seed)
    except ValueError as error:
        raise DetectorError(
            f"{detector} cannot work on these {len(used)} rows ({error}); ECOD works on any number"
        ) from error
    return _Scored(lambda rows: score(rows[:, varying]), training)
