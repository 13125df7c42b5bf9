"""Questions about face profiles: pages, filters, the first rows by a column, counts.

Columns come from the table's schema and operators from a fixed list; values are typed and bound. No text from outside
becomes part of a query. Rows in the order of the data set are read with pyarrow, which skips row groups by their
statistics; sorting is DuckDB's.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets.conditions import Condition, QueryError, Sort, check_number
from bqat_pipeline.datasets.operators import OPERATORS

# Sorted pages deeper than this are refused: each would sort everything before it again. The export has no such limit.
MAX_SORTED_DEPTH = 10_000
# DuckDB's share of the machine; the facade must stay small beside a scan.
_MEMORY = "600MB"
_THREADS = 2


def page(
    profiles: "ds.Dataset",
    columns: Sequence[str],
    conditions: Sequence[Condition] = (),
    after: int = -1,
    limit: int = 100,
) -> pa.Table:
    """The next rows after row number ``after`` that meet all conditions, in the order of the data set.

    Raises
    ------
    QueryError : when there are too many conditions.
    """
    wanted = list(dict.fromkeys(("row", *columns)))
    condition = _expression(conditions)
    if condition is None:
        # Row numbers have no gaps: the statistics of one or two row groups suffice.
        rows = (ds.field("row") > after) & (ds.field("row") <= after + limit)
        return profiles.to_table(columns=wanted, filter=rows).sort_by("row").slice(0, limit)
    found: list[pa.RecordBatch] = []
    rows_found = 0
    for batch in _row_groups(profiles, wanted, condition & (ds.field("row") > after)):
        found.append(batch)
        rows_found += batch.num_rows
        if rows_found >= limit:
            break
    schema = pa.schema([profiles.schema.field(name) for name in wanted])
    return pa.Table.from_batches(found, schema=schema).slice(0, limit)


def top(
    profiles: "ds.Dataset",
    columns: Sequence[str],
    sort: Sort,
    conditions: Sequence[Condition] = (),
    offset: int = 0,
    limit: int = 100,
) -> pa.Table:
    """Rows ``offset`` to ``offset + limit`` in the order of a column, ties in the order of the data set.

    Raises
    ------
    QueryError : beyond ``MAX_SORTED_DEPTH`` rows.
    """
    if offset + limit > MAX_SORTED_DEPTH:
        raise QueryError(f"sorted pages end at row {MAX_SORTED_DEPTH}; narrow the filter or use the export")
    wanted = list(dict.fromkeys(("row", *columns)))
    where, values = _where(conditions)
    direction = "DESC" if sort.descending else "ASC"
    order = f"{_quoted(sort.column)} {direction} NULLS LAST, row"
    if sort.column in _floats(profiles.schema):  # DuckDB holds NaN for the largest number
        order = f"isnan({_quoted(sort.column)}) ASC NULLS LAST, {order}"
    names = ", ".join(_quoted(name) for name in wanted)
    with _source(profiles) as (cursor, source, places):
        statement = f"SELECT {names} FROM {source}{where} ORDER BY {order} LIMIT ? OFFSET ?"
        return cursor.sql(statement, params=[*places, *values, limit, offset]).to_arrow_table()


def count(profiles: "ds.Dataset", conditions: Sequence[Condition] = ()) -> int:
    """Number of rows that meet all conditions."""
    return profiles.count_rows(filter=_expression(conditions))


def batches(
    profiles: "ds.Dataset", columns: Sequence[str], conditions: Sequence[Condition] = ()
) -> Iterator[pa.RecordBatch]:
    """All rows that meet the conditions, in the order of the data set; memory does not grow with their number."""
    try:
        yield from _row_groups(profiles, list(columns), _expression(conditions))
    finally:
        pa.default_memory_pool().release_unused()


def batches_of_rows(
    profiles: "ds.Dataset", columns: Sequence[str], chosen: NDArray[np.bool_]
) -> Iterator[pa.RecordBatch]:
    """Chosen rows in the order of the data set, row group by row group: those without a chosen row are not read.

    Parameters
    ----------
    columns : ``row`` must be among them.
    chosen : (n,) whether a row is wanted, by its number.
    """
    try:
        for fragment in profiles.get_fragments():
            for part in fragment.split_by_row_group():
                first, last = _row_numbers(part, len(chosen))
                if not chosen[first : last + 1].any():
                    continue
                for batch in part.to_batches(schema=profiles.schema, columns=list(columns), batch_size=16_384):
                    rows = batch.column("row").to_numpy(zero_copy_only=False)
                    found = batch.filter(pa.array(chosen[rows]))
                    if found.num_rows:
                        yield found
    finally:
        pa.default_memory_pool().release_unused()


def _row_numbers(part: Any, rows: int) -> tuple[int, int]:
    """First and last row number of a fragment of one row group; of the data set where the file does not say."""
    for group in part.row_groups:
        known = (group.statistics or {}).get("row")
        if known:
            return int(known["min"]), int(known["max"])
    return 0, rows - 1


# pyarrow


def _row_groups(
    profiles: "ds.Dataset", columns: Sequence[str], condition: "ds.Expression | None"
) -> Iterator[pa.RecordBatch]:
    """Rows that meet a condition, row group by row group: one is held at a time.

    A scan of the whole data set reads ahead without regard to memory: a gigabyte for a million rows.
    """
    for fragment in profiles.get_fragments(filter=condition):
        for part in fragment.split_by_row_group(filter=condition):
            for batch in part.to_batches(
                schema=profiles.schema, columns=list(columns), filter=condition, batch_size=16_384
            ):
                if batch.num_rows:
                    yield batch


def _expression(conditions: Sequence[Condition]) -> "ds.Expression | None":
    check_number(conditions)
    parts = [OPERATORS[c.operator].expression(ds.field(c.column), c.value) for c in conditions]
    return reduce(lambda left, right: left & right, parts) if parts else None


# DuckDB


def _where(conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    check_number(conditions)
    parts: list[str] = []
    values: list[Any] = []
    for condition in conditions:
        text, bound = OPERATORS[condition.operator].sql(_quoted(condition.column), condition.value)
        parts.append(text)
        values.extend(bound)
    return (" WHERE " + " AND ".join(parts) if parts else ""), values


@contextmanager
def _source(profiles: "ds.Dataset") -> Iterator[tuple[Any, str, list[Any]]]:
    """A cursor, what to select from, and the values bound to it."""
    cursor = _database().cursor()
    try:
        if isinstance(profiles, ds.FileSystemDataset) and profiles.filesystem.type_name == "local":
            yield cursor, "read_parquet(?)", [profiles.files]
        else:
            name = f"profiles_{threading.get_ident()}"
            cursor.register(name, profiles)
            yield cursor, name, []
    finally:
        cursor.close()


@cache
def _database() -> Any:
    """One in-memory DuckDB for the process; importing it takes half a second, so only when it is needed."""
    import duckdb

    return duckdb.connect(
        ":memory:",
        config={
            "threads": _THREADS,
            "memory_limit": _MEMORY,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _floats(schema: pa.Schema) -> set[str]:
    return {field.name for field in schema if pa.types.is_floating(field.type)}
