"""Deletion of a data set with its runs, tasks, results and partition. Its pictures stay."""

import contextlib

from api.services import Services
from api.tasks.dagster_client import DagsterRefusedError, DagsterUnavailableError
from api.tasks.exploration import end_explorations
from api.tasks.review import end_reviews
from api.tasks.task import Kind
from bqat_pipeline.datasets import DatasetRecord, UnknownDatasetError
from bqat_pipeline.execution.unmeasured import is_unmeasured
from bqat_pipeline.names import SCAN


async def end_tasks(services: Services, record: DatasetRecord, *, hide: bool) -> None:
    """End every waiting or running task of a data set; with `hide`, remove its tasks from the lists too."""
    for kind in (Kind.SCAN, Kind.OUTLIER, Kind.REPORT):
        for task in await services.board.of_collection(kind, str(record.id)):
            await services.board.end(task)
            if hide:
                await services.quick(services.hidden.hide, task.id)
    await end_explorations(services, record)
    await end_reviews(services, record)


async def delete_dataset(services: Services, record: DatasetRecord) -> None:
    """Delete all results of a data set."""
    await end_tasks(services, record, hide=True)
    await services.quick(services.store.delete, record.key)
    await forget_partition(services, record)


async def forget_partition(services: Services, record: DatasetRecord) -> None:
    """Delete the partition of a data set without results; a new scan adds it again."""
    # Without Dagster the partition stays, which does no harm.
    with contextlib.suppress(DagsterUnavailableError, DagsterRefusedError):
        await services.board.dagster.delete_partition(SCAN, record.key)


async def delete_if_unmeasured(services: Services, key: str) -> None:
    """Delete a data set of which nothing was measured, unless a scan of it still waits or runs."""
    with contextlib.suppress(UnknownDatasetError):
        record = await services.quick(services.store.record, key)
        others = await services.board.of_collection(Kind.SCAN, str(record.id))
        if not any(task.is_live for task in others) and await services.quick(is_unmeasured, services.store, key):
            await delete_dataset(services, record)
