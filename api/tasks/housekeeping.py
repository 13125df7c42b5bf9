"""Deletes what uploads left behind: pictures of finished remote scans, and whatever an interrupted upload staged."""

import asyncio
import contextlib
import logging
import shutil
import time
from pathlib import Path

from pyarrow import fs

from api.services import Services
from api.tasks.dagster_client import DagsterRefusedError, DagsterUnavailableError
from api.tasks.task import Status
from bqat_pipeline.datasets import DamagedDatasetError, Location

logger = logging.getLogger("bqat.api")

INTERVAL = 20.0
# A stopped or failed scan can be resumed as long as its pictures are there, seconds.
KEPT_FOR_RESUME = 24 * 3600
# An upload that is older than this is not under way any more, seconds.
STALE_UPLOAD = 24 * 3600
# A folder is younger than this while its scan is being launched, seconds.
_LAUNCHING = 60


async def run_housekeeping(services: Services) -> None:
    """Clean up now and then, for ever."""
    while True:
        try:
            # Without Dagster nobody knows which scans have ended.
            with contextlib.suppress(DagsterUnavailableError, DagsterRefusedError):
                await clean(services)
        except (OSError, DamagedDatasetError) as error:
            logger.warning("cleaning up: %s", error)
        await asyncio.sleep(INTERVAL)


async def clean(services: Services) -> int:
    """Number of folders deleted."""
    deleted = 0
    for folder, changed in await services.quick(_folders, services.store.home / "temp"):
        if await _is_over(services, folder.name, changed):
            await services.quick(folder.delete_dir)
            deleted += 1
    deleted += await services.quick(services.store.finish_deletions)
    return deleted + await services.quick(_clean_staging, Path(services.settings.state) / "uploads")


def _folders(parent: Location) -> list[tuple[Location, float]]:
    return [
        (parent / info.base_name, (info.mtime_ns or 0) / 1e9)
        for info in parent.iterdir()
        if info.type == fs.FileType.Directory
    ]


async def _is_over(services: Services, tid: str, changed: float) -> bool:
    """Whether nothing will read the pictures of a remote scan any more."""
    age = time.time() - changed
    if age < _LAUNCHING:
        task = await services.board.find(tid)
        return task is not None and task.status is Status.DONE
    task = await services.task(tid)
    if task is None:
        # Cancelled by a client; or unknown to Dagster, which may know it again when its database is restored.
        return await services.quick(services.hidden.is_hidden, tid) or age > KEPT_FOR_RESUME
    if task.status is Status.DONE:
        return True
    return not task.is_live and time.time() - max(changed, task.modified) > KEPT_FOR_RESUME


def _clean_staging(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    deleted = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # its upload has just ended
            if time.time() - path.stat().st_mtime > STALE_UPLOAD:
                shutil.rmtree(path, ignore_errors=True)
                deleted += 1
    return deleted
