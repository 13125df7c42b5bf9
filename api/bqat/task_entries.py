"""Logs and live progress of tasks, from Dagster's runs and the data-set folder."""

import contextlib
from dataclasses import replace
from typing import Any

from api.bqat.wire import live_entry, outlier_log, preprocessing_log, report_log, scan_log
from api.http.recent import Recent
from api.services import Services
from api.sources import count
from api.tasks.launching import record_of
from api.tasks.task import Kind, Status, Task
from bqat_pipeline.datasets import DatasetRecord, Manifest, Progress, UnknownDatasetError

# Number of files by task, for waiting tasks whose request did not count them.
_TOTALS: Recent[int] = Recent(10_000)


async def log_of(services: Services, task: Task) -> dict[str, Any] | None:
    """Log of a task; None for a scan whose data set was deleted, unless it failed: then the log says why."""
    return next(iter(await logs_of(services, [task], failed=True)), None)


async def logs_of(services: Services, tasks: list[Task], *, failed: bool = False) -> list[dict[str, Any]]:
    """Logs of tasks, in their order; scans whose data set was deleted are left out.

    Parameters
    ----------
    failed : Keep failed scans: a first scan that found no files has no data set, and its client asks for the reason.
    """
    texts = [await services.failure_texts(task) for task in tasks]

    def read() -> list[dict[str, Any]]:
        logs = (_log(services, task, why, failed) for task, why in zip(tasks, texts, strict=True))
        return [log for log in logs if log is not None]

    return await services.quick(read)


def _log(services: Services, task: Task, texts: list[str], failed: bool) -> dict[str, Any] | None:
    options = services.options_of(task)
    if task.kind is Kind.OUTLIER:
        return outlier_log(task, options, texts)
    if task.kind is Kind.PREPROCESSING:
        return preprocessing_log(task, options, texts)
    record, manifest, progress = _facts(services, task)
    if task.kind is Kind.REPORT:
        return report_log(task, options, record, manifest, texts)
    if record is None and not (failed and task.status is Status.ERROR):
        return None
    return scan_log(_counted(task, record, manifest, progress), record, manifest, progress, texts)


async def live_entry_of(services: Services, task: Task) -> dict[str, int]:
    """Live progress of a waiting or running task."""
    if task.kind is Kind.SCAN:
        return await services.quick(scan_entry, services, task)
    if task.kind is Kind.PREPROCESSING:
        # Clients ask for the result only while both are 0 (contract 6.7).
        return {"total": task.total, "done": 0, "eta": 0}
    return {"total": 1, "done": 0, "eta": -1}


def scan_entry(services: Services, task: Task) -> dict[str, int]:
    """Live progress of a waiting or running scan."""
    record, manifest, progress = _facts(services, task)
    return live_entry(_counted(task, record, manifest, progress), manifest, progress)


def _counted(task: Task, record: DatasetRecord | None, manifest: Manifest | None, progress: Progress | None) -> Task:
    """The task with its number of files, also when Dagster's UI, a sensor or a schedule launched it without one."""
    begun = progress is not None and progress.run_id in task.run_ids
    if record is None or task.total or begun or not task.is_live:
        return task
    if manifest is not None:  # about as many as the last time
        return replace(task, counted=manifest.rows)
    with contextlib.suppress(OSError, ValueError):  # a source that cannot be read makes the scan fail, with its reason
        return replace(task, counted=_TOTALS.get(task.id, lambda: count(record.sources, record.options)))
    return task


def _facts(services: Services, task: Task) -> tuple[DatasetRecord | None, Manifest | None, Progress | None]:
    try:
        record = record_of(services, task)
    except UnknownDatasetError:
        return None, None, None
    return record, services.store.manifest(record.key), services.store.progress(record.key)
