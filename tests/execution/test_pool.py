"""Worker processes: what they answer, how they die, that none is left."""

import os
import signal
import time

import psutil
import pytest

from bqat_pipeline.execution.pool import WorkerDiedError, WorkerPool, note_position, time_limit


def fail():
    raise ValueError("no")


class StubbornError(Exception):
    def __reduce__(self):
        raise TypeError("does not pickle")


def fail_without_pickle():
    raise StubbornError("still told")


def die_at(position):
    note_position(position)
    os.kill(os.getpid(), signal.SIGSEGV)


def outrun():
    note_position(7)
    with time_limit(0.2):
        time.sleep(600)


def nothing():
    return None


@pytest.fixture
def pool():
    made = WorkerPool(2)
    yield made
    made.shutdown(cancel_futures=True)


def test_calls_run_in_other_processes_that_stay(pool):
    pids = {pool.submit(os.getpid).result() for _ in range(10)}
    assert os.getpid() not in pids
    assert pids <= set(pool.processes)
    assert len(pids) <= 2


def test_short_answers_and_exceptions_come_back_as_they_are(pool):
    assert pool.submit(nothing).result() is None
    assert [pool.submit(int, str(n)).result() for n in range(20)] == list(range(20))
    with pytest.raises(ValueError, match="no"):
        pool.submit(fail).result()
    with pytest.raises(RuntimeError, match="StubbornError: still told"):
        pool.submit(fail_without_pickle).result()


def test_death_says_where_and_how_and_the_pool_goes_on(pool):
    with pytest.raises(WorkerDiedError) as died:
        pool.submit(die_at, 3).result()
    assert (died.value.position, died.value.timed_out, died.value.exitcode) == (3, False, -signal.SIGSEGV)
    with pytest.raises(WorkerDiedError) as died:
        pool.submit(outrun).result()
    assert (died.value.position, died.value.timed_out) == (7, True)
    assert pool.submit(abs, -1).result() == 1


def test_shutdown_ends_busy_workers_at_once():
    pool = WorkerPool(2)
    running = [pool.submit(time.sleep, 600) for _ in range(2)]
    waiting = pool.submit(time.sleep, 600)
    while len(pool.processes) < 2:
        time.sleep(0.01)
    processes = [psutil.Process(pid) for pid in pool.processes]
    pool.shutdown(cancel_futures=True)
    _, left = psutil.wait_procs(processes, timeout=10)
    assert left == []
    assert waiting.cancelled()
    assert all(isinstance(future.exception(), WorkerDiedError) for future in running)
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(abs, 1)
