"""`/scan`: start, stop and resume scans; logs of data sets."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Query, Request, status
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from api.bqat.schemas import ScanTask
from api.bqat.task_entries import scan_entry
from api.bqat.wire import dataset_log
from api.bqat.wire_profiles import rows_of
from api.http.errors import bad_request, not_found
from api.http.multipart import ReceivedFile, receive_files, upload_body
from api.places import file_source, folder_source, location_uri
from api.scan_options import Fusion, Modality, ScanOptionsIn
from api.services import Services, Use
from api.tasks import launching
from api.tasks.deletion import delete_dataset
from api.tasks.task import Kind, Status
from bqat_pipeline.columns import DEFAULT_FUSION, EngineName
from bqat_pipeline.datasets import Location, Source
from bqat_pipeline.datasets.archives import is_archive
from bqat_pipeline.datasets.survey import survey
from bqat_pipeline.datasets.uploads import Limits, write_stream

router = APIRouter(prefix="/scan", tags=["scan"])

Engine = Literal[EngineName, "default"]


def faces_only(modality: Modality) -> None:
    """Refuse what this server does not measure.

    Raises
    ------
    HTTPException : 400 for every modality but face.
    """
    if modality is not Modality.FACE:
        raise bad_request(f"modality {modality.value} is not supported; this server measures faces")


@router.post("/local", status_code=status.HTTP_201_CREATED)
@router.post("", status_code=status.HTTP_201_CREATED, summary="Scan Local (older clients)")
async def scan_local(body: ScanTask, modality: Modality, use: Use, trigger: bool = True) -> dict[str, str]:
    """Scan a folder, or a list of files, below the data root."""
    faces_only(modality)
    options = body.options or ScanOptionsIn()
    if options.mode is not None:
        faces_only(options.mode)
    if isinstance(body.input, str):
        source = await use.quick(folder_source, use.data, use.settings.data, body.input)
        shown, name = (source.prefix if body.input.startswith("/") else body.input), None
    else:
        source = await use.table(file_source, use.data, use.settings.data, body.input)
        shown, name = f"data/{(source.files or [''])[0]}".rpartition("/")[0], "files"
    tid, _ = await launching.launch_scan(
        use, source, options.effective(), shown_input=shown, collection=body.collection, name=name
    )
    return {"tid": tid}


@router.post("/remote", status_code=status.HTTP_201_CREATED, openapi_extra=upload_body("files", several=True))
@router.post(
    "/uploaded",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=upload_body("files", several=True),
    summary="Scan Remote (older clients)",
)
async def scan_remote(
    request: Request,
    modality: Modality,
    use: Use,
    engine: Engine = "bqat",
    fusion: Annotated[Fusion, Query(description="3, 5, 6 or 7; 0: 6.")] = DEFAULT_FUSION,
    trigger: bool = True,
) -> dict[str, str]:
    """Scan uploaded files (parts named `files`). They are deleted after the scan."""
    faces_only(modality)
    options = ScanOptionsIn.model_validate({"engine": engine, "fusion": fusion, "temp": True})
    tid = str(uuid4())
    place = use.store.home / "temp" / tid
    try:
        await _receive(request, use, place)
        source = Source(uri=location_uri(place, use.settings.home), prefix=f"temp/{tid}", temporary=True)
        tid, _ = await launching.launch_scan(
            use, source, options.effective(), shown_input=f"temp/{tid}", name="uploaded", tid=tid
        )
    except BaseException:
        await use.quick(place.delete_dir)
        raise
    return {"tid": tid}


async def _receive(request: Request, use: Services, place: Location) -> None:
    """Uploaded files, in place; on S3 they are staged on local disk first."""
    if place.is_local:
        await use.quick(place.local.mkdir, parents=True)
        await _receive_pictures(request, use, place.local)
        await use.quick(os.sync)  # the data set that points at them is durable, and so must they be
        return
    async with use.staging() as folder:
        for file in await _receive_pictures(request, use, folder):
            with file.path.open("rb") as stream:
                await use.quick(write_stream, stream, place / file.name, file.size)


async def _receive_pictures(request: Request, use: Services, folder: Path) -> list[ReceivedFile]:
    files = await receive_files(request, folder, "files", Limits.of(use.settings), pictures=True)
    if await use.quick(_are_archives, files):
        raise bad_request(f"{files[0].name} is an archive: send it to /dataset, and scan the folder it becomes")
    return files


def _are_archives(files: list[ReceivedFile]) -> bool:
    """Whether an upload holds nothing that could be a picture; an archive among pictures is a row like any file."""
    return all(is_archive(file.path) for file in files)


# logs of data sets


@router.get("/logs")
async def dataset_logs(use: Use) -> list[dict[str, Any]]:
    """Logs of all data sets, newest first."""

    def read() -> list[dict[str, Any]]:
        logs = [
            dataset_log(found.record, found.manifest, 0 if found.problem else rows_of(use.store, found.record))
            for found in survey(use.store)
            if found.record is not None
        ]
        return sorted(logs, key=lambda log: log["modified"], reverse=True)

    return await use.quick(read)


@router.get("/logs/{dataset_id}")
async def dataset_log_by_id(dataset_id: str, use: Use) -> dict[str, Any]:
    """Log of one data set."""

    def read() -> dict[str, Any]:
        record = use.store.find(dataset_id)
        return dataset_log(record, use.store.manifest(record.key), rows_of(use.store, record))

    return await use.quick(read)


@router.delete("/logs/{dataset_id}")
async def delete_dataset_log(dataset_id: str, use: Use) -> dict[str, str]:
    """Delete a data set with all its results. Its pictures stay."""
    record = await use.quick(use.store.find, dataset_id)
    await delete_dataset(use, record)
    return {"info": f"data set {dataset_id} deleted"}


# life of tasks


@router.get("/status", response_model=None)
async def queue_status(use: Use) -> Response | dict[str, Any]:
    """What waits and runs; 202 when nothing does."""
    live = [task for task in await use.live() if task.kind is Kind.SCAN]
    if not live:
        return JSONResponse({"status": "No task in the queue"}, status.HTTP_202_ACCEPTED)

    def read() -> list[dict[str, Any]]:
        return [{"tid": task.id, **scan_entry(use, task)} for task in live]

    return {"status": f"[{len(live)}] tasks queuing", "tasks": await use.quick(read)}


@router.post("/pause", status_code=status.HTTP_202_ACCEPTED)
async def pause_all(use: Use) -> dict[str, str]:
    """Stop every waiting or running scan; each can be resumed."""
    stopped = 0
    for task in await use.live():
        if task.kind is Kind.SCAN:
            stopped += await use.board.end(task)
    return {"message": f"{stopped} tasks paused"}


@router.post("/pause/{tid}", status_code=status.HTTP_202_ACCEPTED)
async def pause(tid: str, use: Use) -> dict[str, str]:
    """Stop a scan; it can be resumed."""
    task = await use.task(tid)
    if task is None:
        raise not_found(f"there is no task {tid}")
    await use.board.end(task)
    return {"message": f"task {tid} paused"}


@router.post("/resume", status_code=status.HTTP_202_ACCEPTED)
async def resume_all(use: Use) -> dict[str, str]:
    """Resume every stopped or failed scan."""
    open_tasks = [task for task in await use.tasks(Kind.SCAN) if task.status in (Status.NEW, Status.RUNNING)]
    if not open_tasks:
        raise not_found("there is no unfinished task")
    for task in open_tasks:
        await launching.resume(use, task)
    return {"message": f"{len(open_tasks)} tasks resumed"}


@router.post("/resume/{tid}", status_code=status.HTTP_202_ACCEPTED)
async def resume(tid: str, use: Use) -> dict[str, str]:
    """Go on with a stopped or failed scan: finished parts are kept. Harmless while it waits or runs."""
    task = await use.task(tid)
    if task is None or task.kind is not Kind.SCAN or task.status is Status.DONE:
        raise not_found(f"there is no unfinished task {tid}")
    try:
        await launching.resume(use, task)
    except LookupError as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error
    return {"message": f"task {tid} resumed"}


@router.post("/clear", status_code=status.HTTP_202_ACCEPTED)
async def clear(use: Use) -> str:
    """Stop everything that waits."""
    ended = 0
    for task in await use.live():
        if task.status is Status.NEW:
            ended += await use.board.end(task)
            await use.quick(use.hidden.hide, task.id)
    return f"{ended} waiting tasks cleared"
