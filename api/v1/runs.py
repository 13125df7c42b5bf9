"""`/v1/runs`: tasks with their progress, as JSON and as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.http.errors import not_found
from api.http.json_values import wire_time
from api.services import Services, ServicesDep
from api.tasks import launching
from api.tasks.task import Kind, Status, Task
from api.v1.common import DEFAULT_LIMIT, Cursor, Limit, decode_cursor, encode_cursor, find_dataset, problems
from bqat_pipeline.datasets import Progress, UnknownDatasetError
from bqat_pipeline.datasets.scan_warnings import scan_warnings

router = APIRouter(prefix="/v1/runs", tags=["runs"])

# Seconds between two queries for an event stream, and the longest pause before a comment keeps the connection open.
_INTERVAL = 1.0
_HEARTBEAT = 15.0
# Most open event streams; Dagster is asked at most twice a second for each task, however many streams follow it.
_MAX_STREAMS = 100

State = Literal["queued", "running", "succeeded", "failed", "stopped"]


class ProgressView(BaseModel):
    """Progress of a scan."""

    stage: str
    done: int
    total: int
    failed: int = Field(description="Files that could not be measured.")
    rate: float = Field(description="Files per second.")
    eta: int | None = Field(description="Seconds to go; null while unknown.")


class RunView(BaseModel):
    """A task: one or more Dagster runs, of which the newest decides."""

    task: str
    kind: Kind
    state: State
    collection: str | None
    dataset: str | None = Field(description="Key of the data set.")
    created: str
    ended: str | None
    seconds: float
    progress: ProgressView | None
    errors: list[str]
    warnings: list[str] = Field(
        description="Of a finished scan: why the data set may be incomplete, as of its last scan."
    )
    dagster_run: str
    dagster_url: str


class RunPage(BaseModel):
    """Tasks, newest first."""

    items: list[RunView]
    next: str | None


TaskId = Annotated[str, Path(max_length=64, pattern="^[0-9a-fA-F-]+$", description="Id of a task.")]


@router.get("", responses=problems(404, 503))
async def runs(
    services: ServicesDep,
    dataset: Annotated[str | None, Query(max_length=100, description="Key or id of a data set.")] = None,
    kind: Kind | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> RunPage:
    """Tasks, newest first."""
    position = decode_cursor(cursor, p=int)
    start = max(0, position["p"]) if position else 0
    collection = str((await services.quick(find_dataset, services.store, dataset)).id) if dataset else None
    tasks: list[Task] = []
    for wanted in [kind] if kind else list(Kind):
        tasks += await services.tasks(wanted)
    chosen = [task for task in tasks if collection is None or task.collection == collection]
    chosen.sort(key=lambda task: (task.created, task.id), reverse=True)
    page = chosen[start : start + limit]
    following = encode_cursor(p=start + limit) if start + limit < len(chosen) else None
    return RunPage(items=[await run_view(services, task) for task in page], next=following)


@router.get("/{task_id}", responses=problems(404, 503))
async def run(task_id: TaskId, services: ServicesDep) -> RunView:
    """One task."""
    return await run_view(services, await _task(services, task_id))


@router.post("/{task_id}/stop", status_code=status.HTTP_202_ACCEPTED, responses=problems(404, 409, 503))
async def stop(task_id: TaskId, services: ServicesDep) -> RunView:
    """Stop a task; a stopped scan can be resumed and keeps what it has measured."""
    task = await _task(services, task_id)
    if not task.is_live or not await services.board.end(task):
        raise HTTPException(status.HTTP_409_CONFLICT, f"task {task_id} is not running")
    return await run_view(services, await _task(services, task_id))


@router.post("/{task_id}/resume", status_code=status.HTTP_202_ACCEPTED, responses=problems(404, 409, 503))
async def resume(task_id: TaskId, services: ServicesDep) -> RunView:
    """Continue a stopped or failed scan."""
    task = await _task(services, task_id)
    if task.kind is not Kind.SCAN or task.status is Status.DONE:
        raise HTTPException(status.HTTP_409_CONFLICT, f"task {task_id} is not an unfinished scan")
    await launching.resume(services, task)
    return await run_view(services, await _task(services, task_id))


@router.get(
    "/{task_id}/events",
    responses={**problems(404, 503), 200: {"content": {"text/event-stream": {}}}},
    response_class=Response,
)
async def events(task_id: TaskId, services: ServicesDep, request: Request) -> Response:
    """Changes of a task as server-sent events: `progress` while it runs, `end` once, then the stream closes."""
    await _task(services, task_id)
    if len(services.streams) >= _MAX_STREAMS:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, f"more than {_MAX_STREAMS} event streams are open")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(services, task_id, request), media_type="text/event-stream", headers=headers)


async def _events(services: Services, task_id: str, request: Request) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    token = object()
    services.streams.add(token)
    try:
        last, sent = "", loop.time()
        while not await request.is_disconnected():
            task = await services.task(task_id)
            if task is None:
                yield 'event: end\ndata: {"state":"deleted"}\n\n'
                return
            view = (await run_view(services, task)).model_dump(mode="json", exclude={"seconds"})
            text = json.dumps(view, separators=(",", ":"))
            name = "progress" if task.is_live else "end"
            if text != last or name == "end":
                yield f"event: {name}\ndata: {text}\n\n"
                last, sent = text, loop.time()
            elif loop.time() - sent > _HEARTBEAT:
                yield ": still there\n\n"
                sent = loop.time()
            if name == "end":
                return
            await asyncio.sleep(_INTERVAL)
    finally:
        services.streams.discard(token)


async def run_view(services: Services, task: Task) -> RunView:
    """A task as clients of `/v1` see it."""
    progress = await services.quick(_progress, services, task)
    base = (services.settings.public_dagster_url or services.settings.dagster_url).rstrip("/")
    return RunView(
        task=task.id,
        kind=task.kind,
        state=_state(task),
        collection=task.collection,
        dataset=task.partition,
        created=wire_time(task.created) + "Z",
        ended=wire_time(task.newest.ended) + "Z" if task.newest.ended and not task.is_live else None,
        seconds=task.elapse,
        progress=progress,
        errors=await services.failure_texts(task),
        warnings=await services.quick(_warnings, services, task),
        dagster_run=task.newest.id,
        dagster_url=f"{base}/runs/{task.newest.id}",
    )


def _state(task: Task) -> State:
    if task.status is Status.DONE:
        return "succeeded"
    if task.status is Status.ERROR:
        return "failed"
    if task.status is Status.RUNNING:
        return "running"
    return "queued" if task.is_live else "stopped"


def _progress(services: Services, task: Task) -> ProgressView | None:
    if task.kind is not Kind.SCAN or not task.partition:
        return None
    try:
        found: Progress | None = services.store.progress(task.partition)
    except UnknownDatasetError:
        return None
    if found is None or found.run_id not in task.run_ids:
        return None
    eta = found.eta
    return ProgressView(
        stage=found.stage,
        done=found.done,
        total=found.total,
        failed=found.failed,
        rate=round(found.rate, 2),
        eta=None if eta is None else max(0, eta),
    )


def _warnings(services: Services, task: Task) -> list[str]:
    if task.kind is not Kind.SCAN or task.status is not Status.DONE or not task.partition:
        return []
    try:
        manifest = services.store.manifest(task.partition)
        return scan_warnings(services.store, task.partition, manifest, identities=services.settings.identity)
    except UnknownDatasetError:
        return []


async def _task(services: Services, task_id: str) -> Task:
    task = await services.task(task_id)
    if task is None:
        raise not_found(f"there is no task {task_id}")
    return task
