"""Deleting a data set: what runs for it, its tasks, its files, its partition. Its pictures stay."""

import contextlib

from api.dagster_client import DagsterRefusedError, DagsterUnavailableError
from api.exploration import end_explorations
from api.services import Services
from api.tasks import Kind
from bqat_pipeline.datasets import DatasetRecord


async def end_tasks(services: Services, record: DatasetRecord, *, hide: bool) -> None:
    """End what waits or runs for a data set; with `hide`, take its tasks out of the lists too."""
    for kind in (Kind.SCAN, Kind.OUTLIER, Kind.REPORT):
        for task in await services.board.of_collection(kind, str(record.id)):
            await services.board.end(task)
            if hide:
                await services.quick(services.hidden.hide, task.id)
    await end_explorations(services, record)


async def delete_dataset(services: Services, record: DatasetRecord) -> None:
    """Delete all results of a data set."""
    await end_tasks(services, record, hide=True)
    await services.quick(services.store.delete, record.key)
    # The results are gone by now; an empty partition in Dagster does no harm.
    with contextlib.suppress(DagsterUnavailableError, DagsterRefusedError):
        await services.board.dagster.delete_partition("scan", record.key)
