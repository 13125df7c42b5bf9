"""Runs of the job `export_review`, which writes the list of a review. They are no tasks of the BQAT API."""

from collections.abc import Sequence

from api.services import Services
from api.tasks.dagster_client import Run
from api.tasks.task import LIVE_RUN_STATUSES
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.names import COLLECTION_TAG, EXPORT_REVIEW, PARTITION_TAG

# Statuses of a run that has not read any decision yet.
_WAITING = ("NOT_STARTED", "QUEUED", "STARTING")


async def launch_review(services: Services, record: DatasetRecord) -> None:
    """Launch a run that writes the list, unless one waits to start: it will read the newest decisions too."""
    async with services.lock(f"{EXPORT_REVIEW}:{record.id}"):
        if not await services.dagster.runs(
            job=EXPORT_REVIEW, tags={PARTITION_TAG: record.key}, statuses=_WAITING, limit=1
        ):
            await services.dagster.add_partition(EXPORT_REVIEW, record.key)
            await services.dagster.launch(EXPORT_REVIEW, {COLLECTION_TAG: str(record.id)}, None, record.key)


async def is_being_made(services: Services, record: DatasetRecord) -> bool:
    """Whether a run writes the list now, or waits to start."""
    return bool(await _runs(services, record, LIVE_RUN_STATUSES))


async def end_reviews(services: Services, record: DatasetRecord) -> None:
    """End the runs that write, or wait to write, the list of a data set."""
    for run in await _runs(services, record, LIVE_RUN_STATUSES):
        await services.dagster.terminate(run.id)


async def _runs(services: Services, record: DatasetRecord, statuses: Sequence[str]) -> list[Run]:
    return await services.dagster.runs(job=EXPORT_REVIEW, tags={PARTITION_TAG: record.key}, statuses=statuses)
