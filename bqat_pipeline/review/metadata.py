"""Columns of a metadata table, row by row, for facets and filters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets.operators import Mask
from bqat_pipeline.datasets.tables import read_batches

PREFIX = "metadata."
_BATCH = 65_536


class Joined(Protocol):
    """A metadata table that is joined to pictures by their names (`bqat_pipeline.report.metadata.Metadata`)."""

    columns: tuple[str, ...]

    def join(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Values of each column for the files of a batch."""


# Opens the metadata table of a data set for its profiles; None where it has none that can be used.
Opener = Callable[["ds.Dataset"], Joined | None]


@dataclass(frozen=True)
class Categories:
    """A column of few different words.

    Attributes
    ----------
    words : The words.
    codes : (n,) int16 positions in them.
    """

    words: list[str]
    codes: NDArray[np.int16]

    def mask(self, wanted: tuple[str, ...]) -> Mask:
        """(n,) bool, rows with one of some words."""
        known = np.array([word in wanted for word in self.words] or [False])
        return known[self.codes]


def read_metadata(profiles: "ds.Dataset", opener: Opener | None, rows: int) -> dict[str, Categories]:
    """The columns of the metadata table with few different values; empty without a table."""
    table = opener(profiles) if opener is not None else None
    if table is None or not table.columns:
        return {}
    codes = {name: np.zeros(rows, np.int16) for name in table.columns}
    known: dict[str, dict[str, int]] = {name: {} for name in table.columns}
    for first, batch in read_batches(profiles, ["file"], _BATCH):
        for name, values in table.join(batch).items():
            encoded = pc.dictionary_encode(values)
            number = [known[name].setdefault(str(w), len(known[name])) for w in encoded.dictionary.to_pylist()]
            codes[name][first : first + batch.num_rows] = np.array(number, np.int16)[encoded.indices.to_numpy()]
    return {name: Categories(list(known[name]), codes[name]) for name in table.columns}
