"""What runs in a Dask worker: calls go on to a process of our own, once the worker has shown what it sees.

The process, not the Dask worker, is what a file may end, outrun or fill: time limit, memory limit and the position at
which it ended are those of the local pool, and Dask's worker, its profiler and its restarts stay out of it.
"""

import multiprocessing
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from distributed import get_worker

from bqat_pipeline.execution.pool import WorkerPool
from bqat_pipeline.execution.sight import SightTest

T = TypeVar("T")

_SHOWN: set[str] = set()
_OPENING = threading.Lock()


class BlindWorkerError(RuntimeError):
    """The worker does not see what the scan sees; the text says what, and begins with a verb."""


def call_in_process(test: SightTest, name: str, memory: int, fn: Callable[..., T], *args: Any) -> T:
    """Result of a call in a process of this worker.

    Parameters
    ----------
    name : What the scan calls this worker.
    memory : Limit of the process, as for ``WorkerPool``.

    Raises
    ------
    BlindWorkerError : when this worker does not see what the scan sees; the call has not begun then.
    WorkerDiedError : when the process ended before the call did.
    """
    with _OPENING:
        pool = _pool(get_worker().state.nthreads, memory)
    if test.token not in _SHOWN:
        failure = pool.submit(test.failure, name).result()
        if failure:
            raise BlindWorkerError(failure)
        _SHOWN.add(test.token)
    return pool.submit(fn, *args).result()


def nothing() -> None:
    """A call that only proves that calls arrive."""


@cache
def _pool(processes: int, memory: int) -> WorkerPool:
    # A nanny starts Dask's worker as a daemon, which multiprocessing forbids to have children. Ours end with it, by
    # themselves.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    return WorkerPool(processes, memory)
