"""Profile records of a data set in the order that clients of the BQAT API page through."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from api.bqat.wire import HELPERS, parse_tag, profile, wire_columns
from api.http.recent import Recent
from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.execution.unfinished import UnfinishedScan

# Rows read at a time for long lists.
BATCH = 2000
# Number of the first measured row, by folder and generation of a data set.
_FIRST: Recent[int] = Recent(1000)


def rows_of(store: DatasetStore, record: DatasetRecord) -> int:
    """Number of profiles of a data set: of its last finished scan, else of its first scan so far."""
    manifest = store.manifest(record.key)
    return manifest.rows if manifest else UnfinishedScan(store, record).rows


class WireProfiles:
    """The profiles of a data set as wire records: of its last finished scan, else of its first scan so far.

    Order: by `row`, except that the first measured row is moved to the front: clients take its keys as the columns.

    Parameters
    ----------
    store : Where data sets lie.
    record : The data set.
    lower_pose : Write the values of `POSES` in lower case.
    """

    def __init__(self, store: DatasetStore, record: DatasetRecord, *, lower_pose: bool = False) -> None:
        self._lower_pose = lower_pose
        manifest = store.manifest(record.key)
        self._names = wire_columns(record.options.engine, record.options.fusion)
        table = store.profiles(record.key) if manifest else None
        self._rows: _Published | _Unfinished
        if manifest is None or table is None:
            self._rows = _Unfinished(UnfinishedScan(store, record))
        else:
            self._rows = _Published(table, manifest.rows, (str(store.folder(record.key)), manifest.generation))

    @property
    def rows(self) -> int:
        """Number of profiles."""
        return self._rows.number

    def slice(self, skip: int = 0, limit: int = 0) -> Iterator[list[dict[str, Any]]]:
        """Records from position `skip`, at most `limit` (0: all), in batches.

        Raises
        ------
        FileNotFoundError : when the first scan was published meanwhile.
        """
        end = min(self.rows, skip + limit) if limit else self.rows
        if skip >= end:
            return
        first = self._rows.first()
        if skip == 0:
            yield from self._records(first, first + 1)
        # Position 0 is row `first`; positions 1..first are rows 0..first-1; the other rows keep their positions.
        yield from self._records(max(skip, 1) - 1, min(end, first + 1) - 1)
        yield from self._records(max(skip, first + 1), end)

    def find(self, tag: str) -> dict[str, Any] | None:
        """The record with a `tag`, or None."""
        row = parse_tag(tag)
        table = self._rows.row(row, self._columns) if row is not None else None
        found = self._written(table) if table is not None else []
        return found[0] if found and found[0].get("tag") == tag else None

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._names, *HELPERS)))

    def _records(self, low: int, high: int) -> Iterator[list[dict[str, Any]]]:
        if low < high:
            for table in self._rows.between(low, high, self._columns):
                yield self._written(table)

    def _written(self, table: pa.Table) -> list[dict[str, Any]]:
        return [profile(row, self._names, lower_pose=self._lower_pose) for row in table.to_pylist()]


class _Published:
    """Rows of a finished scan: position and row number are the same."""

    def __init__(self, table: "ds.Dataset", number: int, key: tuple[str, str]) -> None:
        self.number = number
        self._table = table
        self._key = key

    def first(self) -> int:
        """Position of the first row that was measured; 0 when none was."""
        return _FIRST.get(self._key, self._find_first)

    def _find_first(self) -> int:
        wanted = pc.field("status").isin(list(MEASURED))
        head = self._table.scanner(columns=["row"], filter=wanted, batch_size=1024).head(1)
        return head["row"][0].as_py() if head.num_rows else 0

    def between(self, low: int, high: int, columns: tuple[str, ...]) -> Iterator[pa.Table]:
        for start in range(low, high, BATCH):
            yield self._read(start, min(start + BATCH, high), columns)

    def row(self, row: int, columns: tuple[str, ...]) -> pa.Table | None:
        return self._read(row, row + 1, columns) if row < self.number else None

    def _read(self, low: int, high: int, columns: tuple[str, ...]) -> pa.Table:
        present = [name for name in columns if name in self._table.schema.names]
        wanted = (ds.field("row") >= low) & (ds.field("row") < high)
        return self._table.to_table(columns=present, filter=wanted).sort_by("row")


class _Unfinished:
    """Rows of a scan that has not ended: their numbers have gaps, their positions have none."""

    def __init__(self, scan: UnfinishedScan) -> None:
        self.number = scan.rows
        self._scan = scan

    def first(self) -> int:
        position = 0
        for table in self._scan.tables():
            measured = pc.is_in(table["status"], value_set=pa.array(list(MEASURED)))
            index = pc.index(measured, True).as_py()
            if index >= 0:
                return position + index
            position += table.num_rows
        return 0

    def between(self, low: int, high: int, columns: tuple[str, ...]) -> Iterator[pa.Table]:
        left = high - low
        for table in self._scan.tables(low):
            taken = table.slice(0, left)
            left -= taken.num_rows
            yield _chosen(taken, columns)
            if not left:
                return

    def row(self, row: int, columns: tuple[str, ...]) -> pa.Table | None:
        for table in self._scan.tables():
            if table.num_rows and table["row"][-1].as_py() >= row:
                return _chosen(table.filter(pc.field("row") == row), columns)
        return None


def _chosen(table: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    return table.select([name for name in columns if name in table.column_names])
