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


def length_of(content):
    return len(content)


def kept(path, content):
    """Wait until there is a file, then die or answer."""
    path.with_suffix(".running").touch()
    while not path.exists():
        time.sleep(0.005)
    if path.read_text():
        os.kill(os.getpid(), signal.SIGKILL)
    return len(content)


LARGE = b"x" * 3_000_000  # does not fit into a pipe


@pytest.fixture
def ahead():
    made = WorkerPool(1, ahead=2)
    yield made
    made.shutdown(cancel_futures=True)


def test_calls_given_ahead_are_answered_in_their_order(ahead):
    futures = [ahead.submit(length_of, LARGE[:size]) for size in range(0, 3_000_000, 100_000)]
    assert [future.result() for future in futures] == list(range(0, 3_000_000, 100_000))
    with pytest.raises(ValueError, match="no"):
        ahead.submit(fail).result()


def test_only_the_running_call_dies_with_its_worker(ahead, tmp_path):
    gate = tmp_path / "gate"
    held = ahead.submit(kept, gate, LARGE)  # while it runs, the others are taken together
    futures = [ahead.submit(kept, tmp_path / "second", LARGE), *(ahead.submit(length_of, LARGE) for _ in range(6))]
    (tmp_path / "second").write_text("die")
    gate.write_text("")
    assert held.result() == len(LARGE)
    with pytest.raises(WorkerDiedError):
        futures[0].result()
    assert [future.result() for future in futures[1:]] == [len(LARGE)] * 6


def test_cancelled_calls_that_a_worker_has_already_disturb_no_other(ahead, tmp_path):
    gates = [tmp_path / "first", tmp_path / "second"]
    first, second = (ahead.submit(kept, gate, LARGE) for gate in gates)
    while not gates[0].with_suffix(".running").exists():
        time.sleep(0.005)
    later = [ahead.submit(length_of, LARGE[:size]) for size in range(5)]
    gates[0].write_text("")
    while not gates[1].with_suffix(".running").exists():  # the next two lie with the worker now
        time.sleep(0.005)
    assert [future.cancel() for future in later] == [True] * 5
    last = ahead.submit(length_of, LARGE)
    gates[1].write_text("")
    assert (first.result(), second.result(), last.result()) == (len(LARGE),) * 3


def test_shutdown_without_cancelling_answers_what_was_taken():
    made = WorkerPool(1, ahead=2)
    futures = [made.submit(length_of, LARGE[:size]) for size in range(10)]
    futures[0].result()
    made.shutdown()
    assert [future.result() for future in futures] == list(range(10))
