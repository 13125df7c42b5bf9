"""Profile records of a data set in the order that clients of the BQAT API page through."""

from collections.abc import Iterator
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from api.recent import Recent
from api.wire import HELPERS, parse_tag, profile, wire_columns
from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets import DatasetRecord, DatasetStore

# Rows read at a time for long lists.
BATCH = 2000
# Number of the first measured row, by place and generation of a data set.
_FIRST: Recent[int] = Recent(1000)


class WireProfiles:
    """The profiles of a data set as wire records.

    Order: by `row`, except that the first measured row comes first: clients take its keys for the columns.

    Parameters
    ----------
    store : Where data sets lie.
    record : The data set.
    """

    def __init__(self, store: DatasetStore, record: DatasetRecord) -> None:
        manifest = store.manifest(record.key)
        self.generation = manifest.generation if manifest else ""
        self._table = store.profiles(record.key) if manifest else None
        self.rows = manifest.rows if manifest else 0
        self.names = wire_columns(record.options.engine, record.options.fusion)
        self._place = str(store.folder(record.key))

    def slice(self, skip: int = 0, limit: int = 0) -> Iterator[list[dict[str, Any]]]:
        """Records from position `skip`, at most `limit` (0: all), in batches."""
        end = min(self.rows, skip + limit) if limit else self.rows
        if self._table is None or skip >= end:
            return
        table = self._table
        first = _FIRST.get((self._place, self.generation), lambda: _first_measured(table))
        if skip == 0:
            yield self._read(first, first + 1)
        for start in range(skip, end, BATCH):
            stop = min(start + BATCH, end)
            # Position 0 is row `first`; positions 1..first are rows 0..first-1; the others stay.
            ranges = ((max(start, 1) - 1, min(stop, first + 1) - 1), (max(start, first + 1), stop))
            for low, high in ranges:
                if low < high:
                    yield self._read(low, high)

    def find(self, tag: str) -> dict[str, Any] | None:
        """The record with a `tag`, or None."""
        row = parse_tag(tag)
        if row is None or not 0 <= row < self.rows:
            return None
        found = self._read(row, row + 1)
        return found[0] if found and found[0].get("tag") == tag else None

    def _read(self, low: int, high: int) -> list[dict[str, Any]]:
        if self._table is None:
            return []
        present = set(self._table.schema.names)
        columns = [name for name in dict.fromkeys((*self.names, *HELPERS)) if name in present]
        table = self._table.to_table(columns=columns, filter=(ds.field("row") >= low) & (ds.field("row") < high))
        return [profile(row, self.names) for row in table.sort_by("row").to_pylist()]


def _first_measured(table: ds.Dataset) -> int:
    """Row number of the first row that was measured; 0 when none was."""
    wanted = pc.field("status").isin(list(MEASURED))
    head = table.scanner(columns=["row"], filter=wanted, batch_size=1024).head(1)
    return head["row"][0].as_py() if head.num_rows else 0
