"""What was found out about a data set: scorecard, outliers with reasons, duplicates, report and EDA page."""

from typing import Annotated, Any, Literal

import pyarrow.dataset as ds
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.http.errors import not_found
from api.http.recent import Recent
from api.report_files import report_response
from api.services import Services, ServicesDep
from api.tasks import exploration
from api.v1.common import (
    Cursor,
    Dataset,
    Limit,
    cache_headers,
    check_generation,
    decode_cursor,
    encode_cursor,
    etag,
    is_known,
    problems,
    unchanged,
)
from api.v1.datasets import check_requirements
from api.v1.profiles import Opened, records
from bqat_pipeline.datasets import DatasetRecord, Finding
from bqat_pipeline.datasets.conditions import Condition, QueryError, Sort, parse_condition
from bqat_pipeline.datasets.queries import top
from bqat_pipeline.datasets.report_folder import EXPLORATION, PAGE

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["findings"])
# What the report page links to by relative names; after all other routes.
linked = APIRouter(prefix="/v1/datasets/{dataset}")


_SCORECARDS: Recent[dict[str, Any]] = Recent(64)


class Page(BaseModel):
    """Entries and where the next ones begin."""

    items: list[dict[str, Any]]
    next: str | None
    generation: str


@router.get("/scorecard", responses=problems(404))
async def scorecard(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    requirements: Annotated[
        str | None, Query(max_length=200, description="Shipped rule set; default: that of the data set.")
    ] = None,
    group_by: Annotated[str | None, Query(max_length=200, description="Column, for example `folder`.")] = None,
) -> Response:
    """Pass, borderline, fail and not assessed per requirement, with 95 % intervals."""
    await services.quick(check_requirements, requirements)
    name = requirements or record.requirements

    def read() -> Response:
        opened = Opened(services, record)
        if group_by is not None and group_by not in opened.table.schema.names:
            raise QueryError(f"there is no column {group_by!r} to group by")
        tag = etag(opened.manifest.generation, name, group_by)
        if is_known(request, tag):
            return unchanged(tag)
        key = (record.key, opened.manifest.generation, name, group_by)
        body = _SCORECARDS.get(key, lambda: _scorecard(name, group_by, opened.table))
        return JSONResponse(body, headers=cache_headers(tag))

    return await services.table(read)


def _scorecard(name: str, group_by: str | None, table: "ds.Dataset") -> dict[str, Any]:
    from bqat_pipeline.requirements import load_rule_set
    from bqat_pipeline.requirements import scorecard as compute

    return compute(load_rule_set(name), table, group_by).to_json()


@router.get("/outliers", responses=problems(404, 410), response_model=Page)
async def outliers(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    limit: Limit = 100,
    cursor: Cursor = None,
    severity: Annotated[Literal["unusual", "extreme"] | None, Query(description="Default: both.")] = None,
) -> Response:
    """Unusual pictures with reasons in words, the most unusual first."""
    position = decode_cursor(cursor, g=str, p=int)

    def read() -> Response:
        table, generation = _table(services, record, "outliers")
        tag = etag(generation, str(request.query_params), "outliers")
        if is_known(request, tag):
            return unchanged(tag)
        if position:
            check_generation(position["g"], generation)
        start = position["p"] if position else 0
        conditions = [Condition("is_outlier", "eq", True)]
        if severity:
            conditions.append(parse_condition(f"severity:eq:{severity}", table.schema))
        names = [name for name in table.schema.names if name not in {"row", "is_outlier", "status"}]
        found = top(table, names, Sort("score", descending=True), conditions, start, limit)
        following = encode_cursor(g=generation, p=start + limit) if found.num_rows == limit else None
        body = {"items": records(found), "next": following, "generation": generation}
        return JSONResponse(body, headers=cache_headers(tag))

    return await services.table(read)


@router.get("/duplicates", responses=problems(404, 410), response_model=Page)
async def duplicates(
    record: Dataset, services: ServicesDep, request: Request, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """Pictures that are copies of another one, group by group."""
    position = decode_cursor(cursor, g=str, p=int)

    def read() -> Response:
        table, generation = _table(services, record, "duplicates")
        tag = etag(generation, str(request.query_params), "duplicates")
        if is_known(request, tag):
            return unchanged(tag)
        if position:
            check_generation(position["g"], generation)
        start = position["p"] if position else 0
        columns = [name for name in table.schema.names if name != "row"]
        group = next((name for name in ("group", "group_id") if name in columns), "row")
        found = top(table, columns, Sort(group), (), start, limit)
        following = encode_cursor(g=generation, p=start + limit) if found.num_rows == limit else None
        body = {"items": records(found), "next": following, "generation": generation}
        return JSONResponse(body, headers=cache_headers(tag))

    return await services.table(read)


@router.get("/report", responses={**problems(404), 200: {"content": {"text/html": {}}}}, response_class=Response)
async def report(record: Dataset, services: ServicesDep, request: Request) -> Response:
    """The report: one page, no script, nothing loaded from elsewhere."""
    return await report_response(services, request, str(record.id), PAGE)


@router.get(
    "/eda",
    responses={
        **problems(404, 503),
        200: {"content": {"text/html": {}}},
        202: {"description": "It is being drawn; ask again", "content": {"text/html": {}}},
    },
    response_class=Response,
)
@linked.get(f"/{EXPLORATION}", include_in_schema=False)
async def eda(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    again: Annotated[bool, Query(description="Draw it although the last attempt failed.")] = False,
) -> Response:
    """The exploratory page of ydata-profiling, in a sandbox. Opening it has it drawn when it is missing or outdated."""
    return await exploration.exploration_response(services, request, record, again=again)


@router.get("/report/{name}", responses=problems(404), response_class=Response)
@linked.get("/{name}", include_in_schema=False)
async def report_file(record: Dataset, name: str, services: ServicesDep, request: Request) -> Response:
    """A file that belongs to the report: `report.json`, lists as CSV."""
    return await report_response(services, request, str(record.id), name)


def _table(services: Services, record: DatasetRecord, name: Finding) -> "tuple[ds.Dataset, str]":
    table = services.store.found(record.key, name)
    manifest = services.store.manifest(record.key)
    if table is None or manifest is None:
        raise not_found(f"data set {record.key} has no {name} yet")
    return table, manifest.generation
