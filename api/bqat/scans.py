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
from api.scan_options import Fusion, Modality, ScanOptionsIn
from api.services import Services, ServicesDep
from api.sources import file_source, folder_source, location_uri
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
    """Refuse a modality that this server does not measure.

    Raises
    ------
    HTTPException : 400 for every modality but face.
    """
    if modality is not Modality.FACE:
        raise bad_request(f"modality {modality.value} is not supported; this server measures faces")


@router.post("/local", status_code=status.HTTP_201_CREATED)
@router.post("", status_code=status.HTTP_201_CREATED, summary="Scan Local (older clients)")
async def scan_local(body: ScanTask, modality: Modality, services: ServicesDep, trigger: bool = True) -> dict[str, str]:
    """Scan a folder, or a list of files, below the data root."""
    faces_only(modality)
    options = body.options or ScanOptionsIn()
    if options.mode is not None:
        faces_only(options.mode)
    if isinstance(body.input, str):
        source = await services.quick(folder_source, services.data, services.settings.data, body.input)
        shown, name = (source.prefix if body.input.startswith("/") else body.input), None
    else:
        source = await services.table(file_source, services.data, services.settings.data, body.input)
        shown, name = f"data/{(source.files or [''])[0]}".rpartition("/")[0], "files"
    tid, _ = await launching.launch_scan(
        services, source, options.effective(), shown_input=shown, collection=body.collection, name=name
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
    services: ServicesDep,
    engine: Engine = "bqat",
    fusion: Annotated[Fusion, Query(description="3, 5, 6 or 7; 0: 6.")] = DEFAULT_FUSION,
    trigger: bool = True,
) -> dict[str, str]:
    """Scan uploaded files (parts named `files`). They are deleted after the scan."""
    faces_only(modality)
    options = ScanOptionsIn.model_validate({"engine": engine, "fusion": fusion, "temp": True})
    tid = str(uuid4())
    place = services.store.uploads / tid
    try:
        await _receive(request, services, place)
        source = Source(uri=location_uri(place, services.settings.home), prefix=f"temp/{tid}", temporary=True)
        tid, _ = await launching.launch_scan(
            services, source, options.effective(), shown_input=f"temp/{tid}", name="uploaded", tid=tid
        )
    except BaseException:
        await services.quick(place.delete_dir)
        raise
    return {"tid": tid}


async def _receive(request: Request, services: Services, place: Location) -> None:
    """Write the uploaded files to a folder; for one on S3 they are staged on local disk first."""
    if place.is_local:
        await services.quick(place.local.mkdir, parents=True)
        await _receive_pictures(request, services, place.local)
        await services.quick(os.sync)  # before the data set's record, which is written durably and names them
        return
    async with services.staging() as folder:
        for file in await _receive_pictures(request, services, folder):
            with file.path.open("rb") as stream:
                await services.quick(write_stream, stream, place / file.name, file.size)


async def _receive_pictures(request: Request, services: Services, folder: Path) -> list[ReceivedFile]:
    files = await receive_files(request, folder, "files", Limits.of(services.settings), pictures=True)
    if await services.quick(_are_archives, files):
        raise bad_request(f"{files[0].name} is an archive: send it to /dataset, and scan the folder it becomes")
    return files


def _are_archives(files: list[ReceivedFile]) -> bool:
    """Whether every file is an archive; an archive among pictures becomes a row like any other file."""
    return all(is_archive(file.path) for file in files)


# logs of data sets


@router.get("/logs")
async def dataset_logs(services: ServicesDep) -> list[dict[str, Any]]:
    """Logs of all data sets, newest first."""

    def read() -> list[dict[str, Any]]:
        logs = [
            dataset_log(found.record, found.manifest, 0 if found.problem else rows_of(services.store, found.record))
            for found in survey(services.store)
            if found.record is not None
        ]
        return sorted(logs, key=lambda log: log["modified"], reverse=True)

    return await services.quick(read)


@router.get("/logs/{dataset_id}")
async def dataset_log_by_id(dataset_id: str, services: ServicesDep) -> dict[str, Any]:
    """Log of one data set."""

    def read() -> dict[str, Any]:
        record = services.store.find(dataset_id)
        return dataset_log(record, services.store.manifest(record.key), rows_of(services.store, record))

    return await services.quick(read)


@router.delete("/logs/{dataset_id}")
async def delete_dataset_log(dataset_id: str, services: ServicesDep) -> dict[str, str]:
    """Delete a data set with all its results. Its pictures stay."""
    record = await services.quick(services.store.find, dataset_id)
    await delete_dataset(services, record)
    return {"info": f"data set {dataset_id} deleted"}


# tasks


@router.get("/status", response_model=None)
async def queue_status(services: ServicesDep) -> Response | dict[str, Any]:
    """Waiting and running scans; 202 when there are none."""
    live = [task for task in await services.live() if task.kind is Kind.SCAN]
    if not live:
        return JSONResponse({"status": "No task in the queue"}, status.HTTP_202_ACCEPTED)

    def read() -> list[dict[str, Any]]:
        return [{"tid": task.id, **scan_entry(services, task)} for task in live]

    return {"status": f"[{len(live)}] tasks queuing", "tasks": await services.quick(read)}


@router.post("/pause", status_code=status.HTTP_202_ACCEPTED)
async def pause_all(services: ServicesDep) -> dict[str, str]:
    """Stop every waiting or running scan; each can be resumed."""
    stopped = 0
    for task in await services.live():
        if task.kind is Kind.SCAN:
            stopped += await services.board.end(task)
    return {"message": f"{stopped} tasks paused"}


@router.post("/pause/{tid}", status_code=status.HTTP_202_ACCEPTED)
async def pause(tid: str, services: ServicesDep) -> dict[str, str]:
    """Stop a scan; it can be resumed."""
    task = await services.task(tid)
    if task is None:
        raise not_found(f"there is no task {tid}")
    await services.board.end(task)
    return {"message": f"task {tid} paused"}


@router.post("/resume", status_code=status.HTTP_202_ACCEPTED)
async def resume_all(services: ServicesDep) -> dict[str, str]:
    """Resume every stopped scan; a failed one is resumed by its id."""
    open_tasks = [task for task in await services.tasks(Kind.SCAN) if task.status in (Status.NEW, Status.RUNNING)]
    if not open_tasks:
        raise not_found("there is no unfinished task")
    for task in open_tasks:
        await launching.resume(services, task)
    return {"message": f"{len(open_tasks)} tasks resumed"}


@router.post("/resume/{tid}", status_code=status.HTTP_202_ACCEPTED)
async def resume(tid: str, services: ServicesDep) -> dict[str, str]:
    """Continue a stopped or failed scan: finished parts are kept. No effect while it waits or runs."""
    task = await services.task(tid)
    if task is None or task.kind is not Kind.SCAN or task.status is Status.DONE:
        raise not_found(f"there is no unfinished task {tid}")
    try:
        await launching.resume(services, task)
    except LookupError as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error
    return {"message": f"task {tid} resumed"}


@router.post("/clear", status_code=status.HTTP_202_ACCEPTED)
async def clear(services: ServicesDep) -> str:
    """Cancel every waiting task."""
    ended = 0
    for task in await services.live():
        if task.status is Status.NEW:
            ended += await services.board.end(task)
            await services.quick(services.hidden.hide, task.id)
    return f"{ended} waiting tasks cleared"
