"""Tables as CSV, NDJSON or Parquet files, written batch by batch: memory does not grow with their length."""

import codecs
import io
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated, Any

import pyarrow as pa
from fastapi import Query
from fastapi.responses import StreamingResponse

from api.http.json_values import json_value
from api.services import Services
from api.v1.common import cache_headers
from bqat_pipeline.datasets.csv_files import plain

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}

Raw = Annotated[
    bool,
    Query(description="CSV: leave text as it is; else text that a spreadsheet would run gets a leading apostrophe."),
]
Bom = Annotated[bool, Query(description="CSV: begin with a byte-order mark, so that Excel reads accents as they are.")]


def download(services: Services, blocks: Iterator[bytes], tag: str, name: str, form: str) -> StreamingResponse:
    """A file that browsers save, sent while it is made.

    Parameters
    ----------
    blocks : Each is made in a thread of the bounded pool.
    tag : ETag.
    name, form : Name of the file without its extension, and the extension: one of ``MEDIA``.
    """

    async def body() -> AsyncIterator[bytes]:
        while (block := await services.table(next, blocks, None)) is not None:
            if block:
                yield block

    headers = cache_headers(tag) | {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return StreamingResponse(body(), media_type=MEDIA[form], headers=headers)


def csv_blocks(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, raw: bool = False, bom: bool = False
) -> Iterator[bytes]:
    """Comma-separated values with a header; lists as JSON.

    Parameters
    ----------
    raw : Leave text as it is; else text that a spreadsheet would run as a formula gets a leading apostrophe.
    bom : Begin with a byte-order mark, without which Excel reads accented letters wrongly.
    """
    from pyarrow import csv

    flat = pa.schema([(field.name, pa.string() if pa.types.is_nested(field.type) else field.type) for field in schema])
    if bom:
        yield codecs.BOM_UTF8
    yield ",".join(_quoted_name(name) for name in flat.names).encode() + b"\n"
    options = csv.WriteOptions(include_header=False)
    for batch in batches:
        columns = [_text_of(batch.column(i), raw) for i in range(batch.num_columns)]
        sink = io.BytesIO()
        csv.write_csv(pa.RecordBatch.from_arrays(columns, schema=flat), sink, options)
        yield sink.getvalue()


def ndjson_blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """One JSON object a line; nulls stay, NaN becomes null."""
    for batch in batches:
        lines = (json.dumps(json_value(row), ensure_ascii=False, separators=(",", ":")) for row in batch.to_pylist())
        yield ("\n".join(lines) + "\n").encode()


def parquet_blocks(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """A Parquet file with the descriptions of the columns."""
    import pyarrow.parquet as pq

    sink = _Drain()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in batches:
            waiting.append(batch)
            if sum(part.num_rows for part in waiting) >= 30_000:
                writer.write_table(pa.Table.from_batches(waiting, schema=schema))
                waiting.clear()
                yield sink.taken()
        writer.write_table(pa.Table.from_batches(waiting, schema=schema))
    yield sink.taken()


def _text_of(column: pa.Array, raw: bool) -> pa.Array:
    if pa.types.is_nested(column.type):
        texts = [
            None if value is None else json.dumps(json_value(value), ensure_ascii=False) for value in column.to_pylist()
        ]
        return pa.array(texts, pa.string())
    if raw or not pa.types.is_string(column.type):
        return column
    return plain(column)


def _quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class _Drain(io.RawIOBase):
    """A file that is only written to, and whose content is taken away while it grows."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        size = len(data)
        self._buffer += data
        self._position += size
        return size

    def taken(self) -> bytes:
        """What was written since the last call."""
        content = bytes(self._buffer)
        self._buffer.clear()
        return content
