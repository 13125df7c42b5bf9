"""Chunks on the workers of a Dask scheduler (extra `dask`).

Start workers with one thread each and a nanny (Dask's default): a file that ends its worker then costs a restart. Where
no nanny starts it again, the worker is gone. The data root and the results must be reachable from every worker.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bqat_pipeline.execution.compute import Compute
from bqat_pipeline.execution.errors import ScanError

_CONNECT_SECONDS = 30


@contextmanager
def open_dask(address: str, patience: float) -> Iterator[Compute]:
    """The workers of a scheduler; what a scan leaves unfinished is taken off them when it ends.

    Parameters
    ----------
    address : ``tcp://host:8786``.
    patience : Seconds to wait for a worker, at the start and whenever all are gone.

    Raises
    ------
    ScanError : when scheduler or workers cannot be reached.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.comm import CommClosedError
    except ImportError as error:
        raise ScanError("a Dask scheduler is set but the extra `dask` is not installed") from error
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ScanError(f"the Dask scheduler at {address} (BQAT_DASK_SCHEDULER) does not answer") from error
    try:
        try:
            client.wait_for_workers(1, timeout=patience)
        except TimeoutError as error:
            raise ScanError(_no_workers(address, patience)) from error
        watch = _Watch(client, address, patience)
        yield Compute(
            executor=client.get_executor(pure=False),
            workers=max(1, sum(client.nthreads().values())),
            lost_worker=lambda error: isinstance(error, KilledWorker),
            lost_scheduler=lambda error: isinstance(error, CommClosedError),
            check=watch.check,
        )
    finally:
        client.close(timeout=5)


class _Watch:
    """Ends the waiting when nobody is left to wait for: Dask itself waits for ever."""

    def __init__(self, client: object, address: str, patience: float) -> None:
        self._client = client
        self._address = address
        self._patience = patience
        self._alone_since: float | None = None

    def check(self) -> None:
        if self._client.status not in ("running", "connecting"):  # type: ignore[attr-defined]
            raise ScanError(f"the connection to the Dask scheduler at {self._address} is lost; run the scan again")
        if self._client.scheduler_info().get("workers"):  # type: ignore[attr-defined]
            self._alone_since = None
            return
        moment = time.monotonic()
        self._alone_since = self._alone_since or moment
        if moment - self._alone_since > self._patience:
            raise ScanError(_no_workers(self._address, self._patience))


def _no_workers(address: str, patience: float) -> str:
    return (
        f"the Dask scheduler at {address} had no workers for {patience:g} s (BQAT_DASK_WORKER_TIMEOUT); "
        "start some and run the scan again"
    )
