"""`/v1/datasets/{dataset}/review`: progress of a review, and its list, which a run writes."""

from collections.abc import Iterator
from typing import Literal

from fastapi import APIRouter, Request, Response, status
from pyarrow import NativeFile
from pydantic import BaseModel, Field

from api.http.errors import not_found
from api.services import Services, ServicesDep
from api.tasks.dagster_client import DagsterRefusedError, DagsterUnavailableError
from api.tasks.review import is_being_made, launch_review
from api.v1.common import Dataset, etag, is_known, problems, unchanged
from api.v1.profiles import Opened
from api.v1.table_files import MEDIA, download
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.review.decisions import UNDECIDED

router = APIRouter(prefix="/v1/datasets/{dataset}", tags=["review"])

_BLOCK = 1 << 20


class Exported(BaseModel):
    """The newest list of these profiles."""

    generation: str
    decisions: str = Field(description="Version of the decisions in it.")
    time: str


class ReviewState(BaseModel):
    """Progress of the review of a data set."""

    rows: int
    decided: int
    keep: int
    reject: int
    unsure: int
    undecided: int
    generation: str
    decisions: str = Field(description="Version of all decisions.")
    exported: Exported | None
    up_to_date: bool = Field(description="Whether the list holds all current decisions.")
    being_made: bool = Field(description="Whether a run writes the list now, or waits to start.")


@router.get("/review", responses=problems(404))
async def review_state(record: Dataset, services: ServicesDep) -> ReviewState:
    """How many pictures are decided, and whether the list is up to date."""
    return await _state(services, record)


@router.post("/review", status_code=status.HTTP_202_ACCEPTED, responses=problems(404, 503))
async def make_review(record: Dataset, services: ServicesDep) -> ReviewState:
    """Launch a run that writes the list (asset `review`): every file with accept, retake, look again or undecided."""
    await services.table(Opened, services, record)
    await launch_review(services, record)
    return (await _state(services, record)).model_copy(update={"being_made": True})


@router.get(
    "/review.{form}",
    responses={**problems(404), 200: {"content": {"text/csv": {}, MEDIA["parquet"]: {}}}},
    response_class=Response,
)
async def review_file(
    record: Dataset, form: Literal["csv", "parquet"], services: ServicesDep, request: Request
) -> Response:
    """The newest list of the current profiles."""

    def opened() -> Response:
        current = services.store.current(record.key)
        details = current.details("review") if current is not None else {}
        place = None if current is None else current.review_list if form == "csv" else current.table("review")
        if current is None or place is None or not details or not place.is_file():
            raise not_found(
                f"data set {record.key} has no review list yet; POST .../review starts a run that writes it"
            )
        info = place.info()
        tag = etag(current.name, details.get("time"), info.size, info.mtime_ns, form)
        if is_known(request, tag):
            return unchanged(tag)
        blocks = _blocks(place.filesystem.open_input_stream(place.path))
        return download(services, blocks, tag, f"{record.key}-review", form)

    return await services.table(opened)


def _blocks(file: NativeFile) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield bytes(block)


async def _state(services: Services, record: DatasetRecord) -> ReviewState:
    def read() -> ReviewState:
        opened = Opened(services, record)
        generation = opened.manifest.generation
        decided = services.decisions.rows(record.key, generation, opened.table)
        counts = decided.counts()
        details = services.store.generation(record.key, generation).details("review")
        made = None
        if details:
            made = Exported(generation=generation, decisions=details["decisions"], time=details["time"])
        return ReviewState(
            rows=len(decided.pictures),
            decided=len(decided.pictures) - counts[UNDECIDED],
            **counts,
            generation=generation,
            decisions=decided.version,
            exported=made,
            up_to_date=made is not None and made.decisions == decided.version,
            being_made=False,
        )

    state = await services.table(read)
    try:
        being_made = await is_being_made(services, record)
    except (DagsterUnavailableError, DagsterRefusedError):
        return state  # the counts are known without Dagster
    return state.model_copy(update={"being_made": being_made})
