"""`/v1/datasets/{dataset}/identities` and `/search`: who may be in a data set twice, and whether a person is in it.

No template is handed out, and that of a picture which is searched for is not kept. Pictures are not shown here: the
routes for them obey BQAT_THUMBNAILS.
"""

from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pyarrow.compute as pc
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.assessing import AssessmentRoute, computed, picture_limit
from api.http.errors import bad_request, not_found
from api.http.picture_body import receive_picture
from api.services import Services, ServicesDep
from api.v1.assess import PICTURE_BODY
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
from api.v1.decisions import Reviewer, reviewer_of
from api.v1.findings import Page
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.datasets.scan_warnings import identities_problem
from bqat_pipeline.review.pair_decisions import PairAnswer, answers, pair_key
from bqat_pipeline.review.pair_decisions import decide_pair as decide

if TYPE_CHECKING:
    from bqat_pipeline.identity.searching import DatasetSearch

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["same person"])
pictures = APIRouter(prefix="/v1/datasets/{dataset}", tags=["same person"], route_class=AssessmentRoute)

_MOST_FOUND = 100


class Found(BaseModel):
    """A picture of the data set that may show the person."""

    row: int
    file: str
    distance: float = Field(description="Of the templates, 0..2; 0: the same picture.")


class SearchAnswer(BaseModel):
    """Pictures of a data set that may show the person of one picture."""

    status: str = Field(description="`ok`, or why the picture has no template.")
    reason: str | None = Field(description="The same as a sentence; null for `ok`.")
    threshold: float
    searched: int = Field(description="Pictures of the data set that have a template.")
    items: list[Found] = Field(description="The closest first.")


class PairPage(Page):
    """Pairs of pictures that may show the same person."""

    problem: str | None = Field(
        description="Why the last scan could not look for them, though these were found in the same files before."
    )


class DecidePair(BaseModel):
    """A decision about two pictures."""

    a: str = Field(max_length=4000, description="File of the first, as in the pairs.", examples=["helen/1.jpg"])
    b: str = Field(max_length=4000, description="File of the second.", examples=["helen/2.jpg"])
    decision: Literal["same", "different", "undecided"]
    reviewer: Reviewer = None


class DecidedPair(BaseModel):
    """The decision as it is kept."""

    a: str
    b: str
    decision: str
    reviewer: str | None


@router.get("/identities", responses=problems(404, 410, 503), response_model=PairPage)
async def identities(
    record: Dataset, services: ServicesDep, request: Request, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Pairs of pictures that may show the same person, the closest first, for somebody to look at."""
    check_on(services)
    position = decode_row_cursor(cursor)

    def read() -> Response:
        table, manifest = services.store.found(record.key, "identities"), services.store.manifest(record.key)
        problem = (
            "" if manifest is None else identities_problem(services.store.generation(record.key, manifest.generation))
        )
        if table is None or manifest is None:
            raise not_found(f"data set {record.key} has no identities{f': {problem}' if problem else ' yet'}")
        generation = manifest.generation
        decisions = services.pair_decisions.log(record.key).current()
        start = start_of(position, generation) or 0

        def body() -> dict[str, Any]:
            rows = table.count_rows()
            end = min(rows, start + limit)
            page = table.take(range(start, end)).to_pylist() if start < end else []  # they lie in this order
            said = answers(decisions, [pair_key(pair.pop("sha256_a"), pair.pop("sha256_b")) for pair in page])
            items = [pair | {"decision": decision} for pair, decision in zip(page, said, strict=True)]
            following = encode_cursor(g=generation, p=end) if end < rows else None
            return {"items": items, "next": following, "generation": generation, "problem": problem or None}

        return json_answer(request, etag(generation, str(request.query_params), decisions.version, problem), body)

    return await services.table(read)


@router.post("/identities/decisions", responses=problems(400, 404, 503))
async def decide_pair(record: Dataset, body: DecidePair, services: ServicesDep, request: Request) -> DecidedPair:
    """Keep what somebody decided about a pair: `same`, `different`, or `undecided` to take it back."""
    check_on(services)
    if body.a == body.b:
        raise bad_request("a and b are one picture")
    reviewer = reviewer_of(services, request, body.reviewer)

    def act() -> DecidedPair:
        known = _digests(services, record, [body.a, body.b])
        answer = None if body.decision == "undecided" else PairAnswer(body.decision)
        with services.pair_decisions.writing(record.key) as log:
            decide(log, pair_key(known[body.a], known[body.b]), answer, reviewer)
        return DecidedPair(a=body.a, b=body.b, decision=body.decision, reviewer=reviewer)

    return await services.table(act)


@pictures.post(
    "/search", responses=problems(400, 404, 413, 429, 503), response_model=SearchAnswer, openapi_extra=PICTURE_BODY
)
async def search(
    request: Request,
    record: Dataset,
    services: ServicesDep,
    threshold: Annotated[
        float | None, Query(gt=0, le=1, description="Distance below which a picture is listed; default: the server's.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_FOUND, description="Most pictures listed.")] = 10,
) -> JSONResponse:
    """Pictures of the data set that may show the person of the picture in the body, which is not kept."""
    check_on(services)
    searched = await services.table(_opened, services, record)
    picture = await receive_picture(request, "file", picture_limit(services))
    chosen = threshold or services.settings.identity_threshold
    template = await computed(request, services, partial(_submit, services, picture.content))
    answer: dict[str, Any] = {
        "status": "ok",
        "reason": None,
        "threshold": chosen,
        "searched": len(searched),
        "items": [],
    }
    if isinstance(template, Exception):
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(template))
    if isinstance(template, str):
        from bqat_pipeline.identity.reasons import REASONS

        answer |= {"status": template, "reason": REASONS[template]}
    else:
        found = await services.table(searched.near, template, chosen, limit)
        answer["items"] = [asdict(match) for match in found]
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def check_on(services: Services) -> None:
    """Refuse a request where identities are switched off.

    Raises
    ------
    HTTPException : 503.
    """
    if not services.settings.identity:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "identities are switched off here (BQAT_IDENTITY)")


def _digests(services: Services, record: DatasetRecord, files: list[str]) -> dict[str, str]:
    """SHA-256 of some files of a data set.

    Raises
    ------
    HTTPException : 404 when one is not a picture of it, or could not be read.
    """
    profiles = services.store.profiles(record.key)
    if profiles is None:
        raise not_found(f"data set {record.key} has no finished scan yet")
    wanted = pc.field("file").isin(files)
    found = profiles.to_table(columns=["file", "sha256"], filter=wanted).to_pylist()
    known = {row["file"]: row["sha256"] for row in found if row["sha256"]}
    for file in files:
        if file not in known:
            raise not_found(f"data set {record.key} has no picture {file[:200]!r}")
    return known


def _opened(services: Services, record: DatasetRecord) -> "DatasetSearch":
    from bqat_pipeline.identity.errors import IdentityError

    try:
        return services.searches().open(services.store, record.key, services.settings.identity_retention)
    except IdentityError as error:
        raise not_found(str(error)) from error


def _submit(services: Services, content: bytes) -> Any:
    from bqat_pipeline.identity.single import template_of

    return services.assessor.compute(template_of, content, services.settings.identity_model, ended="unreadable")
