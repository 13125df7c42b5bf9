"""Parquet tables of a data set: written batch by batch, put in place in one step; read batch by batch, in order."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bqat_pipeline.datasets import durable
from bqat_pipeline.datasets.filesystem import Location

_BATCH = 10_000


class TableWriter:
    """A Parquet file that appears when the ``with`` block ends well, and never otherwise.

    Parameters
    ----------
    target : Where the file shall be.
    schema : Columns.
    """

    def __init__(self, target: Location, schema: pa.Schema) -> None:
        self.target = target
        self.schema = schema
        self.rows = 0
        if target.is_local:
            target.parent.create_dir()
        folder = target.local.parent if target.is_local else Path(tempfile.gettempdir())
        self._temporary = durable.temporary_name(folder / target.name)

    def __enter__(self) -> "TableWriter":
        self._writer = pq.ParquetWriter(self._temporary, self.schema, compression="zstd")
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        if batch.num_rows:
            self._writer.write_batch(batch)
            self.rows += batch.num_rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._writer.close()
            if kind is None:
                self.target.put_file(self._temporary)
        finally:
            self._temporary.unlink(missing_ok=True)


def read_batches(
    table: "ds.Dataset", columns: Sequence[str], batch_size: int = _BATCH
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches in order, each with the number of rows before it; memory does not grow with the table.

    Columns that the table lacks are left out of the batches.
    """
    present = [name for name in dict.fromkeys(columns) if name in table.schema.names]
    first = 0
    # One row group after the other: a scanner reads ahead without a bound when its reader is slower than the disk
    # (2 GB for a million profiles).
    for fragment in table.get_fragments():
        parts = fragment.split_by_row_group() if isinstance(fragment, ds.ParquetFileFragment) else [fragment]
        for part in parts:
            for batch in part.to_table(schema=table.schema, columns=present).to_batches(max_chunksize=batch_size):
                yield first, batch
                first += batch.num_rows
