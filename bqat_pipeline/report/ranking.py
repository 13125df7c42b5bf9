"""The k largest of a stream."""

import numpy as np
import numpy.typing as npt


class Ranking:
    """Rows with the k largest keys; equal keys are ordered by row, so the result does not depend on batches.

    Parameters
    ----------
    size : k.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._keys = np.empty(0, np.float64)
        self._rows = np.empty(0, np.int64)

    def add(self, keys: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> None:
        """Take in a batch; NaN keys are passed over.

        Parameters
        ----------
        keys : (n,) float64, larger ranks higher.
        rows : (n,) int64.
        """
        usable = ~np.isnan(keys)
        if self._keys.size == self._size and self._size:
            usable &= keys >= self._keys[-1]
        if not self._size or not usable.any():
            return
        keys = np.concatenate([self._keys, keys[usable]])
        rows = np.concatenate([self._rows, rows[usable]])
        order = np.lexsort((rows, -keys))[: self._size]
        self._keys, self._rows = keys[order], rows[order]

    @property
    def rows(self) -> list[int]:
        """Rows, largest key first."""
        return [int(row) for row in self._rows]
