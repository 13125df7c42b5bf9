"""Schedules. They are off until somebody switches them on in Dagster."""

from collections.abc import Iterator

import dagster as dg

from bqat_pipeline.names import COLLECTION_TAG, PARTITIONS
from bqat_pipeline.orchestration.jobs import housekeeping, scan
from bqat_pipeline.settings import settings
from resources import DatasetStoreResource


@dg.schedule(
    name="rescan",
    job=scan,
    cron_schedule=settings().rescan_cron,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Rescans every data set whose files stay in place; only what changed is measured, and the report says "
    "what differs from the scan before. BQAT_RESCAN_CRON says when.",
)
def rescan(context: dg.ScheduleEvaluationContext, store: DatasetStoreResource) -> Iterator[dg.RunRequest]:
    """A scan of every data set except those of uploads, whose files are deleted after their scan."""
    known = set(context.instance.get_dynamic_partitions(PARTITIONS))
    moment = context.scheduled_execution_time.isoformat()
    for record in store.open().records():
        if record.key in known and not any(source.temporary for source in record.sources):
            yield dg.RunRequest(
                run_key=f"{record.key}:{moment}",
                partition_key=record.key,
                tags={COLLECTION_TAG: str(record.id)},
            )


weekly_housekeeping = dg.ScheduleDefinition(
    name="housekeeping",
    job=housekeeping,
    cron_schedule="30 4 * * 0",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Deletes finished runs older than 90 days from Dagster's history, and face templates older than "
    "BQAT_IDENTITY_RETENTION. Results do not depend on them.",
)

ALL = [rescan, weekly_housekeeping]
