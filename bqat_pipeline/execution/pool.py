"""A pool of long-lived worker processes behind the interface of concurrent.futures.

Unlike ``ProcessPoolExecutor`` it survives the death of a worker: only the call that this worker was busy with fails,
with ``WorkerDiedError``, which says at which position the worker was and whether its own time limit had killed it.

* One thread of the parent talks to one worker over a pipe, so that at any moment it is known who does what.
* Workers come from a forkserver: a clean process without the parent's threads, with the imports already done.
* A worker ends when its parent ends, however that happened.
"""

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import struct
import sys
import threading
import types
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import psutil

from bqat_pipeline.execution import forkserver

T = TypeVar("T")

_POSITION = struct.Struct("<q")
# Waits, in seconds, before a worker is started again: the server that forks them may have been killed, which shows a
# moment later; another one is started then.
_RESTARTS = (0.05, 0.2, 0.5, 1.0, 2.0)
# Creating a process polls all others, and polling one twice at a time loses its exit code.
_PROCESSES = threading.Lock()


class WorkerDiedError(RuntimeError):
    """The process that a call ran in ended before the call did.

    Attributes
    ----------
    position : What the call last passed to ``note_position``, or None.
    timed_out : Whether the worker was ended by the limit of ``time_limit``.
    exitcode : Exit code; negative for a signal.
    """

    def __init__(self, position: int | None, exitcode: int | None) -> None:
        self.position = position
        self.exitcode = exitcode
        self.timed_out = exitcode == -signal.SIGALRM
        super().__init__(f"a worker process ended with {_exit_text(exitcode)}")

    def __reduce__(self) -> tuple[type["WorkerDiedError"], tuple[int | None, int | None]]:
        return WorkerDiedError, (self.position, self.exitcode)


class WorkerPool(Executor):
    """Worker processes that run calls one at a time each.

    Parameters
    ----------
    workers : Number of processes.
    memory : Bytes of writable private memory that each may take beside what it starts with (RLIMIT_DATA); 0: no limit.
        An allocation beyond it fails in the worker alone; the machine does not start to swap.
    ahead : Calls that a worker is given before it needs them, so that it never waits for the next one. One of them that
        is cancelled still runs, and one may wait for a slow call while another worker is free. When the worker dies
        they are given to the next one.
    """

    def __init__(self, workers: int, memory: int = 0, ahead: int = 0) -> None:
        self.workers = workers
        self._memory = memory
        self._ahead = ahead
        self._context = forkserver.worker_context()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._alive: set[_Worker] = set()
        self._alive_lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._serve, name=f"worker-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Run a picklable call in a worker."""
        if self._closing.is_set():
            raise RuntimeError("the worker pool is closed")
        future: Future[T] = Future()
        call = [pickle.dumps((fn, args, kwargs))]
        future.add_done_callback(lambda _: call.clear())  # a cancelled one stays in the queue, without its arguments
        self._jobs.put(_Job(future, call))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all workers. Calls that run are waited for, unless `cancel_futures`: then workers are killed."""
        self._closing.set()
        if cancel_futures:
            with contextlib.suppress(queue.Empty):
                while True:
                    if job := self._jobs.get_nowait():
                        job.future.cancel()
            with self._alive_lock:
                for worker in self._alive:
                    worker.kill()
        for _ in self._threads:
            self._jobs.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    @property
    def processes(self) -> list[int]:
        """Process ids of the workers that run."""
        with self._alive_lock:
            return [worker.pid for worker in self._alive]

    def _serve(self) -> None:
        worker: _Worker | None = None
        taken: deque[_Job] = deque()  # the first is answered next, the others lie with the worker ahead of time
        try:
            while self._take(taken):
                job = taken[0]
                wanted = job.future.set_running_or_notify_cancel()
                if wanted or job.given:
                    try:
                        worker = self._give(taken, worker)
                        result = worker.answer()
                        if wanted:
                            job.future.set_result(result)
                    except BaseException as error:  # noqa: BLE001 - belongs to the future
                        if isinstance(error, WorkerDiedError):
                            self._forget(worker)
                            worker = None
                            for waiting in taken:
                                waiting.given = False
                        if wanted:
                            job.future.set_exception(error)
                taken.popleft()
        finally:
            if worker is not None:
                worker.end()
                self._forget(worker)

    def _take(self, taken: "deque[_Job]") -> bool:
        """Fill up what the worker shall have: wait for one call, and take more where they wait already."""
        while len(taken) <= self._ahead:
            try:
                job = self._jobs.get(block=not taken)
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)  # for the other threads, and for this one when it has done what it took
                break
            taken.append(job)
        return bool(taken)

    def _give(self, taken: "deque[_Job]", worker: "_Worker | None") -> "_Worker":
        """A worker that has the first call, and those after it if it lives."""
        first = taken[0]
        if worker is not None and not first.given and not worker.give(first):
            worker.end()  # it had died before this call, which another one can answer
            self._forget(worker)
            worker = None
        if worker is None:
            worker = self._start()
            worker.give(first)
        for waiting in list(taken)[1:]:
            if not waiting.given:
                worker.give(waiting)
        return worker

    def _start(self) -> "_Worker":
        worker = self._started()
        with self._alive_lock:
            if self._closing.is_set():
                worker.kill()
                raise WorkerDiedError(None, worker.end())
            self._alive.add(worker)
        return worker

    def _started(self) -> "_Worker":
        for pause in _RESTARTS:
            if self._closing.is_set():
                break
            try:
                return _Worker(self._context, self._memory, self._ahead)
            except (EOFError, ConnectionError, FileNotFoundError):
                forkserver.start_own()
                self._closing.wait(pause)
        raise WorkerDiedError(None, None)

    def _forget(self, worker: "_Worker | None") -> None:
        if worker is not None:
            with self._alive_lock:
                self._alive.discard(worker)


@dataclass(slots=True)
class _Job:
    """A call: its future, its pickled bytes (gone when the future is done), and whether the worker has it."""

    future: Future[Any]
    call: list[bytes]
    given: bool = False


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, context: multiprocessing.context.BaseContext, memory: int, ahead: int) -> None:
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(theirs, memory, ahead), name="bqat-worker", daemon=True)  # type: ignore[attr-defined]
        try:
            with _PROCESSES, _without_main_module():
                self._process.start()
        except BaseException:
            self._pipe.close()
            raise
        finally:
            theirs.close()
        self._handle: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._handle = psutil.Process(self.pid)

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def give(self, job: _Job) -> bool:
        """Send a call that is still wanted; False when this process has died."""
        for payload in job.call:
            try:
                self._pipe.send_bytes(payload)
            except OSError:
                return False
            job.given = True
        return True

    def answer(self) -> Any:
        """Result of the call that was given first, or its exception."""
        position: int | None = None
        try:
            while True:
                wait([self._pipe, self._process.sentinel])
                if not self._pipe.poll():
                    raise EOFError
                message = self._pipe.recv_bytes()
                if len(message) == _POSITION.size:
                    (noted,) = _POSITION.unpack(message)
                    position = noted if noted >= 0 else None
                    continue
                succeeded, value = pickle.loads(message)
                if succeeded:
                    return value
                raise value
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            raise WorkerDiedError(position, self.end()) from error

    def end(self) -> int | None:
        """Close the pipe, which ends an idle worker; kill a busy one. Answers the exit code."""
        self._pipe.close()
        with _PROCESSES:
            self._process.join(2)
            if self._process.exitcode is None:
                self._process.kill()
                self._process.join()
        if self._handle is not None:  # of a worker whose server died only that is known, and it may still be busy
            with contextlib.suppress(psutil.Error):
                self._handle.kill()
        return self._process.exitcode

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


# in the worker

_parent: Connection | None = None


def note_position(position: int | None) -> None:
    """Tell the parent what this worker is busy with, or that it is with nothing; does nothing outside a worker."""
    if _parent is not None:
        _parent.send_bytes(_POSITION.pack(-1 if position is None else position))


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End this process when the block takes longer; 0: no limit.

    The kernel's timer does it, by the default action of SIGALRM, so that it also ends C code that never returns.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _main(pipe: Connection, memory: int, ahead: int) -> None:
    global _parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit_memory(memory)
    _parent = pipe
    for call in _received_ahead(pipe) if ahead else _received(pipe):
        try:
            pipe.send_bytes(_answer(call))
        except OSError:  # nobody waits for it any more
            return


def _received(pipe: Connection) -> Iterator[bytes]:
    with contextlib.suppress(EOFError, OSError):
        while True:
            yield pipe.recv_bytes()


def _received_ahead(pipe: Connection) -> Iterator[bytes]:
    """Calls that were read while the one before was answered: a large one does not fit into the pipe."""
    calls: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read() -> None:
        for call in _received(pipe):
            calls.put(call)
        calls.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (call := calls.get()) is not None:
        yield call


def _answer(call: bytes) -> bytes:
    try:
        fn, args, kwargs = pickle.loads(call)
        return _padded(pickle.dumps((True, fn(*args, **kwargs))))
    except Exception as error:  # noqa: BLE001 - goes to the caller
        try:
            return _padded(pickle.dumps((False, error)))
        except Exception:  # noqa: BLE001 - an exception that does not pickle
            return _padded(pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}"))))


def _padded(message: bytes) -> bytes:
    """A result that is never as short as a position: the length distinguishes the two."""
    return message + b"\0" if len(message) == _POSITION.size else message


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _limit_memory(memory: int) -> None:
    if memory:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        # Beyond what is reserved now: allocators reserve address space in advance that they never touch.
        memory += getattr(psutil.Process().memory_info(), "data", 0)
        limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        with contextlib.suppress(ValueError, OSError):  # a system without this limit
            resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


@contextlib.contextmanager
def _without_main_module() -> Iterator[None]:
    """Start processes that do not run the main module again: it is not needed, and a script may have no guard."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _exit_text(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-exitcode).name
    return f"exit code {exitcode}"
