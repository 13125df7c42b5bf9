"""What the first scan of a data set has measured before it has ended: while it runs, or after it was stopped."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Generation, Location
from bqat_pipeline.execution.compaction import merged_rows
from bqat_pipeline.execution.parts import DamagedInputError, finished_parts, read_part
from bqat_pipeline.execution.plan import read_plan


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows of a part that no part before it holds: the last ``rows`` ones."""

    path: str
    rows: int


class UnfinishedScan:
    """Rows in the parts of a generation that is not published, in the order of ``row``, as they were at the start.

    Parameters
    ----------
    store : Where data sets lie.
    record : A data set without a published generation; there are no rows when it was never scanned.
    """

    def __init__(self, store: DatasetStore, record: DatasetRecord) -> None:
        self._generation: Generation | None = None
        self._pieces: list[_Piece] = []
        self._reused = 0
        plan = read_plan(store.plan(record.key))
        if plan is not None:
            self._generation = store.generation(record.key, plan.generation)
            self._pieces = _pieces(self._generation.parts)
            self._reused = _number_of_rows(self._generation.reused)

    @property
    def rows(self) -> int:
        """Number of rows measured so far."""
        return self._reused + sum(piece.rows for piece in self._pieces)

    def tables(self, skip: int = 0) -> Iterator[pa.Table]:
        """The rows from position ``skip`` on, one part at a time.

        Raises
        ------
        FileNotFoundError : when the scan has ended meanwhile; its rows are published then.
        """
        if self._generation is None:
            return
        if self._reused:  # rows taken over lie between those of the parts
            yield from _without_first(merged_rows(self._generation), skip)
            return
        for piece in self._pieces:
            if skip >= piece.rows:
                skip -= piece.rows
                continue
            try:
                table = read_part(self._generation.folder.filesystem, piece.path)
            except DamagedInputError:  # said in the log; the scan measures its files again
                skip = 0
                continue
            yield table.slice(table.num_rows - piece.rows + skip)
            skip = 0


def _pieces(parts: Location) -> list[_Piece]:
    pieces: list[_Piece] = []
    covered = 0
    for (start, stop), path in finished_parts(parts).items():
        fresh = stop - max(start, covered)
        if fresh > 0:
            covered = stop
            pieces.append(_Piece(path, fresh))
    return pieces


def _number_of_rows(place: Location) -> int:
    if not place.is_file():
        return 0
    with place.filesystem.open_input_file(place.path) as stream:
        return pq.ParquetFile(stream).metadata.num_rows


def _without_first(tables: Iterator[pa.Table], count: int) -> Iterator[pa.Table]:
    for table in tables:
        if count >= table.num_rows:
            count -= table.num_rows
            continue
        yield table.slice(count)
        count = 0
