"""ECOD and COPOD as the BQAT API scores them: sums of the logs of empirical tail shares.

The same numbers as PyOD's classes give on the rows they were fitted on (tested), column by column, without copies of
the whole matrix. A row's score does not depend on its batch.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from bqat_pipeline.outliers.matrix import Matrix
from bqat_pipeline.outliers.surprise import Values


@dataclass(frozen=True)
class Ecod:
    """Fitted columns.

    Li, Z. et al. (2022), "ECOD: Unsupervised Outlier Detection Using Empirical Cumulative Distribution Functions",
    IEEE TKDE.

    Attributes
    ----------
    columns : Each (n,) ascending, without missing values.
    skewness : Sign of each column's skewness: -1, 0, 1.
    """

    columns: tuple[Values, ...]
    skewness: tuple[int, ...]

    @classmethod
    def fit(cls, values: Matrix) -> Self:
        """Fitted on (n, columns) float64 without missing values, n >= 1."""
        return cls(tuple(np.sort(column) for column in values.T), _skewness_signs(values))

    def score(self, values: Matrix) -> Values:
        """(n,) scores, higher is more unusual.

        With L and R the shares of fitted values <= and >= the value: per column the largest of -ln L, -ln R and, by
        the sign of the skewness, -ln L (below 0), -ln R (above 0) or their sum (0); summed over the columns.
        """
        total = np.zeros(len(values))
        for sign, left, right in self._tails(values):
            total += left + right if sign == 0 else np.maximum(left, right)
        return total

    def _tails(self, values: Matrix) -> Iterator[tuple[int, Values, Values]]:
        """Of each column: sign of its skewness, (n,) -ln L and (n,) -ln R."""
        for ordered, sign, column in zip(self.columns, self.skewness, values.T, strict=True):
            n = ordered.size
            # a new value beyond all fitted ones is as rare as the last of them
            left = -np.log(np.maximum(np.searchsorted(ordered, column, "right"), 1) / n)
            right = -np.log(np.maximum(n - np.searchsorted(ordered, column, "left"), 1) / n)
            yield sign, left, right


class Copod(Ecod):
    """Li, Z. et al. (2020), "COPOD: Copula-Based Outlier Detection", ICDM."""

    def score(self, values: Matrix) -> Values:
        """(n,) scores, higher is more unusual.

        Per column the larger of the mean of -ln L and -ln R and, by the sign of the skewness, -ln L (below 0), -ln R
        (above 0) or their sum (0); summed over the columns.
        """
        total = np.zeros(len(values))
        for sign, left, right in self._tails(values):
            by_sign = left + right if sign == 0 else left if sign < 0 else right
            total += np.maximum(by_sign, (left + right) / 2)
        return total


def _skewness_signs(values: Matrix) -> tuple[int, ...]:
    # scipy's rounding decides the sign for symmetrical data, in PyOD and so in the BQAT API
    from scipy.stats import skew

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # constant columns: no skewness, counted as 0
        skewness = np.nan_to_num(skew(values, axis=0))
    return tuple(int(sign) for sign in np.sign(skewness))
