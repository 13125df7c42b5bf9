"""`/v1/datasets/{dataset}/decisions`: people's decisions about pictures, and their undo."""

import contextlib
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from api.http.errors import invalid, not_found
from api.services import Services, ServicesDep
from api.v1.common import (
    MAX_POSITION,
    Cursor,
    Dataset,
    Limit,
    cache_headers,
    decode_row_cursor,
    encode_cursor,
    etag,
    is_known,
    problems,
    start_of,
    unchanged,
)
from api.v1.decision_rows import DOWNLOADED, HISTORY, decision_blocks, decision_item, history_blocks, history_item
from api.v1.profiles import Opened
from api.v1.review_tables import ReviewFilters, Rules, query_errors, review_table
from api.v1.table_files import MEDIA, Bom, Raw, csv_blocks, download, parquet_blocks
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.datasets.operators import Mask
from bqat_pipeline.datasets.queries import batches_of_rows
from bqat_pipeline.review.advice import ADVICE_SOURCES
from bqat_pipeline.review.decision_log import DecisionLog, UnknownActionError
from bqat_pipeline.review.decisions import (
    DECISIONS,
    MAX_REASON,
    MAX_REVIEWER,
    Action,
    Decision,
    RowDecisions,
)
from bqat_pipeline.review.measures import judged_profiles
from bqat_pipeline.review.pairs import Indices
from bqat_pipeline.review.table import ReviewTable

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["review"])

_SCANNED_AGAIN = "the generation has moved on: the data set was scanned again; read it again, then decide"


def _readable(value: str) -> str:
    """The text, stripped; refused with control characters other than line ends and tabs."""
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t" for character in value):
        raise ValueError("only characters that can be printed")
    return value.strip()


def _one_line(value: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
        raise ValueError("only characters that can be printed, in one line")
    return value.strip()


# Annotated twice: the length limit is for the text, and would fail on None.
Reviewer = Annotated[
    Annotated[str, Field(max_length=MAX_REVIEWER), AfterValidator(_one_line)] | None,
    Field(description="Who decides. Ignored where the operator set `BQAT_REVIEWER_HEADER`."),
]


class NewDecision(BaseModel):
    """One decision about the given rows, or about all rows that meet the filter."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decision": "reject", "rows": [3], "generation": "9f1c2b7d0a114e52", "reason": "eyes closed"}]
        }
    )

    decision: Decision | None = Field(description="`null`: undecided again.")
    rows: list[Annotated[int, Field(ge=0, le=MAX_POSITION)]] | None = Field(None, max_length=1_000_000)
    filter: list[Annotated[str, Field(max_length=20_000)]] | None = Field(
        None, max_length=20, description="`column:operator:value`, all of which must hold; an empty list is all rows."
    )
    rules: str | None = Field(None, max_length=200, description="Rule set of the filter; default: the data set's.")
    generation: str = Field(max_length=100, description="Generation that the rows belong to.")
    reason: Annotated[str, Field(max_length=MAX_REASON), AfterValidator(_readable)] | None = None
    reviewer: Reviewer = None
    action: UUID | None = Field(
        None, description="Id made by the client; a request repeated with it has no second effect."
    )


class Undo(BaseModel):
    """Undo an action; undoing an undo is a redo."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={"examples": [{"action": "0c3e0b4e-8d8f-4f1e-9f39-2f1c6d1f7c55"}]},
    )

    action: UUID
    new: UUID | None = Field(None, alias="as", description="Id of this undo, made by the client.")
    reviewer: Reviewer = None


class Acted(BaseModel):
    """What an action did."""

    action: UUID = Field(description="Its id, for the undo.")
    decision: Decision | None
    changed: int = Field(description="Pictures whose decision, reason or reviewer changed.")
    matching: int = Field(description="Pictures that the request named.")
    decisions: str = Field(description="Version of all decisions after the action.")


class Undone(Acted):
    """What an undo did."""

    passed_over: int = Field(description="Pictures that were decided again since, and stay so.")


class DecisionPage(BaseModel):
    """Files with a decision, or entries of the log; `next` is the cursor of the next page, null at the end."""

    items: list[dict[str, Any]] = Field(
        examples=[
            [
                {
                    "row": 3,
                    "file": "data/helen/3.jpg",
                    "sha256": "0f3a…",
                    "decision": "reject",
                    "reason": "eyes closed",
                    "reviewer": "Ada",
                    "time": "2026-02-10T05:14:59.561000Z",
                    "before": None,
                }
            ]
        ]
    )
    next: str | None
    generation: str
    decisions: str


@router.post("/decisions", responses=problems(400, 404, 409))
async def decide(record: Dataset, body: NewDecision, services: ServicesDep, request: Request) -> Acted:
    """Decide about pictures. A decision belongs to a file's content: scans keep it, a changed file is undecided."""
    if (body.rows is None) == (body.filter is None):
        raise invalid("rows", "give either rows or filter")
    reviewer = reviewer_of(services, request, body.reviewer)
    identity = str(body.action or uuid4())
    table = None if body.filter is None else await review_table(services, record, body.rules)

    def act() -> Acted:
        with services.decisions.writing(record.key) as log:
            if log.find(identity) is None:
                opened = Opened(services, record)
                if opened.manifest.generation != body.generation:
                    raise HTTPException(409, _SCANNED_AGAIN)
                if table is not None and table.generation.name != body.generation:
                    raise HTTPException(409, _SCANNED_AGAIN)
                decided = _decided(services, record, opened, table)
                rows = _selected(body, decided, table)
                action = Action(
                    id=identity,
                    decision=body.decision,
                    reason=(body.reason or None) if body.decision else None,
                    reviewer=reviewer,
                    generation=body.generation,
                    matching=len(rows),
                )
                rows = pa.array(rows[_differ(decided, rows, action)])
                log.append(action, decided.pictures.sha256.take(rows), decided.pictures.files.take(rows))
            return Acted(**_acted(log, identity))

    return await services.table(act)


@router.post("/decisions/undo", responses=problems(404))
async def undo(record: Dataset, body: Undo, services: ServicesDep, request: Request) -> Undone:
    """Undo an action: each of its pictures gets its decision before it. The history stays; an undo is an action too."""
    reviewer = reviewer_of(services, request, body.reviewer)

    def act() -> Undone:
        with services.decisions.writing(record.key) as log:
            try:
                done = log.undo(str(body.action), str(body.new or uuid4()), reviewer)
            except UnknownActionError as error:
                raise not_found(str(error)) from error
            return Undone(**_acted(log, done.id), passed_over=done.passed_over)

    return await services.table(act)


@router.get(
    "/decisions",
    responses={**problems(400, 404, 409, 410), 200: {"content": {"text/csv": {}, MEDIA["parquet"]: {}}}},
    response_model=DecisionPage,
)
async def decisions(
    record: Dataset,
    services: ServicesDep,
    request: Request,
    limit: Limit = 100,
    cursor: Cursor = None,
    decision: Annotated[list[Decision] | None, Query(description="Only these.")] = None,
    filters: ReviewFilters = None,
    rules: Rules = None,
    form: Annotated[
        Literal["json", "csv", "parquet"],
        Query(
            alias="format",
            description="csv, parquet: everything, as a file, with the verdict of `rules`, else the scan's.",
        ),
    ] = "json",
    history: Annotated[bool, Query(description="Every entry of the log instead, in the order of time.")] = False,
    raw: Raw = False,
    bom: Bom = False,
) -> Response:
    """Files with a decision, each with its newest one; or the whole history."""
    position = decode_row_cursor(cursor)
    table = await review_table(services, record, rules) if filters or rules is not None else None

    def read() -> Response:
        opened = Opened(services, record)
        generation = opened.manifest.generation
        start = max(0, start_of(position, generation) or 0)
        log = services.decisions.log(record.key)
        if table is not None and table.generation.name != generation:
            raise HTTPException(409, _SCANNED_AGAIN)  # since the review table was opened
        decided = _decided(services, record, opened, table)
        judged = () if table is None else (table.version,)
        tag = etag(generation, decided.version, *judged, str(request.query_params), "decisions")
        if is_known(request, tag):
            return unchanged(tag)
        found = None if history else _of_decisions(decided, decision or Decision, table, filters)
        if form != "json":
            schema = HISTORY if found is None else DOWNLOADED
            blocks = history_blocks(log) if found is None else decision_blocks(decided, _profiles(opened, table, found))
            made = parquet_blocks(schema, blocks) if form == "parquet" else csv_blocks(schema, blocks, raw=raw, bom=bom)
            return download(services, made, tag, f"{record.key}-{'history' if history else 'decisions'}", form)
        if found is None:
            items = [history_item(entry) for entry in log.entries(start, limit)]
            following = start + limit if len(items) == limit else None
        else:
            page = found[np.searchsorted(found, start) :][:limit]
            items = [decision_item(decided, row) for row in page.tolist()]
            following = int(page[-1]) + 1 if len(page) == limit else None
        body = {
            "items": [{**item, "time": item["time"].isoformat().replace("+00:00", "Z")} for item in items],
            "next": None if following is None else encode_cursor(g=generation, p=following),
            "generation": generation,
            "decisions": decided.version,
        }
        return JSONResponse(body, headers=cache_headers(tag))

    return await services.table(read)


def _of_decisions(
    decided: RowDecisions, chosen: Iterable[Decision], table: ReviewTable | None, filters: list[str] | None
) -> Indices:
    """Row numbers that meet the filters and have one of the given decisions, ascending."""
    found = np.flatnonzero(np.isin(decided.codes, [DECISIONS.index(one) for one in chosen])).astype(np.int32)
    return found[_mask(table, filters, decided)[found]] if table is not None and filters else found


def _profiles(opened: Opened, table: ReviewTable | None, rows: Indices) -> Iterator[pa.RecordBatch]:
    """What the judge says about rows: the rule set of the table, else that of the scan."""
    names = ["row", *(name for name in ADVICE_SOURCES if name in opened.table.schema.names)]
    chosen = np.zeros(opened.manifest.rows, bool)
    chosen[rows] = True
    return batches_of_rows(opened.table, names, chosen) if table is None else judged_profiles(table, names, chosen)


def reviewer_of(services: Services, request: Request, given: str | None) -> str | None:
    """The reviewer: from the proxy's header where the operator set `BQAT_REVIEWER_HEADER`, else from the request."""
    header = services.settings.reviewer_header
    if not header:
        return given or None
    text = request.headers.get(header, "")
    with contextlib.suppress(UnicodeError):  # not UTF-8: kept as Latin-1
        text = text.encode("latin-1").decode()
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs")).strip()[:MAX_REVIEWER] or None


def _decided(services: Services, record: DatasetRecord, opened: Opened, table: ReviewTable | None) -> RowDecisions:
    pictures = None if table is None else table.columns.pictures
    return services.decisions.rows(record.key, opened.manifest.generation, opened.table, pictures)


def _selected(body: NewDecision, decided: RowDecisions, table: ReviewTable | None) -> Indices:
    """Row numbers that a request names, each once, ascending."""
    if table is not None:
        return np.flatnonzero(_mask(table, body.filter or [], decided)).astype(np.int32)
    found = np.unique(np.array(body.rows, np.int64))
    if len(found) and found[-1] >= len(decided.pictures):
        raise not_found(f"there is no row {found[-1]}; the data set has {len(decided.pictures)}")
    return found.astype(np.int32)


def _mask(table: ReviewTable, filters: list[str], decided: RowDecisions) -> Mask:
    with query_errors():
        return table.mask(table.parse(filters), decided)


def _differ(decided: RowDecisions, rows: Indices, action: Action) -> np.ndarray[Any, Any]:
    """(len(rows),) bool: rows whose decision, reason or reviewer differs from the action's."""
    same = [
        (known.decision, known.reason, known.reviewer) == (action.decision, action.reason, action.reviewer)
        or (known.decision is None and action.decision is None)
        for known in decided.decisions.actions
    ]
    return ~np.array([*same, action.decision is None])[decided.numbers[rows]]


def _acted(log: DecisionLog, identity: str) -> dict[str, Any]:
    action = log.find(identity)
    assert action is not None
    return {
        "action": action.id,
        "decision": action.decision,
        "changed": log.size(identity),
        "matching": action.matching,
        "decisions": log.current().version,
    }
