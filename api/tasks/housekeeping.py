"""Deletes what uploads left behind: pictures of finished remote scans, and whatever an interrupted upload staged."""

import asyncio
import contextlib
import itertools
import logging
import shutil
import time
from pathlib import Path

from pyarrow import fs

from api.services import Services
from api.tasks.dagster_client import DagsterRefusedError, DagsterUnavailableError
from api.tasks.task import Status
from bqat_pipeline.datasets import DamagedDatasetError, Location
from bqat_pipeline.datasets.identity_files import forget_expired_templates

logger = logging.getLogger("bqat.api")

# Seconds between two rounds.
INTERVAL = 20.0
# Rounds between two looks at the templates of all data sets: two requests for each of them on S3.
TEMPLATES = 90
# Seconds for which the pictures of a stopped or failed scan are kept, so that it can be resumed.
KEPT_FOR_RESUME = 24 * 3600
# Seconds after which an upload is taken for interrupted.
STALE_UPLOAD = 24 * 3600
# Seconds within which the scan of a new folder is launched; until then Dagster may not know it.
_LAUNCHING = 60


async def run_housekeeping(services: Services) -> None:
    """Clean up every `INTERVAL` seconds until cancelled, and delete expired templates once in `TEMPLATES` rounds."""
    for number in itertools.count():
        try:
            if number % TEMPLATES == 0:
                await services.quick(_forget_templates, services)
            # Without Dagster nobody knows which scans have ended.
            with contextlib.suppress(DagsterUnavailableError, DagsterRefusedError):
                await clean(services)
        except (OSError, DamagedDatasetError) as error:
            logger.warning("cleaning up: %s", error)
        await asyncio.sleep(INTERVAL)


async def clean(services: Services) -> int:
    """Delete what is not needed any more and return the number of folders deleted."""
    deleted = 0
    await services.quick(services.forget_stale_searches)
    for folder, changed in await services.quick(_folders, services.store.uploads):
        if await _is_over(services, folder.name, changed):
            await services.quick(folder.delete_dir)
            deleted += 1
    deleted += await services.quick(services.store.finish_deletions)
    return deleted + await services.quick(_clean_staging, Path(services.settings.state) / "uploads")


def _forget_templates(services: Services) -> int:
    """Delete face templates that are kept no longer, whether or not identities are switched on now."""
    return sum(1 for _ in forget_expired_templates(services.store, services.settings.identity_retention))


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
