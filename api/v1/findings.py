"""Findings about a data set: scorecard, outliers with reasons, duplicates, report and exploratory page."""

from functools import partial
from typing import Annotated, Any, Literal

import pyarrow.dataset as ds
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.http.errors import not_found
from api.http.recent import Recent
from api.report_files import report_response
from api.services import Services, ServicesDep
from api.tasks import exploration
from api.v1.common import (
    DEFAULT_LIMIT,
    Cursor,
    Dataset,
    Limit,
    decode_row_cursor,
    encode_cursor,
    etag,
    json_answer,
    problems,
    start_of,
)
from api.v1.datasets import check_requirements
from api.v1.profiles import Opened, records
from bqat_pipeline.datasets import DatasetRecord, Finding
from bqat_pipeline.datasets.conditions import Condition, QueryError, Sort
from bqat_pipeline.datasets.queries import top
from bqat_pipeline.datasets.report_folder import EXPLORATION, PAGE

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["findings"])
# Files that the report page links to by relative names; included after all other routers, as they match any name.
linked = APIRouter(prefix="/v1/datasets/{dataset}")


_SCORECARDS: Recent[dict[str, Any]] = Recent(64)


class Page(BaseModel):
    """Entries, and the cursor of the next page; null at the end."""

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
    """Pass, borderline, fail and not assessed per requirement, with 95 % intervals and the data set's own percentiles.

    `why`: the two requirements that cost most, how many pictures would pass without them, how many after a crop.
    `rule_sets`: the same rows judged by every shipped rule set.
    """
    await services.quick(check_requirements, requirements)
    name = requirements or record.requirements

    def read() -> Response:
        opened = Opened(services, record)
        if group_by is not None and group_by not in opened.table.schema.names:
            raise QueryError(f"there is no column {group_by!r} to group by")
        facts = (opened.manifest.generation, name, group_by)
        compute = partial(_scorecard, name, group_by, opened.table)
        return json_answer(request, etag(*facts), lambda: _SCORECARDS.get((record.key, *facts), compute))

    return await services.table(read)


def _scorecard(name: str, group_by: str | None, table: "ds.Dataset") -> dict[str, Any]:
    from bqat_pipeline.report import standing
    from bqat_pipeline.requirements import load_rule_set

    return standing(load_rule_set(name), table, group_by)


@router.get("/outliers", responses=problems(404, 410), response_model=Page)
async def outliers(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    severity: Annotated[Literal["unusual", "extreme"] | None, Query(description="Default: both.")] = None,
) -> Response:
    """Outliers with reasons as sentences, the highest score first."""
    conditions = [Condition("is_outlier", "eq", True)]
    if severity:
        conditions.append(Condition("severity", "eq", severity))
    hidden = {"row", "is_outlier", "status"}
    return await _page(
        services, record, request, "outliers", Sort("score", descending=True), conditions, hidden, cursor, limit
    )


@router.get("/duplicates", responses=problems(404, 410), response_model=Page)
async def duplicates(
    record: Dataset, services: ServicesDep, request: Request, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Pictures that are duplicates of another one, group by group."""
    return await _page(services, record, request, "duplicates", Sort("group"), [], {"row"}, cursor, limit)


async def _page(
    services: Services,
    record: DatasetRecord,
    request: Request,
    finding: Finding,
    sort: Sort,
    conditions: list[Condition],
    hidden: set[str],
    cursor: str | None,
    limit: int,
) -> Response:
    """Sorted rows of a finding, without the hidden columns."""
    position = decode_row_cursor(cursor)

    def read() -> Response:
        table, generation = _table(services, record, finding)
        start = start_of(position, generation) or 0

        def body() -> dict[str, Any]:
            columns = [name for name in table.schema.names if name not in hidden]
            found = top(table, columns, sort, conditions, start, limit)
            following = encode_cursor(g=generation, p=start + limit) if found.num_rows == limit else None
            return {"items": records(found), "next": following, "generation": generation}

        return json_answer(request, etag(generation, str(request.query_params), finding), body)

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
        202: {"description": "The page is being drawn; ask again", "content": {"text/html": {}}},
    },
    response_class=Response,
)
@linked.get(f"/{EXPLORATION}", include_in_schema=False)
async def eda(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    again: Annotated[bool, Query(description="Draw the page although the last attempt failed.")] = False,
) -> Response:
    """The exploratory page of ydata-profiling, in a sandbox; a run draws it when it is missing or out of date."""
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
