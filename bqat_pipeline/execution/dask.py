"""Chunks on the workers of a Dask scheduler (extra `dask`).

Data root and results must be the same folders on every worker, under the same paths; each worker shows that before it
gets work. A nanny (Dask's default) starts a worker again that ends.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bqat_pipeline.execution.chunks import ScanContext
from bqat_pipeline.execution.compute import Compute
from bqat_pipeline.execution.errors import ClusterError
from bqat_pipeline.execution.sight import prepare_sight_test
from bqat_pipeline.settings import Settings

if TYPE_CHECKING:
    from distributed import Client

    from bqat_pipeline.execution.dask_executor import DaskExecutor

_CONNECT_SECONDS = 15
_CLOSE_SECONDS = 5
# Once one worker may work, how long the others are waited for before the first chunk goes out.
_GATHER_SECONDS = 5
_PAUSE_SECONDS = 0.1
# Measured: client and scheduler carried 160 calls a second. Half of it leaves room for others on the scheduler.
_CALLS_PER_SECOND = 80


@contextmanager
def open_dask(settings: Settings, context: ScanContext) -> Iterator[Compute]:
    """The workers of a scheduler; what a scan leaves unfinished is taken off them when it ends.

    Raises
    ------
    ClusterError : when scheduler or workers cannot be reached, or no worker sees what the scan sees.
    OSError : when the results cannot be written.
    """
    address = settings.dask_scheduler
    client = connect(address)
    try:
        from bqat_pipeline.execution.dask_executor import DaskExecutor

        test = prepare_sight_test(context)
        executor = DaskExecutor(client, address, test, int(settings.worker_memory))
        try:
            watch = _Watch(executor, address, settings.dask_worker_timeout)
            watch.gather()
            yield Compute(executor, executor.capacity, watch.check, _CALLS_PER_SECOND, elsewhere=True)
        finally:
            executor.shutdown()
            test.remove()
    finally:
        client.close(timeout=_CLOSE_SECONDS)


def connect(address: str) -> "Client":
    """A connection to a scheduler.

    Raises
    ------
    ClusterError : when the extra is not installed or nobody answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError("a Dask scheduler is set but the extra `dask` is not installed") from error
    try:
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(f"the Dask scheduler at {address} (BQAT_DASK_SCHEDULER) does not answer") from error


class _Watch:
    """Ends the waiting when nobody is left to wait for."""

    def __init__(self, executor: "DaskExecutor", address: str, patience: float) -> None:
        self._executor = executor
        self._address = address
        self._patience = patience
        self._alone_since: float | None = None

    def gather(self) -> None:
        """Wait until workers may have work: the first one, and for a moment those that are asked."""
        first = 0.0
        while True:
            self.check()
            if self._executor.capacity():
                first = first or time.monotonic()
                if not self._executor.undecided() or time.monotonic() - first > _GATHER_SECONDS:
                    return
            time.sleep(_PAUSE_SECONDS)

    def check(self) -> None:
        self._executor.refresh()
        if self._executor.capacity() or self._executor.undecided():
            self._alone_since = None
            return
        moment = time.monotonic()
        self._alone_since = self._alone_since or moment
        if moment - self._alone_since > self._patience:
            raise ClusterError(self._nobody())

    def _nobody(self) -> str:
        limit = f"for {self._patience:g} s (BQAT_DASK_WORKER_TIMEOUT)"
        refusals = self._executor.refusals()
        if refusals:
            more = f", and {len(refusals) - 1} more" if len(refusals) > 1 else ""
            return f"the Dask scheduler at {self._address} had no worker of use {limit}: {refusals[0]}{more}"
        return f"the Dask scheduler at {self._address} had no workers {limit}; start some and run the scan again"
