"""An EDA page from a CSV file that a client brings; nothing in it is trusted."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from bqat_pipeline.datasets import Location
from bqat_pipeline.report.eda.page import HARMLESS, EdaError, EdaTable, draw, share_to_keep
from bqat_pipeline.settings import Settings, settings

_MAX_COLUMNS = 300
_MAX_CATEGORIES = 50  # text columns with more different values are free text or names, and are left out
_DROPPED = {"file", "tag", "log"}
_BLOCK = 4 << 20
_SEED = 20260101
_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def write_csv_report(
    source: Path,
    target: Location,
    *,
    minimal: bool = False,
    downsample: float = 1.0,
    chosen: Settings | None = None,
) -> Location:
    """Write an EDA page of a comma-separated file with a header; returns ``target``.

    Columns ``file``, ``tag``, ``log`` and those that end in ``_scalar`` are dropped, as are text columns with more than
    50 different values. ``nan`` means missing; a column whose cells all look like numbers is one. Column names keep
    letters, digits, ``_``, ``.`` and ``-`` of their first 64 characters.

    Parameters
    ----------
    source : The file, UTF-8 or Latin-1.
    target : Where the page is written, in one step.
    minimal : Leave out rank correlations and the chart of missing values.
    downsample : Share of the rows to use, above 0 to 1; drawn with a fixed seed.

    Raises
    ------
    EdaError : when the file is too large, is no such CSV, holds nothing to show, or the page cannot be made.
    """
    chosen = chosen or settings()
    size = source.stat().st_size
    if size > int(chosen.max_upload):
        raise EdaError(
            f"the CSV has {size / 1e6:.4g} MB; the limit is {chosen.max_upload / 1e6:.4g} MB (BQAT_MAX_UPLOAD)"
        )
    table, total = _read(source, downsample)
    columns, types = _typed(table)
    what = EdaTable(columns, types, {}, "Rows of an uploaded CSV file.", total)
    target.write_bytes(draw(what, minimal=minimal, chosen=chosen).encode())
    return target


def _read(source: Path, downsample: float) -> tuple[pa.Table, int]:
    """A sample of the rows as text, and how many there were."""
    for encoding in ("utf8", "latin1"):
        try:
            total = sum(block.num_rows for block in _blocks(source, encoding))
            if not total:
                raise EdaError("the CSV holds no rows")
            generator = np.random.default_rng(_SEED)
            share = share_to_keep(total, downsample)
            kept = [b.filter(pa.array(generator.random(b.num_rows) < share)) for b in _blocks(source, encoding)]
            return pa.Table.from_batches(kept), total
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            failure = error
    raise EdaError(f"the CSV cannot be read: {str(failure)[:300]}") from failure


def _blocks(source: Path, encoding: str) -> Iterator[pa.RecordBatch]:
    reading = pacsv.ReadOptions(block_size=_BLOCK, encoding=encoding)
    # A row with too few or too many cells is left out, not a failure.
    parsing = pacsv.ParseOptions(invalid_row_handler=lambda row: "skip")
    with pacsv.open_csv(source, read_options=reading, parse_options=parsing) as probe:
        names = probe.schema.names
    if len(names) > _MAX_COLUMNS:
        raise EdaError(f"the CSV has {len(names)} columns; the limit is {_MAX_COLUMNS}")
    if len(set(names)) != len(names):
        raise EdaError("the CSV has two columns of the same name")
    text = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    with pacsv.open_csv(source, read_options=reading, parse_options=parsing, convert_options=text) as reader:
        yield from reader


def _typed(table: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """Columns with types and safe names."""
    arrays: dict[str, pa.ChunkedArray] = {}
    types: dict[str, str] = {}
    for name in table.column_names:
        if name in _DROPPED or name.endswith("_scalar"):
            continue
        values = table.column(name)
        lowered = pc.utf8_lower(pc.utf8_trim_whitespace(values))
        values = pc.if_else(pc.is_in(lowered, value_set=pa.array(["", "nan", "none", "null"])), None, lowered)
        safe = _safe_name(name, arrays)
        numbers = None if name.endswith("_pose") else _numbers(values)
        if numbers is not None:
            arrays[safe], types[safe] = numbers, "Numeric"
        elif pc.count_distinct(values).as_py() <= _MAX_CATEGORIES:
            kept = table.column(name)
            arrays[safe] = _harmless(pc.if_else(pc.is_valid(values), kept, None))
            types[safe] = "Categorical"
    return pa.table(arrays), types


def _harmless(values: pa.ChunkedArray) -> pa.ChunkedArray:
    encoded = values.combine_chunks().dictionary_encode()
    words = pa.array([word[:100].translate(HARMLESS) for word in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([words.take(encoded.indices)])


def _numbers(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if values.null_count == len(values):
        return None
    try:
        return pc.cast(values, pa.float64())
    except pa.ArrowInvalid:
        return None


def _safe_name(name: str, taken: dict[str, pa.ChunkedArray]) -> str:
    safe = _NAME.sub("_", name)[:64] or "column"
    number = 2
    unique = safe
    while unique in taken:
        unique, number = f"{safe[:58]}_{number}", number + 1
    return unique
