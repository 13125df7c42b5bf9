"""`/scan/{dataset_id}/outliers`: detection with the detectors of the BQAT API, and its result."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, status

from api.bqat.profiles import Limit, Skip
from api.bqat.schemas import Detector, DetectorOptions
from api.bqat.wire_outliers import delete_detection, read_outliers
from api.http.errors import bad_request, not_found
from api.services import Use
from api.tasks.launching import relaunch
from api.tasks.task import Kind
from bqat_pipeline.datasets import UnknownDatasetError
from bqat_pipeline.names import DETECT_OUTLIERS

router = APIRouter(prefix="/scan", tags=["scan"])

# What the BQAT API looks at for faces when no columns are named.
DEFAULT_COLUMNS = ["confidence", "ipd", "yaw_degree", "pitch_degree", "roll_degree"]


@router.get("/detectors")
async def detectors() -> dict[str, list[str]]:
    """Detectors that `detect` knows; under both spellings that clients look for."""
    names = [detector.value for detector in Detector]
    return {"Outlier detectors": names, "outlier detectors": names}


@router.post("/{dataset_id}/outliers/detect", status_code=status.HTTP_202_ACCEPTED)
async def detect(
    dataset_id: str,
    use: Use,
    body: Annotated[DetectorOptions | None, Body()] = None,
    trigger: bool = True,
) -> dict[str, str]:
    """Look for outliers. The task id is the same for every detection of a data set; the old result is dropped."""
    options = (body or DetectorOptions()).model_dump(mode="json")
    try:
        record = await use.quick(use.store.find, dataset_id)
    except UnknownDatasetError as error:
        raise bad_request(str(error)) from error
    if await use.quick(use.store.manifest, record.key) is None:
        raise bad_request(f"data set {dataset_id} has no profiles yet")
    options["columns"] = options["columns"] or DEFAULT_COLUMNS
    await use.quick(delete_detection, use.store, record.key)
    tid = await relaunch(use, Kind.OUTLIER, DETECT_OUTLIERS, record, options)
    return {"outlier detection task in progress": tid}


@router.get("/{dataset_id}/outliers")
async def outliers(
    dataset_id: str, use: Use, with_data: bool = False, skip: Skip = 0, limit: Limit = 0
) -> list[dict[str, Any]]:
    """Outliers in the order of the data set, then rows without a score (-1); `[]` when there are none."""

    def read() -> list[dict[str, Any]]:
        try:
            record = use.store.find(dataset_id)
        except UnknownDatasetError:
            return []
        return read_outliers(use.store, record, with_data=with_data, skip=skip, limit=limit)

    return await use.table(read)


@router.delete("/{dataset_id}/outliers")
async def delete(dataset_id: str, use: Use) -> dict[str, str]:
    """Delete the result of the last detection, and its log. What the pipeline itself found unusual stays."""
    record = await use.quick(use.store.find, dataset_id)
    tasks = await use.visible(await use.board.of_collection(Kind.OUTLIER, str(record.id)))
    found = await use.quick(delete_detection, use.store, record.key)
    for task in tasks:
        await use.board.end(task)
        await use.quick(use.hidden.hide, task.id)
    if not tasks and not found:
        raise not_found(f"data set {dataset_id} has no detection to delete")
    return {"info": f"outliers of data set {dataset_id} deleted"}
