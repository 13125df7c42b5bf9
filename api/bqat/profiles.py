"""`/scan/{dataset_id}/profiles`: face profiles as clients of the BQAT API read them."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.bqat.wire_profiles import WireProfiles, rows_of
from api.http.errors import not_found
from api.services import Services, ServicesDep
from api.tasks.deletion import end_tasks, forget_partition
from api.tasks.task import Kind
from bqat_pipeline.datasets import UnknownDatasetError

router = APIRouter(prefix="/scan", tags=["scan"])

Skip = Annotated[int, Query(ge=0, le=2**53)]
Limit = Annotated[int, Query(ge=0, le=2**53, description="0: no limit.")]


def _wire_profiles(services: Services, dataset_id: str) -> WireProfiles:
    record = services.store.find(dataset_id)
    return WireProfiles(services.store, record, lower_pose=services.settings.wire_pose == "lower")


@router.get("/{dataset_id}/profiles", response_model=list[dict[str, Any]])
async def profiles(dataset_id: str, services: ServicesDep, skip: Skip = 0, limit: Limit = 0) -> StreamingResponse:
    """Profiles in a stable order; `[]` for an unknown data set. Streamed, so that memory does not grow with them."""

    def texts() -> Iterator[str]:
        try:
            found = _wire_profiles(services, dataset_id)
        except UnknownDatasetError:
            return
        for batch in found.slice(skip, limit):
            yield ",".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in batch)

    def started() -> tuple[Iterator[str], str | None]:
        batches = texts()
        try:
            return batches, next(batches, None)
        except FileNotFoundError:  # the first scan was published at this very moment
            batches = texts()
            return batches, next(batches, None)

    batches, first = await services.table(started)  # errors before the first byte become an error answer

    async def body() -> AsyncIterator[str]:
        text, separator = first, "["
        while text is not None:
            if text:
                yield separator + text
                separator = ","
            text = await services.table(next, batches, None)
        yield "[]" if separator == "[" else "]"

    return StreamingResponse(body(), media_type="application/json")


@router.get("/{dataset_id}/profiles/count")
async def profile_count(dataset_id: str, services: ServicesDep) -> int:
    """Number of profiles; 0 for an unknown data set."""

    def read() -> int:
        try:
            return rows_of(services.store, services.store.find(dataset_id))
        except UnknownDatasetError:
            return 0

    return await services.quick(read)


@router.delete("/{dataset_id}/profiles")
async def delete_profiles(dataset_id: str, services: ServicesDep) -> dict[str, Any]:
    """Delete all profiles of a data set, and what was made from them; also answers 200 for an unknown one."""

    try:
        record = await services.quick(services.store.find, dataset_id)
    except UnknownDatasetError:
        return {"ns": dataset_id, "ok": 0.0}
    await end_tasks(services, record, hide=False)
    await services.quick(services.store.clear, record.key)
    if not await services.visible(await services.board.of_collection(Kind.SCAN, str(record.id))):
        await forget_partition(services, record)
    return {"ns": dataset_id, "ok": 1.0}


@router.get("/{dataset_id}/profiles/{scan_id}")
async def one_profile(dataset_id: str, scan_id: str, services: ServicesDep) -> dict[str, Any]:
    """The profile with a `tag`."""

    def read() -> dict[str, Any] | None:
        return _wire_profiles(services, dataset_id).find(scan_id)

    record = await services.table(read)
    if record is None:
        raise not_found(f"there is no profile {scan_id}")
    return record
