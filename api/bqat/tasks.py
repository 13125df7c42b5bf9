"""`/task`: state, progress and end of tasks."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, status
from starlette.exceptions import HTTPException

from api.bqat.task_entries import live_entry_of, log_of, logs_of
from api.http.errors import bad_request, not_found
from api.services import Services, ServicesDep
from api.tasks.deletion import delete_if_unmeasured
from api.tasks.task import KINDS, Kind, Status, Task

router = APIRouter(prefix="/task", tags=["task"])


async def _task(services: Services, tid: str) -> Task:
    task = await services.task(tid)
    if task is None:
        raise not_found(f"there is no task {tid}")
    return task


def _kind(text: str) -> Kind:
    if text not in KINDS:
        raise bad_request(f"{text[:50]!r} is no type of task; use one of {', '.join(KINDS)}")
    return KINDS[text]


# lists


@router.get("/logs/{kind}")
async def logs(kind: Kind, services: ServicesDep) -> list[dict[str, Any]]:
    """Logs of all tasks of a kind, newest first."""
    return await logs_of(services, await (services.scan_entries() if kind is Kind.SCAN else services.tasks(kind)))


@router.get("/logs/{kind}/{tid}")
async def log_by_id(kind: Kind, tid: str, services: ServicesDep) -> list[dict[str, Any]]:
    """List with the log of a task; empty for an unknown one."""
    task = await services.task(tid)
    return await logs_of(services, [task], failed=True) if task is not None and task.kind is kind else []


@router.get("", summary="Tasks (older clients)")
async def scans(services: ServicesDep) -> list[dict[str, Any]]:
    """Logs of all scans, newest first."""
    return await logs_of(services, await services.scan_entries())


@router.get("/pending")
async def pending(services: ServicesDep) -> dict[str, Any]:
    """Log of the first running task with its `type`; `{}` when nothing runs.

    Tasks that wait are left out: their log says status 0, and BQAT-GUI would lock its input page over them.
    """
    for task in await services.live():
        log = await log_of(services, task) if task.status is Status.RUNNING else None
        if log is not None:
            return {**log, "type": task.kind.value}
    return {}


@router.get("/state")
async def state(services: ServicesDep) -> str:
    """`ALIVE` when every part of Dagster that a task needs is up; 404 otherwise."""
    if not await services.health.is_alive():
        raise not_found("Dagster's daemon or code location is not up")
    return "ALIVE"


@router.get("/queue")
async def queue(services: ServicesDep) -> list[str]:
    """Ids of waiting tasks, the next one first."""
    return [task.id for task in await services.live() if task.status is Status.NEW]


@router.post("/queue/push")
async def push(tid: UUID, services: ServicesDep) -> dict[str, str]:
    """No effect: Dagster keeps the queue, and a waiting task is in it already."""
    await _task(services, str(tid))
    return {"message": f"task {tid} is in the queue"}


# ending


@router.post("/cancel")
async def cancel_all(services: ServicesDep) -> dict[str, str]:
    """Cancel every waiting and running task of every kind. What they stored stays."""
    tasks = await services.live()
    for task in tasks:
        await _cancel(services, task)
    return {"Tasks cancelled": str(len(tasks))}


@router.post("/cancel/{tid}")
async def cancel(tid: UUID, services: ServicesDep, kind: Annotated[str, Query(alias="type")]) -> None:
    """Cancel a task: its log is deleted, what it stored stays."""
    wanted = _kind(kind)
    task = await _task(services, str(tid))
    if task.kind is not wanted:
        raise not_found(f"there is no {wanted.value} task {tid}")
    await _cancel(services, task)


async def _cancel(services: Services, task: Task) -> None:
    await services.quick(services.hidden.hide, task.id)
    await services.board.end(task)
    if task.kind is Kind.SCAN and task.partition:
        await delete_if_unmeasured(services, task.partition)


@router.post("/{tid}/stop", status_code=status.HTTP_202_ACCEPTED)
async def stop(tid: UUID, services: ServicesDep, kind: Annotated[str, Query(alias="type")] = "scan") -> dict[str, str]:
    """Stop a task; a stopped scan can be resumed."""
    wanted = _kind(kind)
    task = await _task(services, str(tid))
    if task.kind is not wanted:
        raise not_found(f"there is no {wanted.value} task {tid}")
    if not task.is_live or not await services.board.end(task):
        raise HTTPException(status.HTTP_409_CONFLICT, f"task {tid} is not running")
    return {"message": f"task {tid} stopped"}


@router.post("/{tid}/top")
async def top(tid: UUID, services: ServicesDep) -> dict[str, str]:
    """No effect: Dagster's queue is first come, first served, and the task keeps its place."""
    await _task(services, str(tid))
    return {"message": f"task {tid} keeps its place: the queue is first come, first served"}


@router.post("/{kind}/start", status_code=status.HTTP_202_ACCEPTED)
async def start(kind: Kind, services: ServicesDep) -> dict[str, str]:
    """Tasks start by themselves; 404 when none waits."""
    waiting = [task for task in await services.live() if task.kind is kind]
    if not waiting:
        raise not_found(f"no {kind.value} task waits")
    return {"message": f"{len(waiting)} tasks started"}


# one task


@router.get("/{tid}/status")
async def live_status(tid: UUID, services: ServicesDep) -> dict[str, int]:
    """Live progress; 404 once the task has ended, for whatever reason."""
    task = await _task(services, str(tid))
    if not task.is_live:
        raise not_found(f"task {tid} is not running")
    return await live_entry_of(services, task)


@router.get("/{tid}", summary="Task (older clients)")
async def task_by_id(tid: UUID, services: ServicesDep) -> dict[str, Any]:
    """One task; `input` is its number of files, equal to `finished` at the end."""
    log = await log_of(services, await _task(services, str(tid)))
    if log is None:
        raise not_found(f"there is no task {tid}")
    if "finished" in log:
        log["input"] = log["total"]
    return log


@router.put("/{tid}", summary="Update Task")
async def update(
    tid: UUID, services: ServicesDep, body: Annotated[dict[str, Any] | None, Body()] = None
) -> dict[str, Any]:
    """No effect; answers the task's log. Its state comes from Dagster, and clients cannot set it."""
    log = await log_of(services, await _task(services, str(tid)))
    if log is None:
        raise not_found(f"there is no task {tid}")
    return log


@router.delete("/{tid}")
async def delete(tid: UUID, services: ServicesDep) -> dict[str, str]:
    """Delete a task; profiles, data set and report stay. A running one is ended."""
    await _cancel(services, await _task(services, str(tid)))
    return {"message": f"task {tid} deleted"}
