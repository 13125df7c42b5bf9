"""`/v1/datasets/{dataset}/profiles`: filtered and sorted pages, one row, its picture."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.dataset as ds
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from api.http.errors import not_found
from api.http.json_values import json_value
from api.http.recent import Recent
from api.pictures import check_shown, chosen_columns, small_picture
from api.services import Services, ServicesDep
from api.v1.common import (
    DEFAULT_LIMIT,
    Cursor,
    Dataset,
    Limit,
    cache_headers,
    decode_row_cursor,
    encode_cursor,
    etag,
    is_known,
    json_answer,
    problems,
    start_of,
    unchanged,
)
from api.v1.overlay import overlay_svg
from bqat_pipeline.datasets import DatasetRecord, Manifest
from bqat_pipeline.datasets.conditions import parse_condition, parse_sort
from bqat_pipeline.datasets.operators import OPERATORS
from bqat_pipeline.datasets.queries import count, page, top

router = APIRouter(prefix="/v1/datasets/{dataset}/profiles", tags=["profiles"])

# Columns of a page when none are chosen; few columns make a page of a large data set several times quicker.
SUMMARY = (
    "file",
    "status",
    "reason",
    "verdict",
    "image_width",
    "image_height",
    "confidence",
    "ipd",
    "yaw_degree",
    "pitch_degree",
    "roll_degree",
    "sharpness",
)

# Columns read for pictures that are shown, in blocks of rows: the review page asks for dozens of neighbouring rows.
_PICTURE_COLUMNS = ("file", "sha256", "modified")
_BLOCK = 512
_PICTURES: Recent[dict[int, dict[str, Any]]] = Recent(256)

Fields = Annotated[
    str | None,
    Query(
        max_length=8000,
        description="Columns, separated by commas; `*`: all but those that show a person. Default: a summary.",
        examples=["*"],
    ),
]
Filters = Annotated[
    list[Annotated[str, Query(max_length=20_000)]] | None,
    Query(
        alias="filter",
        max_length=20,
        description=f"`column:operator:value`, all of which must hold. Operators: {', '.join(OPERATORS)}.",
        examples=[["ipd:ge:90", "status:in:ok,multiple_faces"]],
    ),
]
Row = Annotated[int, Path(ge=0, le=2**53, description="`row` of a profile.")]


class ProfilePage(BaseModel):
    """Profiles, and the cursor of the next page. Each has `row`, its number within the generation."""

    items: list[dict[str, Any]] = Field(
        examples=[[{"row": 0, "file": "data/helen/1.jpg", "status": "ok", "verdict": "pass", "ipd": 118}]]
    )
    next: str | None
    generation: str
    rows: int = Field(description="Profiles of the data set.")
    matching: int | None = Field(None, description="Profiles that meet the filter, when `count=true`.")


class Opened:
    """The published profiles of a data set and the manifest of their generation.

    Raises
    ------
    HTTPException : 404 before the first scan has ended.
    """

    def __init__(self, services: Services, record: DatasetRecord) -> None:
        manifest = services.store.manifest(record.key)
        table = services.store.profiles(record.key) if manifest else None
        if manifest is None or table is None:
            raise not_found(f"data set {record.key} has no profiles yet")
        self._thumbnails = services.settings.thumbnails
        self.manifest: Manifest = manifest
        self.table: ds.Dataset = table

    def columns(self, fields: str | None, default: Iterable[str] = SUMMARY) -> list[str]:
        """Chosen columns.

        Raises
        ------
        QueryError : for an unknown one, and one that shows a person where the operator shows none.
        """
        present = self.table.schema.names
        if fields is None:
            return [name for name in default if name in present]
        return [name for name in chosen_columns(fields, present, self._thumbnails) if name != "row"]


@router.get("", responses=problems(404, 410), response_model=ProfilePage)
async def profiles(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    fields: Fields = None,
    filters: Filters = None,
    sort: Annotated[
        str | None, Query(max_length=200, description="Column; `-column` for largest first. At most 10,000 rows deep.")
    ] = None,
    matching: Annotated[bool, Query(alias="count", description="Also count the profiles that match.")] = False,
) -> Response:
    """Profiles in the order of the data set, or sorted. `next` is the cursor of the next page, null at the end."""
    position = decode_row_cursor(cursor)

    def read() -> Response:
        opened = Opened(services, record)
        generation, schema = opened.manifest.generation, opened.table.schema
        start = start_of(position, generation)

        def body() -> dict[str, Any]:
            columns = opened.columns(fields)
            conditions = [parse_condition(text, schema) for text in filters or ()]
            if sort is None:
                table = page(opened.table, columns, conditions, -1 if start is None else start, limit)
                end = table["row"][-1].as_py() if table.num_rows else 0
            else:
                table = top(opened.table, columns, parse_sort(sort, schema), conditions, start or 0, limit)
                end = (start or 0) + limit
            return {
                "items": records(table),
                "next": encode_cursor(g=generation, p=end) if table.num_rows == limit else None,
                "generation": generation,
                "rows": opened.manifest.rows,
                "matching": count(opened.table, conditions) if matching else None,
            }

        return json_answer(request, etag(generation, str(request.query_params)), body)

    return await services.table(read)


@router.get("/{row}", responses=problems(404))
async def profile(record: Dataset, row: Row, services: ServicesDep, request: Request) -> Response:
    """One profile with every column but those that show a person."""

    def read() -> Response:
        opened = Opened(services, record)
        return json_answer(request, etag(opened.manifest.generation, row), lambda: _row(opened, row, "*"))

    return await services.table(read)


@router.get(
    "/{row}/thumbnail",
    responses={**problems(404), 200: {"content": {"image/webp": {}}}},
    response_class=Response,
)
async def thumbnail(
    record: Dataset,
    row: Row,
    services: ServicesDep,
    request: Request,
    size: Annotated[int, Query(ge=16, le=1024, description="Longest side, px.")] = 160,
) -> Response:
    """The picture, small and upright; blurred or refused as the operator set `BQAT_THUMBNAILS`."""

    def read() -> Response:
        found, tag = picture_row(services, record, row, request, size)
        if is_known(request, tag):
            return unchanged(tag)
        shown, media = small_picture(services.thumbnails, record, found["file"], found.get("sha256"), size)
        return Response(shown, media_type=media, headers=cache_headers(tag))

    return await services.picture(read)


@router.get(
    "/{row}/overlay",
    responses={**problems(404), 200: {"content": {"image/svg+xml": {}}}},
    response_class=Response,
)
async def overlay(
    record: Dataset,
    row: Row,
    services: ServicesDep,
    request: Request,
    size: Annotated[int, Query(ge=64, le=2048, description="Longest side, px.")] = 640,
) -> Response:
    """The picture with the boxes of face and head and the pupils drawn on it, as SVG."""

    def read() -> Response:
        facts, tag = picture_row(services, record, row, request, size)
        if is_known(request, tag):
            return unchanged(tag)
        found = _row(Opened(services, record), row, "*")
        shown, media = small_picture(services.thumbnails, record, facts["file"], facts.get("sha256"), size)
        headers = cache_headers(tag) | {"Content-Security-Policy": "default-src 'none'; img-src data:; sandbox"}
        return Response(overlay_svg(found, shown, media), media_type="image/svg+xml", headers=headers)

    return await services.picture(read)


def records(table: pa.Table) -> list[dict[str, Any]]:
    """Rows in a form that JSON can hold: nulls stay, NaN becomes null, times become text."""
    return [json_value(row) for row in table.to_pylist()]


def _row(opened: Opened, row: int, fields: str | None) -> dict[str, Any]:
    table = page(opened.table, opened.columns(fields), after=row - 1, limit=1)
    if not table.num_rows:
        raise not_found(f"there is no row {row}; the data set has {opened.manifest.rows}")
    return records(table)[0]


def picture_row(
    services: Services, record: DatasetRecord, row: int, request: Request, size: int
) -> tuple[Mapping[str, Any], str]:
    """File, hash and time of a row's picture, and the ETag of an answer that shows it at a size (px).

    Raises
    ------
    HTTPException : 404 without such a row, or where no pictures are shown.
    """
    check_shown(services.settings.thumbnails)
    manifest = services.store.manifest(record.key)
    if manifest is None:
        raise not_found(f"data set {record.key} has no profiles yet")
    block = row // _BLOCK

    def read() -> dict[int, dict[str, Any]]:
        opened = Opened(services, record)
        columns = opened.columns(None, _PICTURE_COLUMNS)
        table = page(opened.table, columns, after=block * _BLOCK - 1, limit=_BLOCK)
        return {found["row"]: found for found in table.to_pylist()}

    found = _PICTURES.get((record.key, manifest.generation, block), read).get(row)
    if found is None:
        raise not_found(f"there is no row {row}; the data set has {manifest.rows}")
    facts = (found.get("sha256"), found.get("modified"), found["file"])
    return found, etag(facts, size, services.settings.thumbnails, manifest.generation, request.url.path)
