"""A scan as a Dagster run in this process, so that it also appears in the Dagster UI."""

import contextlib
from typing import TYPE_CHECKING

from bqat_pipeline.cli.console import CliError, native_messages_to
from bqat_pipeline.cli.failures import is_interruption as is_stop
from bqat_pipeline.cli.progress import watch_progress
from bqat_pipeline.datasets import DamagedDatasetError, DatasetRecord, DatasetStore, UnknownDatasetError
from bqat_pipeline.names import COLLECTION_TAG, IMAGES, KIND_TAG, PARTITIONS, SCAN
from bqat_pipeline.settings import settings

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun


class ScanStopped(KeyboardInterrupt):
    """A person stopped the scan; the text says what is kept."""


def run_scan(store: DatasetStore, record: DatasetRecord, listing: dict[str, bool]) -> None:
    """Run the job ``scan`` for the partition of a data set.

    Parameters
    ----------
    listing : Configuration of the asset ``images``.

    Raises
    ------
    CliError : when the run fails.
    ScanStopped : when it is interrupted; the next scan of the data set resumes it.
    """
    from bqat_pipeline.deployment.instance import open_instance

    instance = open_instance()
    from bqat_pipeline.deployment.launcher import end_orphaned_runs

    end_orphaned_runs(instance)
    instance.add_dynamic_partitions(PARTITIONS, [record.key])
    try:
        failure = _execute(instance, store, record, listing)
    except BaseException as error:
        if not is_stop(error):
            raise
        raise ScanStopped(_stopped_text(store, record.key)) from error
    if failure:
        raise CliError(failure)


def discard_unscanned(store: DatasetStore, key: str) -> None:
    """Delete a data set that was made for a scan which measured nothing; keep it when that cannot be determined."""
    from bqat_pipeline.deployment.instance import open_instance
    from bqat_pipeline.execution.unmeasured import is_unmeasured

    with contextlib.suppress(OSError, UnknownDatasetError, DamagedDatasetError):
        if is_unmeasured(store, key):
            store.delete(key)
            open_instance().delete_dynamic_partition(PARTITIONS, key)


def _execute(instance: "DagsterInstance", store: DatasetStore, record: DatasetRecord, listing: dict[str, bool]) -> str:
    """Run the job ``scan``, and return why it failed; empty when it succeeded."""
    from bqat_pipeline.definitions import defs
    from bqat_pipeline.deployment.launcher import process_tag
    from bqat_pipeline.execution.unmeasured import is_unmeasured
    from bqat_pipeline.orchestration.run_failures import is_interruption, root_cause, sentence_of

    job = defs.resolve_job_def(SCAN)
    log = settings().state.absolute() / "logs" / "scan.log"
    tags = {KIND_TAG: SCAN, COLLECTION_TAG: str(record.id), **process_tag()}
    with watch_progress(store, record.key), native_messages_to(log):
        result = job.execute_in_process(
            instance=instance,
            partition_key=record.key,
            tags=tags,
            run_config={
                "loggers": {"console": {"config": {"log_level": "ERROR"}}},
                "ops": {IMAGES: {"config": listing}},
            },
            raise_on_error=False,
        )
    if result.success:
        return ""
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    cause = root_cause(failures[0].error) if failures else None
    if cause is None or is_interruption(cause):
        _mark_cancelled(instance, result.dagster_run)
        raise ScanStopped(_stopped_text(store, record.key))
    reason = sentence_of(failures[0])
    if is_unmeasured(store, record.key):
        return reason
    return (
        f"the scan failed: {reason}\n"
        f"what was done is kept: the same command goes on from there; details are in {log} and in the Dagster UI"
    )


def _mark_cancelled(instance: "DagsterInstance", run: "DagsterRun") -> None:
    """Mark a run as cancelled rather than failed: a person stopped it, so it must not be retried."""
    instance.report_run_canceled(run, message="stopped at the command line")


def _stopped_text(store: DatasetStore, key: str) -> str:
    progress = store.progress(key)
    if progress is None or not progress.done:
        return "stopped"
    return (
        f"stopped: {progress.done:,} of {progress.total:,} files are done and kept; the same command goes on from there"
    )
