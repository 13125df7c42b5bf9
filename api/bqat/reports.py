"""`/scan/{dataset_id}/report`: make, read and delete reports; reports of uploaded tables."""

import contextlib
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Query, Request, Response, status

from api.bqat.schemas import ReportOptions
from api.http.errors import bad_request, not_found
from api.http.multipart import receive_files, upload_body
from api.report_files import report_response
from api.services import ServicesDep
from api.tasks import exploration, launching
from api.tasks.task import Kind
from bqat_pipeline.datasets import UnknownDatasetError
from bqat_pipeline.datasets.report_folder import EXPLORATION, PAGE
from bqat_pipeline.datasets.uploads import Limits, write_stream
from bqat_pipeline.names import CSV_REPORT, MAKE_REPORT, REPORT_TABLE

router = APIRouter(prefix="/scan", tags=["scan"])

# Bytes of the largest table that a report is made of: ydata-profiling holds it in memory several times over.
MAX_TABLE = 200_000_000


@router.post("/{dataset_id}/report/generate", status_code=status.HTTP_202_ACCEPTED)
async def generate(
    dataset_id: str,
    services: ServicesDep,
    body: Annotated[ReportOptions | None, Body()] = None,
    trigger: bool = True,
) -> dict[str, str]:
    """Make the report again, and after it the exploratory page, to which the options apply.

    The task id is the same for every report of a data set; the old report is deleted. The task ends with the report.
    """
    given = body or ReportOptions()
    options = {"minimal": bool(given.minimal), "downsample": given.downsample or 1.0}
    try:
        record = await services.quick(services.store.find, dataset_id)
    except UnknownDatasetError as error:
        raise bad_request(str(error)) from error
    manifest = await services.quick(services.store.manifest, record.key)
    if manifest is None or not manifest.rows:
        raise bad_request(f"data set {dataset_id} has no profiles")
    await services.quick(services.store.report(record.key).delete_dir)
    await exploration.end_explorations(services, record)
    tid = await launching.relaunch(services, Kind.REPORT, MAKE_REPORT, record, options)
    await exploration.launch_exploration(services, record, options)
    return {"reporting in progress": tid}


@router.post("/report/remote", status_code=status.HTTP_202_ACCEPTED, openapi_extra=upload_body("file"))
async def generate_remote(
    request: Request,
    services: ServicesDep,
    trigger: bool = True,
    minimal: bool = False,
    downsample: Annotated[float, Query(gt=0, le=1)] = 1,
) -> dict[str, str]:
    """Make a report of an uploaded comma-separated table with a header (part `file`)."""
    tid = str(uuid4())
    uploaded = services.store.uploaded_table(tid)
    try:
        async with services.staging() as folder:
            size = min(int(services.settings.max_upload), MAX_TABLE)
            files = await receive_files(request, folder, "file", Limits(size, 1, 1.0))
            if not files[0].size or not await services.quick(_has_rows, files[0].path):
                raise bad_request("the table is empty: send a header and at least one row")
            with files[0].path.open("rb") as stream:
                await services.quick(write_stream, stream, uploaded.table, size)
        options = {"minimal": minimal, "downsample": downsample}
        config = {"ops": {REPORT_TABLE: {"config": {"task": tid, **options}}}}
        await launching.launch(services, Kind.REPORT, CSV_REPORT, tid, total=1, options=options, config=config)
    except BaseException:
        await services.quick(uploaded.folder.delete_dir)
        raise
    return {"reporting in progress" if trigger else "reporting task added": tid}


def _has_rows(path: Path) -> bool:
    with path.open("rb") as stream:
        lines = (line for line in stream if line.strip())
        return next(lines, None) is not None and next(lines, None) is not None


@router.get("/{dataset_id}/report")
async def report(dataset_id: str, services: ServicesDep, request: Request) -> Response:
    """The report, one HTML page; 404 until it is ready."""
    return await report_response(services, request, dataset_id, PAGE)


@router.delete("/{dataset_id}/report")
async def delete_report(dataset_id: str, services: ServicesDep) -> dict[str, str]:
    """Delete the report and its log."""

    record = None
    with contextlib.suppress(UnknownDatasetError):
        record = await services.quick(services.store.find, dataset_id)
        await exploration.end_explorations(services, record)

    def delete() -> bool:
        store = services.store
        folder = store.report(record.key) if record is not None else store.uploaded_table(dataset_id).folder
        found = folder.is_dir()
        folder.delete_dir()
        return found

    found = await services.quick(delete)
    tasks = await services.visible(await services.board.of_collection(Kind.REPORT, dataset_id.lower()))
    own = await services.task(dataset_id)
    for task in (*tasks, *([own] if own and own.kind is Kind.REPORT else [])):
        await services.board.end(task)
        await services.quick(services.hidden.hide, task.id)
    if not found:
        raise not_found(f"data set {dataset_id} has no report")
    return {"info": f"report of data set {dataset_id} deleted"}


@router.get(f"/{{dataset_id}}/{EXPLORATION}", include_in_schema=False)
async def exploratory_page(dataset_id: str, services: ServicesDep, request: Request, again: bool = False) -> Response:
    """The exploratory page that the report links to; opening it launches the run that draws it."""
    record = await services.quick(services.store.find, dataset_id)
    return await exploration.exploration_response(services, request, record, again=again)


@router.get("/{dataset_id}/{name}", include_in_schema=False)
async def report_file(dataset_id: str, name: str, services: ServicesDep, request: Request) -> Response:
    """Files that the report page links to by relative names."""
    return await report_response(services, request, dataset_id, name)
