"""Parts become the profiles that readers see: few files, in order, with row groups fit for paging."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bqat_pipeline.datasets import Generation, Location, durable
from bqat_pipeline.datasets.stored import is_damage
from bqat_pipeline.execution.parts import DamagedInputError, read_parts

ROW_GROUP = 10_000  # about 17 MB of 110 columns in memory, of which few are held at once; the footer stays small
_ROWS_PER_FILE = 1_000_000
# Small tables are joined to tables of about this many rows, which lie in memory without gaps.
_TIGHT = 2_000


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


def compact(generation: Generation, schema: pa.Schema) -> Compacted:
    """Merge the rows taken over and the parts of a generation into its profiles, durably, and count them.

    Both are sorted by ``row``; rows that two parts hold (after two runs of one scan) are taken once. Doing it again
    writes the same files with the same content.

    Raises
    ------
    DamagedInputError : when one of them is damaged; it is deleted.
    """
    target = generation.profiles
    result = Compacted()
    tables = _grouped(merged_rows(generation), schema)
    written: list[str] = []
    following = next(tables, schema.empty_table())
    while following is not None:
        place = target / f"profiles-{len(written):05d}.parquet"
        with _opened(place, schema) as writer:
            rows = 0
            while following is not None and (not rows or rows + following.num_rows <= _ROWS_PER_FILE):
                writer.write_table(following, row_group_size=ROW_GROUP)
                rows += following.num_rows
                result.add(following)
                following = next(tables, None)
        written.append(place.name)
    for info in list(target.iterdir()):
        if info.base_name not in written:  # of another compaction, for example one that was killed
            (target / info.base_name).delete()
    return result


def merged_rows(generation: Generation) -> Iterator[pa.Table]:
    """The rows taken over and those of the parts of a generation, in order, each once.

    Raises
    ------
    DamagedInputError : when one of them turns out to be damaged.
    """
    streams = [_rising(read_parts(generation.parts))]
    if generation.reused.is_file():
        streams.append(_rising(_reused(generation.reused)))
    return _merged(streams)


@contextmanager
def _opened(place: Location, schema: pa.Schema) -> "Iterator[pq.ParquetWriter]":
    """One Parquet file of profiles, renamed into place when complete. Readers see it once the manifest names it."""
    with ExitStack() as stack:
        if place.is_local:
            target = stack.enter_context(durable.replacement(place.local))
            yield stack.enter_context(pq.ParquetWriter(target, schema, compression="zstd"))
        else:
            stream = stack.enter_context(place.filesystem.open_output_stream(place.path))
            yield stack.enter_context(pq.ParquetWriter(stream, schema, compression="zstd"))


def _reused(place: Location) -> Iterator[pa.Table]:
    try:
        with place.filesystem.open_input_file(place.path) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(batch_size=_TIGHT):
                yield pa.Table.from_batches([batch])
    except (OSError, pa.ArrowException) as error:
        if not is_damage(error):
            raise
        place.delete()
        raise DamagedInputError(f"{place.name} is damaged") from error


def _rising(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Tables with strictly rising row numbers: what an earlier table held is left out."""
    last = -1
    for table in tables:
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
    for table in _tight(tables):
        held.append(table)
        rows += table.num_rows
        if rows >= ROW_GROUP:
            joined = pa.concat_tables(held)
            yield joined.slice(0, ROW_GROUP).cast(schema)
            held = [joined.slice(ROW_GROUP)]
            rows -= ROW_GROUP
    if rows:
        yield pa.concat_tables(held).cast(schema)


def _tight(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of about ``_TIGHT`` rows, each column in one piece."""
    small: list[pa.Table] = []
    rows = 0
    for table in tables:
        small.append(table)
        rows += table.num_rows
        if rows >= _TIGHT:
            yield pa.concat_tables(small).combine_chunks()
            small, rows = [], 0
    if small:
        yield pa.concat_tables(small).combine_chunks()


def _counts(table: pa.Table, column: str) -> dict[str, int]:
    if column not in table.column_names:
        return {}
    return dict(Counter(str(value) for value in table[column].drop_null().to_pylist()))
