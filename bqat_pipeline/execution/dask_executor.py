"""Calls on the workers of a Dask scheduler: each goes to one that has shown that it sees what the scan sees."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from distributed import Client, KilledWorker
from distributed import Future as DaskFuture
from distributed.comm import CommClosedError

from bqat_pipeline.execution.chunks import EngineMismatchError
from bqat_pipeline.execution.dask_worker import BlindWorkerError, call_in_process, nothing
from bqat_pipeline.execution.errors import ClusterError
from bqat_pipeline.execution.pool import WorkerDiedError
from bqat_pipeline.execution.presence import SourceGoneError, UnseenFilesError
from bqat_pipeline.execution.sight import SightTest

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Calls handed to a worker for each of its threads: one runs, one waits beside it.
_CALLS_OF_A_THREAD = 2
_SECONDS_BETWEEN_UPDATES = 2.0
_WORKERS_PER_UPDATE_SECOND = 100  # with more workers the list is asked for less often
_SECONDS_UNTIL_ANOTHER_TEST = 30.0
# The first call of a worker loads what it needs; later than that it hangs, as on a share whose server is away.
_SECONDS_OF_A_TEST = 120.0
# A shared file system may show a new file late to others.
_SECONDS_FOR_AN_ANSWER_TO_APPEAR = 60.0
_ANSWER_SECONDS = 30
_LOSSES_OF_A_CALL = 5
# Once may be a file that was replaced in this moment.
_CONTRADICTIONS_OF_A_WORKER = 2


@dataclass(eq=False)
class _Call:
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    future: "Future[Any]" = field(default_factory=Future)
    losses: int = 0


@dataclass(eq=False)
class _Worker:
    """A worker of the scheduler and what is known of it.

    Attributes
    ----------
    test : The sight test that runs; None before and after.
    began, tested : When it began, and when it passed or failed (monotonic seconds).
    contradictions : Chunks of which it did not find files that the scan finds.
    """

    address: str
    label: str
    threads: int
    test: "DaskFuture | None" = None
    began: float = 0.0
    tested: float = 0.0
    admitted: bool = False
    refusal: str = ""
    contradictions: int = 0
    running: dict[_Call, DaskFuture] = field(default_factory=dict)

    @property
    def room(self) -> int:
        return _CALLS_OF_A_THREAD * self.threads - len(self.running) if self.admitted else 0


class DaskExecutor(Executor):
    """Runs calls on workers that passed a sight test; a call whose worker is lost runs on another one.

    Dask's own balancing is not used: its workers restart under other addresses, and it gives work to any of them.

    Parameters
    ----------
    client : Connection to the scheduler.
    place : What the scheduler is called in messages.
    test : What a worker must see.
    memory : Memory limit of each of the workers' processes, bytes; 0: none.
    """

    def __init__(self, client: Client, place: str, test: SightTest, memory: int) -> None:
        self._client = client
        self._place = place
        self._test = test
        self._memory = memory
        self._lock = threading.RLock()
        self._waiting: deque[_Call] = deque()
        self._workers: dict[str, _Worker] = {}
        self._looked = -_SECONDS_BETWEEN_UPDATES
        self._closed = False

    # for the scan

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Run a picklable call on a worker."""
        call = _Call(partial(fn, **kwargs) if kwargs else fn, args)
        with self._lock:
            self._waiting.append(call)
        self._hand_out()
        return call.future

    def capacity(self) -> int:
        """Calls that run at the same time: the threads of all workers that may have work."""
        with self._lock:
            return sum(worker.threads for worker in self._workers.values() if worker.admitted)

    def undecided(self) -> int:
        """Workers of which it is not known yet whether they may have work."""
        with self._lock:
            return sum(not (worker.admitted or worker.refusal) for worker in self._workers.values())

    def refusals(self) -> list[str]:
        """A sentence for each worker that gets no work."""
        with self._lock:
            return [f"{w.label} {w.refusal}" for w in self._workers.values() if w.refusal]

    def refresh(self) -> None:
        """Update the list of workers, at most every two seconds, and submit what waits.

        Raises
        ------
        ClusterError : when the scheduler does not answer.
        """
        pause = max(_SECONDS_BETWEEN_UPDATES, len(self._workers) / _WORKERS_PER_UPDATE_SECOND)
        if time.monotonic() - self._looked >= pause:
            self._update_workers()
            self._looked = time.monotonic()
        for worker in list(self._workers.values()):
            self._examine(worker)
        self._take_from_busy()
        self._hand_out()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """Take back what has not ended. Calls that a process is busy with end there, without effect here."""
        with self._lock:
            self._closed = True
            calls = [call for worker in self._workers.values() for call in worker.running] + list(self._waiting)
            inner = [future for worker in self._workers.values() for future in worker.running.values()]
            self._waiting.clear()
        for future in inner:
            future.release()
        for call in calls:
            call.future.cancel()

    # workers

    def _update_workers(self) -> None:
        if self._client.status != "running":
            raise ClusterError(lost_scheduler(self._place))
        try:
            found = self._client.sync(self._client.scheduler.identity, n_workers=-1, callback_timeout=_ANSWER_SECONDS)
        except (OSError, TimeoutError) as error:
            raise ClusterError(lost_scheduler(self._place)) from error
        present = found["workers"]
        for address in [known for known in self._workers if known not in present]:
            self._lose(self._workers[address])
        for address, info in present.items():
            if address not in self._workers:
                name = info.get("name")
                label = f"worker {name} at {address}" if name not in (None, address) else f"worker {address}"
                with self._lock:
                    self._workers[address] = _Worker(address, label, int(info["nthreads"]))

    def _examine(self, worker: _Worker) -> None:
        """Begin the sight test of a worker, or see how it ended."""
        if worker.contradictions >= _CONTRADICTIONS_OF_A_WORKER:  # the test did not show it
            return
        moment = time.monotonic()
        if worker.test is None:
            if not worker.admitted and (not worker.tested or moment - worker.tested > _SECONDS_UNTIL_ANOTHER_TEST):
                worker.test, worker.began, worker.tested = self._call(worker, nothing), moment, 0.0
            return
        if not worker.test.done():
            if moment - worker.began > _SECONDS_OF_A_TEST and not worker.refusal:
                worker.refusal = f"has not said for {_SECONDS_OF_A_TEST:g} s what it sees"
                logger.warning("%s gets no work: it %s", worker.label, worker.refusal)
            return
        try:
            worker.test.result(timeout=_ANSWER_SECONDS)
        except (CancelledError, CommClosedError, KilledWorker, TimeoutError):
            worker.test = None  # gone, which the next look says
            return
        except Exception as error:  # noqa: BLE001 - a worker that cannot do it for any reason gets no work
            self._refuse(worker, _refusal(error))
            return
        if self._test.answered(worker.address):
            with self._lock:
                worker.admitted, worker.refusal, worker.test, worker.tested = True, "", None, moment
            logger.info("%s takes part", worker.label)
        elif not worker.tested:
            worker.tested = moment
        elif moment - worker.tested > _SECONDS_FOR_AN_ANSWER_TO_APPEAR:
            self._refuse(
                worker, f"writes its results elsewhere than {self._test.folder.parent.parent}: another BQAT_HOME?"
            )

    def _refuse(self, worker: _Worker, why: str) -> None:
        if why != worker.refusal:
            logger.warning("%s gets no work: it %s", worker.label, why)
        with self._lock:
            worker.admitted, worker.refusal, worker.test, worker.tested = False, why, None, time.monotonic()

    def _lose(self, worker: _Worker) -> None:
        with self._lock:
            self._workers.pop(worker.address, None)
            lost, worker.running = dict(worker.running), {}
        if lost or worker.admitted:
            logger.warning("%s is gone; its %d chunks go to others", worker.label, len(lost))
        for call, future in lost.items():
            future.release()
            self._again(call, worker)

    # calls

    def _hand_out(self) -> None:
        """Give waiting calls to the workers with the most room."""
        while True:
            with self._lock:
                worker = max(self._workers.values(), key=lambda w: w.room, default=None)
                if not self._waiting or worker is None or worker.room <= 0:
                    return
                call = self._waiting.popleft()
                if not call.future.running() and not call.future.set_running_or_notify_cancel():
                    continue
                inner = self._call(worker, call.fn, *call.args)
                worker.running[call] = inner
            inner.add_done_callback(partial(self._settle, call, worker))

    def _take_from_busy(self) -> None:
        """Where workers have nothing to do, let them have what only waits beside the calls of others.

        Should such a call have begun in this moment, both do it and put the same part in place.
        """
        with self._lock:
            idle = sum(worker.room for worker in self._workers.values() if not worker.running) // _CALLS_OF_A_THREAD
            taken = []
            for worker in self._workers.values():
                while len(worker.running) > worker.threads and len(self._waiting) < idle:
                    call, future = worker.running.popitem()  # the last that was handed out
                    taken.append(future)
                    self._waiting.append(call)
        for future in taken:
            future.release()

    def _call(self, worker: _Worker, fn: Callable[..., Any], *args: Any) -> DaskFuture:
        everything = (call_in_process, self._test, worker.address, self._memory, fn, *args)
        return self._client.submit(*everything, workers=[worker.address], allow_other_workers=False, pure=False)

    def _settle(self, call: _Call, worker: _Worker, done: DaskFuture) -> None:
        with self._lock:
            if worker.running.pop(call, None) is None or self._closed:
                return  # taken back, or given to another worker
        try:
            call.future.set_result(done.result(timeout=_ANSWER_SECONDS))
        except (CancelledError, CommClosedError, TimeoutError):
            call.future.set_exception(ClusterError(lost_scheduler(self._place)))
        except KilledWorker:
            self._again(call, worker)
        except (BlindWorkerError, EngineMismatchError, SourceGoneError) as error:
            self._refuse(worker, _refusal(error))
            self._again(call, worker, lost=False)
        except UnseenFilesError as error:
            self._settle_unseen(call, worker, error)
        except Exception as error:  # noqa: BLE001 - belongs to the future
            call.future.set_exception(error)

    def _settle_unseen(self, call: _Call, worker: _Worker, error: UnseenFilesError) -> None:
        """Let a chunk run again when the scan finds what its worker did not, which gets no work for it in the end."""
        try:
            file = error.seen_here()
        except SourceGoneError as gone:
            call.future.set_exception(gone)
            return
        if file is None:
            call.future.set_exception(error)
            return
        worker.contradictions += 1
        why = f"does not see {file.file}, which is there: is what it lies on mounted there?"
        if worker.contradictions >= _CONTRADICTIONS_OF_A_WORKER:
            self._refuse(worker, why)
        else:
            logger.warning("%s %s Its chunk runs again", worker.label, why)
        self._again(call, worker, lost=False)

    def _again(self, call: _Call, worker: _Worker, *, lost: bool = True) -> None:
        call.losses += lost
        if call.losses >= _LOSSES_OF_A_CALL:
            call.future.set_exception(WorkerDiedError(None, None))
            return
        with self._lock:
            self._waiting.appendleft(call)


def lost_scheduler(place: str) -> str:
    """Message about a scheduler that was lost during a scan."""
    return f"the connection to the Dask scheduler at {place} is lost; what is done is kept: run the scan again"


def _refusal(error: BaseException) -> str:
    if isinstance(error, BlindWorkerError):
        return str(error)
    if isinstance(error, EngineMismatchError):
        return f"is of no use any more: {error}"
    if isinstance(error, SourceGoneError):
        return f"has lost sight of the pictures: {error}"
    return f"cannot be asked what it sees ({type(error).__name__}: {error}); is the same version installed there?"[:500]
