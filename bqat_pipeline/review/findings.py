"""What was found in a generation beside its profiles, row by row: unusual pictures, groups of copies."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from bqat_pipeline.datasets.generation import Finding, Generation
from bqat_pipeline.datasets.operators import Mask
from bqat_pipeline.datasets.tables import read_batches

_BATCH = 65_536

FindingTimes = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Findings:
    """Findings in the form of the profiles.

    Attributes
    ----------
    outlier : (n,) bool, or None where it was not computed.
    group : (n,) int32, number of the group of copies, -1 for none; None where it was not computed.
    """

    outlier: Mask | None
    group: NDArray[np.int32] | None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in (self.outlier, self.group) if array is not None)


def finding_times(generation: Generation) -> FindingTimes:
    """Times and sizes of the files, which change when the findings are computed again."""
    names: tuple[Finding, ...] = ("outliers", "duplicates")
    found = (generation.table(name).info() for name in names)
    return tuple((info.mtime_ns or 0, info.size or 0) for info in found)


def read_findings(generation: Generation, rows: int) -> Findings:
    """Read both tables.

    Raises
    ------
    UnreadableDatasetError, DamagedDatasetError : where one is there and cannot be read.
    """
    outlier = group = None
    table = generation.found("outliers")
    if table is not None:
        outlier = np.zeros(rows, bool)
        for _, batch in read_batches(table, ["row", "is_outlier"], _BATCH):
            flagged = pc.fill_null(batch.column("is_outlier"), False).to_numpy(zero_copy_only=False)
            at = batch.column("row").to_numpy()[flagged]
            outlier[at[at < rows]] = True
    table = generation.found("duplicates")
    if table is not None:
        group = np.full(rows, -1, np.int32)
        for _, batch in read_batches(table, ["row", "group"], _BATCH):
            at = batch.column("row").to_numpy()
            group[at[at < rows]] = batch.column("group").to_numpy()[at < rows]
    return Findings(outlier, group)
