"""The other detectors of the BQAT API, on scikit-learn, with the scores of PyOD's classes of the same names (tested).

PyOD itself needs numba and LLVM, 180 MB, for the one distance that it compiles. Parameters are PyOD's defaults, but for
seeds and for sets smaller than the defaults need.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.outliers.ecod import Copod
from bqat_pipeline.outliers.matrix import Matrix
from bqat_pipeline.outliers.surprise import Values

# (n,) scores of (n, columns) values, higher is more unusual.
Score = Callable[[Matrix], Values]

_NEIGHBOURS = 5
_CLUSTERS = 8
# Clusters are large while they hold less than this share of the rows, or until one is this many times its successor.
_LARGE_SHARE = 0.9
_LARGE_RATIO = 5


def fit_copod(values: Matrix, _seed: int) -> tuple[Values, Score]:
    """Scores of the (n, columns) rows that it is fitted on, and a function that scores others. See ``Copod``."""
    model = Copod.fit(values)
    return model.score(values), model.score


def fit_iforest(values: Matrix, seed: int) -> tuple[Values, Score]:
    """Isolation forest: how few random cuts separate a row from the others, less that of the most unusual tenth.

    Liu, F. T. et al. (2008), "Isolation Forest", ICDM.
    """
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(contamination=0.1, random_state=seed).fit(values)

    def score(rows: Matrix) -> Values:
        return -model.decision_function(rows)

    return score(values), score


def fit_knn(values: Matrix, _seed: int) -> tuple[Values, Score]:
    """Euclidean distance to the fifth neighbour.

    Ramaswamy, S. et al. (2000), "Efficient Algorithms for Mining Outliers from Large Data Sets", SIGMOD.
    """
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(values) - 1)).fit(values)
    training, _ = model.kneighbors()  # without the row itself

    def score(rows: Matrix) -> Values:
        distances, _ = model.kneighbors(rows)
        return distances[:, -1]

    return training[:, -1], score


def fit_cblof(values: Matrix, seed: int) -> tuple[Values, Score]:
    """Distance to the centre of the own cluster of k-means when that is a large one, else of the nearest large one.

    He, Z. et al. (2003), "Discovering cluster-based local outliers", Pattern Recognition Letters 24; without weights.

    Raises
    ------
    ValueError : when the clusters cannot be told apart by their sizes.
    """
    from scipy.spatial.distance import cdist
    from sklearn.cluster import KMeans

    clusters = KMeans(n_clusters=min(_CLUSTERS, max(2, len(values) // 2)), random_state=seed).fit(values)
    large = _large_clusters(np.bincount(clusters.labels_))
    centres = clusters.cluster_centers_

    def score(rows: Matrix, labels: NDArray[np.integer] | None = None) -> Values:
        own = clusters.predict(rows) if labels is None else labels
        distances = np.linalg.norm(rows - centres[own], axis=1)
        small = ~np.isin(own, large)
        if small.any():
            distances[small] = cdist(rows[small], centres[large]).min(axis=1)
        return distances

    return score(values, clusters.labels_), score


def fit_pca(values: Matrix, seed: int) -> tuple[Values, Score]:
    """Distances of a standardised row to the principal axes, each divided by the axis' share of the variance, summed.

    After Shyu, M.-L. et al. (2003), "A Novel Anomaly Detection Scheme Based on Principal Component Classifier"; the
    distance is that to the end of the axis of length 1, as PyOD has it.
    """
    from scipy.spatial.distance import cdist
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(values)
    axes = PCA(random_state=seed).fit(scaler.transform(values))

    def score(rows: Matrix) -> Values:
        distances = cdist(scaler.transform(rows), axes.components_)
        return np.sum(distances / axes.explained_variance_ratio_, axis=1)

    return score(values), score


def _large_clusters(sizes: NDArray[np.integer]) -> NDArray[np.integer]:
    """Numbers of the large clusters: the fewest after which both rules above hold, else the first, else the second."""
    order = np.argsort(-sizes)
    ordered = sizes[order]
    with np.errstate(divide="ignore", invalid="ignore"):  # a cluster without rows
        by_ratio = ordered[:-1] / ordered[1:] >= _LARGE_RATIO
    by_share = np.cumsum(ordered)[:-1] >= sizes.sum() * _LARGE_SHARE
    for rule in (by_share & by_ratio, by_share, by_ratio):
        if rule.any():
            return order[: int(np.argmax(rule)) + 1]
    raise ValueError("the clusters are too much alike in size")
