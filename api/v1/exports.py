"""`/v1/datasets/{dataset}/export`: all profiles, or those that match, as a file."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Annotated, Literal

import pyarrow as pa
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.services import ServicesDep
from api.v1.common import Dataset, etag, is_known, problems, unchanged
from api.v1.profiles import Fields, Opened
from api.v1.review_tables import ReviewFilters, Rules, query_errors, review_table
from api.v1.table_files import MEDIA, Bom, Raw, csv_blocks, download, ndjson_blocks, parquet_blocks
from bqat_pipeline.datasets.conditions import QueryError, parse_condition
from bqat_pipeline.datasets.queries import batches
from bqat_pipeline.review.measures import shown_profiles

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["profiles"])


@router.get(
    "/export",
    responses={**problems(400, 404), 200: {"content": {media.partition(";")[0]: {} for media in MEDIA.values()}}},
    response_class=Response,
)
async def export(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    form: Annotated[Literal["csv", "ndjson", "parquet"], Query(alias="format")] = "csv",
    fields: Fields = "*",
    filters: ReviewFilters = None,
    rules: Rules = None,
    raw: Raw = False,
    bom: Bom = False,
) -> Response:
    """Profiles in the order of the data set, streamed; with `rules`, or a filter that only the review knows, those that
    the review page shows, with verdicts of that rule set."""
    found = await services.table(Opened, services, record)
    reviewed = rules is not None or _is_of_review(filters or (), found.table.schema)
    table = await review_table(services, record, rules) if reviewed else None

    def opened() -> Response:
        decided = None
        facts: tuple[str, ...] = (found.manifest.generation,)
        if table is not None:
            generation, columns = table.generation.name, table.columns
            decided = services.decisions.rows(record.key, generation, columns.profiles, columns.pictures)
            facts = (generation, table.version, decided.version)
        tag = etag(*facts, str(request.query_params))
        if is_known(request, tag):
            return unchanged(tag)
        names = ["row", *found.columns(fields)]
        if table is not None and decided is not None:
            source = table.columns.schema
            with query_errors():
                _check(names, source)
                rows = _begun(shown_profiles(table, names, table.parse(filters or ()), decided))
        else:
            source = found.table.schema
            conditions = [parse_condition(text, source) for text in filters or ()]
            rows = _begun(batches(found.table, names, conditions))
        schema = pa.schema([source.field(name) for name in names])
        if form == "parquet":
            blocks = parquet_blocks(schema, rows)
        else:
            blocks = csv_blocks(schema, rows, raw=raw, bom=bom) if form == "csv" else ndjson_blocks(rows)
        return download(services, blocks, tag, record.key, form)

    return await services.table(opened)


def _is_of_review(filters: Sequence[str], schema: pa.Schema) -> bool:
    """Whether a filter names a column that profiles do not have."""
    return any(text.partition(":")[0] not in schema.names for text in filters)


def _check(columns: Sequence[str], schema: pa.Schema) -> None:
    """Refuse columns that the table lacks: the data set may have been scanned again since they were chosen."""
    for name in columns:
        if name not in schema.names:
            raise QueryError(f"there is no column {name[:100]!r}")


def _begun(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, the first of them read: an error in it can still be answered with a status."""
    first = list(islice(rows, 1))
    return chain(first, rows)
