"""`/v1/datasets/{dataset}/export`: all profiles, or those that match, as a file."""

from collections.abc import AsyncIterator, Iterator
from itertools import chain, islice
from typing import Annotated, Literal

import pyarrow as pa
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from api.services import Services, ServicesDep
from api.v1.common import Dataset, cache_headers, etag, is_known, problems, unchanged
from api.v1.export import MEDIA, csv_blocks, ndjson_blocks, parquet_blocks
from api.v1.profiles import Fields, Filters, Opened
from bqat_pipeline.datasets.conditions import parse_condition
from bqat_pipeline.datasets.queries import batches

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["profiles"])


@router.get(
    "/export",
    responses={**problems(404), 200: {"content": {media.partition(";")[0]: {} for media in MEDIA.values()}}},
    response_class=Response,
)
async def export(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    form: Annotated[Literal["csv", "ndjson", "parquet"], Query(alias="format")] = "csv",
    fields: Fields = "*",
    filters: Filters = None,
    raw: Annotated[
        bool,
        Query(
            description="CSV: leave text as it is; else text that a spreadsheet would run gets a leading apostrophe."
        ),
    ] = False,
    bom: Annotated[
        bool, Query(description="CSV: begin with a byte-order mark, so that Excel reads accents as they are.")
    ] = False,
) -> Response:
    """Profiles in the order of the data set, streamed."""

    def opened() -> Iterator[bytes] | Response:
        found = Opened(services, record)
        tag = etag(found.manifest.generation, str(request.query_params))
        if is_known(request, tag):
            return unchanged(tag)
        columns = ["row", *found.columns(fields)]
        conditions = [parse_condition(text, found.table.schema) for text in filters or ()]
        schema = pa.schema([found.table.schema.field(name) for name in columns])
        rows = _begun(batches(found.table, columns, conditions))
        request.state.etag = tag
        if form == "parquet":
            return parquet_blocks(schema, rows)
        return csv_blocks(schema, rows, raw=raw, bom=bom) if form == "csv" else ndjson_blocks(rows)

    blocks = await services.table(opened)
    if isinstance(blocks, Response):
        return blocks
    headers = cache_headers(request.state.etag) | {
        "Content-Disposition": f'attachment; filename="{record.key}.{form}"',
    }
    return StreamingResponse(stream(services, blocks), media_type=MEDIA[form], headers=headers)


def _begun(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, of which the first are read: what is wrong with them can still be said with a status."""
    first = list(islice(rows, 1))
    return chain(first, rows)


async def stream(services: Services, blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Blocks, each made in a thread of the bounded pool."""
    while (block := await services.table(next, blocks, None)) is not None:
        if block:
            yield block
