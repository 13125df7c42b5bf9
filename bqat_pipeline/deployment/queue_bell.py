"""Runs start when they are submitted: who submits one rings for the daemon, which otherwise looks once a second.

The bell is a named pipe in the state folder, which the daemon of `bqat up` listens to. Where the two do not share that
folder, or the system has no such pipes, it looks once a second, as Dagster's own daemon does.
"""

import contextlib
import logging
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterError
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext

from bqat_pipeline.names import EXPLORE, PARTITION_TAG, SCAN
from bqat_pipeline.settings import settings

logger = logging.getLogger(__name__)

_NAME = "queue.bell"
# Runs at the same time beside scans: an exploratory page, a report, a preprocessing.
_BESIDE_SCANS = 3
_UNFINISHED = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
# Seconds between two signs of life while nobody rings: the daemon then sees that it shall end.
_STEP = 0.25


class PromptRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue of runs, which rings when a run enters it.

    No run waits for an exploratory page: beside the scans that the settings allow there is room for others, and a page
    that is drawn of a data set ends for its next scan, which would otherwise wait for what it makes obsolete.

    Parameters
    ----------
    max_concurrent_runs : By default three more than scans (BQAT_MAX_CONCURRENT_SCANS).
    """

    def __init__(self, max_concurrent_runs: int | None = None, **options: Any) -> None:
        if max_concurrent_runs is None:
            max_concurrent_runs = settings().max_concurrent_scans + _BESIDE_SCANS
        super().__init__(max_concurrent_runs=max_concurrent_runs, **options)

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Put a run into the queue."""
        run = super().submit_run(context)
        if run.job_name == SCAN and (key := run.tags.get(PARTITION_TAG)):
            self._end_drawing(key)
        ring(settings().state)
        return run

    def _end_drawing(self, key: str) -> None:
        filters = dg.RunsFilter(job_name=EXPLORE, tags={PARTITION_TAG: key}, statuses=_UNFINISHED)
        for drawing in self._instance.get_runs(filters):
            try:
                self.cancel_run(drawing.run_id)
            except DagsterError as error:  # its code server is away; the scan waits, at most for the page's time limit
                logger.warning("a scan of %s waits for its exploratory page: %s", key, error)


def ring(state: Path) -> None:
    """Wake the daemon that waits at a state folder; no effect where none does."""
    with contextlib.suppress(OSError):
        bell = os.open(state / _NAME, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(bell, b"\0")
        finally:
            os.close(bell)


class Bell:
    """The daemon's end of the bell of a state folder."""

    def __init__(self, state: Path) -> None:
        self._pipe: int | None = None
        self._place = state / _NAME
        try:
            self._place.unlink(missing_ok=True)  # of a daemon that was killed
            os.mkfifo(self._place, 0o600)
            self._pipe = os.open(self._place, os.O_RDWR | os.O_NONBLOCK)  # both, else it ends with the first ring
        except (OSError, AttributeError) as error:  # a file system or a system without named pipes
            logger.warning("runs start up to a second after they are submitted: no bell at %s: %s", self._place, error)

    def wait(self, seconds: float) -> Iterator[None]:
        """Wait until somebody rings, or has rung since the last time, at most so long; yields every quarter second."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._rung(min(_STEP, left)):
                return
            yield

    def close(self) -> None:
        """Stop listening."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
            self._place.unlink(missing_ok=True)

    def _rung(self, seconds: float) -> bool:
        if self._pipe is None:
            time.sleep(seconds)
            return False
        if not select.select([self._pipe], [], [], seconds)[0]:
            return False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._pipe, 4096):
                pass
        return True
