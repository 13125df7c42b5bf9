"""`/scan/preprocessing`: scaled, recoloured or converted copies of a folder."""

from pathlib import PurePosixPath
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, status
from fastapi.responses import JSONResponse, Response

from api.bqat.schemas import PreprocessingTask
from api.bqat.wire import preprocessing_log
from api.http.errors import bad_request, not_found
from api.services import Services, ServicesDep
from api.sources import folder_source
from api.tasks import launching
from api.tasks.task import Kind, Task
from bqat_pipeline.datasets.confinement import PathNotAllowedError, resolve_within
from bqat_pipeline.execution.preprocessing import count_pictures
from bqat_pipeline.names import PREPROCESS, PREPROCESSING

router = APIRouter(prefix="/scan/preprocessing", tags=["scan"])

_IN_PROGRESS = "Preprocessing task in progress"
# File extensions that the BQAT API picks up when none are chosen.
INPUT_FORMATS = ["png", "jpeg", "jpg", "bmp", "jp2", "wsq", "wav"]


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def preprocess(body: PreprocessingTask, services: ServicesDep) -> dict[str, str]:
    """Make changed copies of the pictures of a folder; the originals stay as they are."""
    source = await services.quick(folder_source, services.data, services.settings.data, body.source)
    if source.prefix == "data":
        raise bad_request("choose a folder below the data root, not the data root itself")
    tid = str(uuid4())
    formats = [str(extension) for extension in body.input_format or INPUT_FORMATS]
    wanted = body.options.model_dump(mode="json")
    if wanted["crop"] is None:  # the BQAT API has no such key
        del wanted["crop"]
    options = {
        "input_format": formats,
        "options": wanted,
        "target": f"{source.prefix}_{tid[:5]}",
    }
    chosen = {name: value for name, value in wanted.items() if value is not None}
    config = {"source": source.prefix, "target": options["target"], "input_format": formats, "options": chosen}
    total = await services.table(count_pictures, services.data, source.prefix, formats, body.options.pattern or "")
    await launching.launch(
        services,
        Kind.PREPROCESSING,
        PREPROCESSING,
        tid,
        source=source.prefix,
        total=total,
        options=options,
        config={"ops": {PREPROCESS: {"config": config}}},
    )
    return {_IN_PROGRESS: tid}


@router.get("/{tid}", response_model=None)
async def preprocessing(tid: UUID, services: ServicesDep) -> dict[str, Any] | Response:
    """The task's log once it has ended; 202 while it has not."""
    task = await _task(services, str(tid))
    if task.is_live:
        return JSONResponse({_IN_PROGRESS: task.id}, status.HTTP_202_ACCEPTED)
    log = preprocessing_log(task, services.options_of(task), await services.failure_texts(task))
    return {"id": task.id, **log}


@router.delete("/{tid}")
async def delete_preprocessing(tid: UUID, services: ServicesDep) -> dict[str, str]:
    """Delete the copies and the log."""
    task = await _task(services, str(tid))
    await services.board.end(task)
    target = services.options_of(task).get("target")
    if target:
        try:
            place = resolve_within(services.data, str(target))
        except PathNotAllowedError as error:
            raise bad_request(str(error)) from error
        # Only a folder that this task made, whose name ends with the start of the task's id.
        if PurePosixPath(str(target)).name.endswith(f"_{task.id[:5]}"):
            await services.quick(place.delete_dir)
    await services.quick(services.hidden.hide, task.id)
    return {"info": f"output of task {task.id} deleted"}


@router.delete("/{tid}/log")
async def delete_preprocessing_log(tid: UUID, services: ServicesDep) -> dict[str, str]:
    """Delete the log; the copies stay."""
    task = await _task(services, str(tid))
    await services.quick(services.hidden.hide, task.id)
    return {"info": f"log of task {task.id} deleted"}


async def _task(services: Services, tid: str) -> Task:
    task = await services.task(tid)
    if task is None or task.kind is not Kind.PREPROCESSING:
        raise not_found(f"there is no preprocessing task {tid}")
    return task
