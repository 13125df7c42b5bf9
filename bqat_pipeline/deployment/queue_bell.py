"""Runs start when they are submitted: who submits one rings for the daemon, which otherwise looks once a second.

The bell is a named pipe in the state folder. Where the two do not share that folder, or the system has no such pipes,
the daemon looks once a second as Dagster's own does.
"""

import contextlib
import logging
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext

from bqat_pipeline.settings import settings

logger = logging.getLogger(__name__)

_NAME = "queue.bell"
# Seconds between two signs of life while nobody rings: the daemon then sees that it shall end.
_STEP = 0.25


class PromptRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue of runs, which rings when a run enters it."""

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Put a run into the queue."""
        run = super().submit_run(context)
        ring(settings().state)
        return run


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
