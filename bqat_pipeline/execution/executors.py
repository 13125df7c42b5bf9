"""Where chunks run: worker processes of this machine, or the workers of a Dask scheduler."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bqat_pipeline.execution.chunks import ScanContext
from bqat_pipeline.execution.compute import Compute
from bqat_pipeline.execution.pool import WorkerPool
from bqat_pipeline.settings import Settings


@contextmanager
def open_compute(settings: Settings, context: ScanContext) -> Iterator[Compute]:
    """The executor that the settings ask for; its processes have ended when the block is left, in whatever way."""
    if settings.dask_scheduler:
        from bqat_pipeline.execution.dask import open_dask

        with open_dask(settings, context) as compute:
            yield compute
        return
    with open_pool(settings.workers or available_cores(), int(settings.worker_memory)) as compute:
        yield compute


@contextmanager
def open_pool(workers: int, memory: int = 0) -> Iterator[Compute]:
    """Worker processes of this machine."""
    pool = WorkerPool(workers, memory)
    try:
        yield Compute(pool, lambda: workers)
    finally:
        pool.shutdown(cancel_futures=True)


def available_cores() -> int:
    """Cores that this process may use (a container's CPU set counts)."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
