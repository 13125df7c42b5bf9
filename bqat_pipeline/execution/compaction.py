"""Parts become the profiles that readers see: few files, in order, with row groups fit for paging."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bqat_pipeline.datasets import Location
from bqat_pipeline.execution.parts import finished_parts

ROW_GROUP = 30_000  # about 7 MB of 110 columns: one page of 100 rows stays quick, the footer stays small
_ROWS_PER_FILE = 1_000_000
_READAHEAD = 8


@dataclass
class Compacted:
    """What the profiles hold: rows, and rows by status and verdict."""

    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)

    def add(self, table: pa.Table) -> None:
        self.rows += table.num_rows
        self.counts.update(_counts(table, "status"))
        self.verdicts.update(_counts(table, "verdict"))


def compact(generation: Location, schema: pa.Schema) -> Compacted:
    """Merge ``reused.parquet`` and the parts of a generation into ``profiles/``, and count them.

    Both are sorted by ``row``; rows that two parts hold (after two runs of one scan) are taken once. Doing it again
    writes the same files with the same content.
    """
    target = generation / "profiles"
    result = Compacted()
    streams = [_rows(_part_batches(generation, schema))]
    reused = generation / "reused.parquet"
    if reused.is_file():
        streams.append(_rows(_batches([reused.path], reused, schema)))
    tables = _grouped(_merged(streams), schema)
    number = 0
    writer: _Writer | None = None
    try:
        for table in tables:
            if writer is not None and writer.rows + table.num_rows > _ROWS_PER_FILE:
                writer.close()
                writer = None
            if writer is None:
                writer = _Writer(target / f"profiles-{number:05d}.parquet", schema)
                number += 1
            writer.write(table)
            result.add(table)
        if writer is None:
            writer = _Writer(target / "profiles-00000.parquet", schema)
    finally:
        if writer is not None:
            writer.close()
    return result


class _Writer:
    """One Parquet file of profiles. It may be half-written: the manifest is what makes it seen."""

    def __init__(self, place: Location, schema: pa.Schema) -> None:
        self.rows = 0
        place.parent.create_dir()
        self._stream = place.filesystem.open_output_stream(place.path)
        self._writer = pq.ParquetWriter(self._stream, schema, compression="zstd")

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=ROW_GROUP)
        self.rows += table.num_rows

    def close(self) -> None:
        self._writer.close()
        self._stream.close()


def _part_batches(generation: Location, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    paths = list(finished_parts(generation / "parts").values())
    return _batches(paths, generation, schema)


def _batches(paths: list[str], place: Location, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    if not paths:
        return
    dataset = ds.FileSystemDataset.from_paths(
        paths, schema=schema, format=ds.ParquetFileFormat(), filesystem=place.filesystem
    )
    yield from dataset.to_batches(batch_size=10_000, batch_readahead=2, fragment_readahead=_READAHEAD)


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tables with strictly rising row numbers: what an earlier table held is left out."""
    last = -1
    for batch in batches:
        table = pa.Table.from_batches([batch])
        if table.num_rows and table["row"][0].as_py() <= last:
            table = table.filter(pc.field("row") > last)
        if table.num_rows:
            last = table["row"][-1].as_py()
            yield table


def _merged(streams: list[Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """One stream in the order of ``row`` out of several that are in that order."""
    heads = {index: table for index, stream in enumerate(streams) if (table := next(stream, None)) is not None}
    while heads:
        if len(heads) == 1:
            index, table = heads.popitem()
            yield table
            yield from streams[index]
            return
        # Up to the first stream's end of head, every stream's rows are at hand.
        bound = min(table["row"][-1].as_py() for table in heads.values())
        ready = []
        for index, table in list(heads.items()):
            count = int(np.searchsorted(table["row"].to_numpy(), bound, side="right"))
            ready.append(table.slice(0, count))
            if count < table.num_rows:
                heads[index] = table.slice(count)
            elif (following := next(streams[index], None)) is not None:
                heads[index] = following
            else:
                del heads[index]
        yield pa.concat_tables(ready).sort_by("row")


def _grouped(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """The same rows in tables of one row group each."""
    held: list[pa.Table] = []
    rows = 0
    for table in tables:
        held.append(table)
        rows += table.num_rows
        while rows >= ROW_GROUP:
            joined = pa.concat_tables(held)
            yield joined.slice(0, ROW_GROUP).cast(schema).combine_chunks()
            held = [joined.slice(ROW_GROUP)]
            rows -= ROW_GROUP
    if rows:
        yield pa.concat_tables(held).cast(schema).combine_chunks()


def _counts(table: pa.Table, column: str) -> dict[str, int]:
    if column not in table.column_names:
        return {}
    return dict(Counter(str(value) for value in table[column].drop_null().to_pylist()))
