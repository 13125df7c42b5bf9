"""`/v1/datasets/{dataset}/facets`, `window`, `review/{row}`: data of the review page, from tables in memory."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.http.errors import not_found
from api.http.json_values import json_value
from api.services import Services, ServicesDep
from api.v1.common import MAX_POSITION, Dataset, cache_headers, etag, is_known, problems, unchanged
from api.v1.review_tables import ReviewFilters, Rules, query_errors, review_table
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.review.decisions import Decisions
from bqat_pipeline.review.details import details
from bqat_pipeline.review.facets import Facet, count_all
from bqat_pipeline.review.histograms import BINS, Histogram
from bqat_pipeline.review.pair_decisions import answers, pair_key
from bqat_pipeline.review.persons import others_of_person, person_group
from bqat_pipeline.review.table import WORST, Decided, ReviewTable
from bqat_pipeline.review.windows import window as window_of

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["review"])

# Most rows of one window.
MAX_WINDOW = 500
# Most entries of a picture's history in an answer, latest first.
MAX_HISTORY = 100


class _Answer(BaseModel):
    """Versions that an answer holds for, and its counts."""

    generation: str
    rules: str = Field(description="Name of the rule set that pictures were judged by.")
    decisions: str = Field(description="Version of the decisions.")
    rows: int = Field(description="Pictures of the data set.")
    matching: int = Field(description="Pictures that meet all filters.")


class Facets(_Answer):
    """Counts of each facet under every filter but its own, and histograms."""

    facets: list[Facet]
    histograms: list[Histogram]


class WindowAnswer(_Answer):
    """Rows of a filtered and sorted view."""

    start: int
    items: list[dict[str, Any]]
    position: int | None = Field(
        None, description="Position of the row `around` in the view; null when it is not in it."
    )


@router.get("/facets", responses=problems(400, 404, 409), response_model=Facets)
async def facets(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    filters: ReviewFilters = None,
    rules: Rules = None,
    histograms: Annotated[
        str | None,
        Query(
            max_length=4000,
            description=f"Measures to draw in {BINS} bins, at most 12, separated by commas; default: those of the rule "
            "set's requirements; empty: none.",
        ),
    ] = None,
) -> Response:
    """How many pictures have each decision, verdict, failed requirement, folder, ..., and histograms of measures."""
    table = await review_table(services, record, rules)
    names = None if histograms is None else [name.strip() for name in histograms.split(",") if name.strip()]

    def answer(decided: Decided) -> dict[str, Any]:
        found = count_all(table, table.parse(filters or ()), decided, names)
        drawn = [asdict(histogram) for histogram in found.histograms]
        return {"matching": found.matching, "facets": [_facet(facet) for facet in found.facets], "histograms": drawn}

    return await services.table(_respond, services, record, request, table, answer)


@router.get("/window", responses=problems(400, 404, 409), response_model=WindowAnswer)
async def window(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    filters: ReviewFilters = None,
    rules: Rules = None,
    sort: Annotated[
        str,
        Query(
            max_length=200,
            description="`worst`: pictures that cannot be used, then most required failures, then furthest from the "
            "limits; `file`, `row`, or a measure; `-` before it for descending order.",
        ),
    ] = WORST,
    start: Annotated[int, Query(ge=0, le=MAX_POSITION, description="Position of the first item.")] = 0,
    count: Annotated[int, Query(ge=1, le=MAX_WINDOW, description="Items.")] = 60,
    around: Annotated[
        int | None, Query(ge=0, le=MAX_POSITION, description="Row; the window that holds it, instead of `start`.")
    ] = None,
) -> Response:
    """Any window of the filtered and sorted pictures, at any depth."""
    table = await review_table(services, record, rules)

    def answer(decided: Decided) -> dict[str, Any]:
        conditions = table.parse(filters or ())
        return asdict(window_of(table, conditions, decided, sort=sort, start=start, count=count, around=around))

    return await services.table(_respond, services, record, request, table, answer)


@router.get("/review/{row}", responses=problems(400, 404, 409))
async def picture(
    record: Dataset,
    row: Annotated[int, Path(ge=0, le=MAX_POSITION, description="`row` of a profile.")],
    services: ServicesDep,
    request: Request,
    rules: Rules = None,
) -> Response:
    """One picture: its profile, each requirement with the picture's place in the data set, decision, copies."""
    table = await review_table(services, record, rules)

    def respond() -> Response:
        pairs = services.pair_decisions.log(record.key).current() if person_group(table, row) is not None else None
        version = (pairs.version,) if pairs is not None else ()
        return _respond(services, record, request, table, partial(answer, pairs), version)

    def answer(pairs: Decisions | None, decided: Decided) -> dict[str, Any]:
        found = details(table, row, decided)
        if found is None:
            raise not_found(f"there is no row {row}; the data set has {table.rows}")
        shown = found["row"]
        if table.findings.person is not None:
            others = others_of_person(table, row, decided)
            asked = [pair_key(shown.get("sha256"), other["sha256"]) for other in others]
            said = [None] * len(others) if pairs is None else answers(pairs, asked)
            found["identities"] = [
                other | {"same_person": decision} for other, decision in zip(others, said, strict=True)
            ]
        history = services.decisions.log(record.key).history(shown.get("sha256"), shown["file"])
        return found | {"history": [asdict(entry) for entry in history[:MAX_HISTORY]]}

    return await services.table(respond)


def _respond(
    services: Services,
    record: DatasetRecord,
    request: Request,
    table: ReviewTable,
    answer: Callable[[Decided], dict[str, Any]],
    version: tuple[Any, ...] = (),
) -> Response:
    columns = table.columns
    decided = services.decisions.rows(record.key, table.generation.name, columns.profiles, columns.pictures)
    facts = (table.generation.name, table.version, decided.version)
    tag = etag(*facts, request.url.path, str(request.query_params), *version)
    if is_known(request, tag):
        return unchanged(tag)
    with query_errors():
        found = answer(decided)
    about = {
        "generation": table.generation.name,
        "rules": table.rules.name,
        "decisions": decided.version,
        "rows": table.rows,
    }
    return JSONResponse(json_value(about | found), headers=cache_headers(tag))


def _facet(facet: Facet) -> dict[str, Any]:
    """A facet as JSON: values without members that are null, such as clause and severity outside requirements."""
    values = [
        {name: value for name, value in asdict(entry).items() if value is not None or name == "value"}
        for entry in facet.values
    ]
    return {"name": facet.name, "title": facet.title, "values": values}
