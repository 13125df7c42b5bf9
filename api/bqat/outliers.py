"""`/scan/{dataset_id}/outliers`: detection with the detectors of the BQAT API, and its result."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, status

from api.bqat.profiles import Limit, Skip
from api.bqat.schemas import Detector, DetectorOptions
from api.bqat.wire_outliers import delete_detection, read_outliers
from api.http.errors import bad_request, not_found
from api.services import ServicesDep
from api.tasks.launching import relaunch
from api.tasks.task import Kind
from bqat_pipeline.datasets import UnknownDatasetError
from bqat_pipeline.names import DETECT_OUTLIERS

router = APIRouter(prefix="/scan", tags=["scan"])

# Columns that the BQAT API uses for faces when none are named.
DEFAULT_COLUMNS = ["confidence", "ipd", "yaw_degree", "pitch_degree", "roll_degree"]


@router.get("/detectors")
async def detectors() -> dict[str, list[str]]:
    """Detectors that `detect` accepts, under both spellings of the key that clients look for."""
    names = [detector.value for detector in Detector]
    return {"Outlier detectors": names, "outlier detectors": names}


@router.post("/{dataset_id}/outliers/detect", status_code=status.HTTP_202_ACCEPTED)
async def detect(
    dataset_id: str,
    services: ServicesDep,
    body: Annotated[DetectorOptions | None, Body()] = None,
    trigger: bool = True,
) -> dict[str, str]:
    """Look for outliers. The task id is the same for every detection of a data set; the old result is dropped."""
    options = (body or DetectorOptions()).model_dump(mode="json")
    try:
        record = await services.quick(services.store.find, dataset_id)
    except UnknownDatasetError as error:
        raise bad_request(str(error)) from error
    if await services.quick(services.store.manifest, record.key) is None:
        raise bad_request(f"data set {dataset_id} has no profiles yet")
    options["columns"] = options["columns"] or DEFAULT_COLUMNS
    await services.quick(delete_detection, services.store, record.key)
    tid = await relaunch(services, Kind.OUTLIER, DETECT_OUTLIERS, record, options)
    return {"outlier detection task in progress": tid}


@router.get("/{dataset_id}/outliers")
async def outliers(
    dataset_id: str, services: ServicesDep, with_data: bool = False, skip: Skip = 0, limit: Limit = 0
) -> list[dict[str, Any]]:
    """Outliers in the order of the data set, then rows without a score (-1); `[]` when there are none."""

    def read() -> list[dict[str, Any]]:
        try:
            record = services.store.find(dataset_id)
        except UnknownDatasetError:
            return []
        return read_outliers(services.store, record, with_data=with_data, skip=skip, limit=limit)

    return await services.table(read)


@router.delete("/{dataset_id}/outliers")
async def delete(dataset_id: str, services: ServicesDep) -> dict[str, str]:
    """Delete the result of the last detection asked for here, and its log. The pipeline's own outliers stay."""
    record = await services.quick(services.store.find, dataset_id)
    tasks = await services.visible(await services.board.of_collection(Kind.OUTLIER, str(record.id)))
    found = await services.quick(delete_detection, services.store, record.key)
    for task in tasks:
        await services.board.end(task)
        await services.quick(services.hidden.hide, task.id)
    if not tasks and not found:
        raise not_found(f"data set {dataset_id} has no detection to delete")
    return {"info": f"outliers of data set {dataset_id} deleted"}
