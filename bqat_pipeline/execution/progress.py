"""progress.json of a running scan: written at most twice a second."""

import time
from collections import deque
from collections.abc import Callable

from bqat_pipeline.datasets import DatasetStore, Progress
from bqat_pipeline.datasets.records import now

_SECONDS_BETWEEN_WRITES = 0.5
_RATE_WINDOW = 10.0


Listener = Callable[[Progress], None]


class ProgressWriter:
    """Where a stage of a scan stands, on disk for whoever looks.

    Parameters
    ----------
    seconds : Time that earlier runs of the same generation have worked.
    listener : Is told what is written.
    """

    def __init__(
        self,
        store: DatasetStore,
        key: str,
        *,
        stage: str,
        total: int,
        generation: str = "",
        seconds: float = 0.0,
        run_id: str = "",
        listener: Listener | None = None,
    ) -> None:
        self._store = store
        self._key = key
        self._base = Progress(stage=stage, total=total, run_id=run_id, generation=generation)
        self._done = 0
        self._failed = 0
        self._seconds_before = seconds
        self._began = time.monotonic()
        self._written = 0.0
        self._recent = deque([(self._began, 0)])
        self._listener = listener
        self.write()

    @property
    def seconds(self) -> float:
        """Time of work so far, earlier runs included."""
        return self._seconds_before + time.monotonic() - self._began

    def add(self, done: int, failed: int = 0) -> None:
        """Count finished files."""
        self._done += done
        self._failed += failed
        self._recent.append((time.monotonic(), self._done))
        self.refresh()

    def skip(self, done: int, failed: int = 0) -> None:
        """Count files that were done before, which say nothing about the rate."""
        self._done += done
        self._failed += failed
        self._recent = deque([(time.monotonic(), self._done)])
        self.refresh()

    def refresh(self) -> None:
        """Write when the last time was half a second ago."""
        if time.monotonic() - self._written >= _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        self._written = time.monotonic()
        progress = self._base.model_copy(
            update={
                "done": self._done,
                "failed": self._failed,
                "rate": round(self._rate(), 2),
                "seconds": round(self.seconds, 3),
                "updated": now(),
            }
        )
        self._store.write_progress(self._key, progress)
        if self._listener is not None:
            self._listener(progress)

    def _rate(self) -> float:
        moment = time.monotonic()
        while len(self._recent) > 2 and moment - self._recent[0][0] > _RATE_WINDOW:
            self._recent.popleft()
        (began, before) = self._recent[0]
        return (self._done - before) / (moment - began) if moment - began > 0.2 else 0.0
