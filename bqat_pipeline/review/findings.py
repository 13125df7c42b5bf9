"""What was found in a generation beside its profiles, row by row: unusual pictures, groups of copies, of one person."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from bqat_pipeline.datasets.generation import Finding, Generation
from bqat_pipeline.datasets.operators import Mask
from bqat_pipeline.datasets.tables import read_batches

_BATCH = 65_536

# Why a picture was compared with no other, and the word for people; the first: it was.
NOT_COMPARED = {
    "": "Compared",
    "not_measured": "No measured face",
    "turned_away": "Head turned too far",
    "too_small": "Eyes too few pixels apart",
    "doubtful_face": "Doubtful face",
    "no_landmarks": "No landmarks",
    "no_face": "No face",
    "unreadable": "Unreadable",
    "not_made": "Could not be opened again",
}

FindingTimes = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Findings:
    """Findings in the form of the profiles.

    Attributes
    ----------
    outlier : (n,) bool, or None where it was not computed.
    group : (n,) int32, number of the group of copies, -1 for none; None where it was not computed.
    person : (n,) int32, number of the group of pictures that may show one person, -1 for none; None where there are
        no identities, or they are switched off.
    not_compared : (n,) int8, code of why a picture was compared with no other: a position in ``NOT_COMPARED``, 0 for
        those that were; None where it is not known.
    """

    outlier: Mask | None
    group: NDArray[np.int32] | None
    person: NDArray[np.int32] | None = None
    not_compared: NDArray[np.int8] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        arrays = (self.outlier, self.group, self.person, self.not_compared)
        return sum(array.nbytes for array in arrays if array is not None)


def finding_times(generation: Generation, *, identities: bool = False) -> FindingTimes:
    """Times and sizes of the files, which change when the findings are computed again."""
    names: list[Finding] = ["outliers", "duplicates"]
    if identities:
        names += ["identities", "not_compared"]
    found = (generation.table(name).info() for name in names)
    return tuple((info.mtime_ns or 0, info.size or 0) for info in found)


def read_findings(generation: Generation, rows: int, *, identities: bool = False) -> Findings:
    """Read the tables of outliers and copies; with ``identities``, that of pairs of one person too.

    Raises
    ------
    UnreadableDatasetError, DamagedDatasetError : where one is there and cannot be read.
    """
    outlier = group = person = None
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
    table = generation.found("identities") if identities else None
    if table is not None:
        person = np.full(rows, -1, np.int32)
        for _, batch in read_batches(table, ["row_a", "row_b", "group"], _BATCH):
            number = batch.column("group").to_numpy()
            for end in ("row_a", "row_b"):
                at = batch.column(end).to_numpy()
                person[at[at < rows]] = number[at < rows]
    return Findings(outlier, group, person, _read_not_compared(generation, rows) if identities else None)


def _read_not_compared(generation: Generation, rows: int) -> NDArray[np.int8] | None:
    table = generation.found("not_compared")
    if table is None:
        return None
    known = {word: code for code, word in enumerate(NOT_COMPARED)}
    codes = np.zeros(rows, np.int8)
    for _, batch in read_batches(table, ["row", "reason_code"], _BATCH):
        at = batch.column("row").to_numpy()
        words = batch.column("reason_code").to_pylist()
        found = np.array([known.get(word, known["not_made"]) for word in words], np.int8)
        codes[at[at < rows]] = found[at < rows]
    return codes
