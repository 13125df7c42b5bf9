"""Worker processes of a process that came from a forkserver itself, as the runs of a deployment do."""

import os
import signal
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from bqat_pipeline.execution.forkserver import worker_context
from bqat_pipeline.execution.pool import WorkerPool


def answer_of(work: Callable[[], Any]) -> Any:
    """What a call answers in a process of its own, which a forkserver has forked."""
    context = worker_context()
    ours, theirs = context.Pipe()
    process = context.Process(target=send, args=(theirs, work))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()
        ours.close()


def send(pipe: Any, work: Callable[[], Any]) -> None:
    pipe.send(work())


def parents(pool: WorkerPool) -> set[int]:
    return {pool.submit(os.getppid).result() for _ in range(10)}


def shared() -> tuple[int, set[int]]:
    with WorkerPool(2) as pool:
        return os.getppid(), parents(pool)


def killed() -> tuple[set[int], set[int], int]:
    before = os.getppid()
    with WorkerPool(2) as pool:
        first = parents(pool)
    os.kill(before, signal.SIGKILL)
    with WorkerPool(2) as pool:
        return first, parents(pool), before


def without_address() -> tuple[int, int, bool, int]:
    """The process that made the folder of the address has ended, and deleted it."""
    with WorkerPool(1) as pool, WorkerPool(1) as other:
        worker = pool.submit(os.getpid).result()
        place = Path(forkserver._forkserver._forkserver_address)
        away = place.rename(place.with_name("away"))
        try:
            elsewhere = other.submit(os.getppid).result()
        finally:
            away.rename(place)
        return os.getppid(), elsewhere, pool.submit(os.getpid).result() == worker, pool.submit(os.getppid).result()


def test_workers_come_from_where_their_parent_came_from():
    server, found = answer_of(shared)
    assert found == {server}


def test_workers_come_from_a_new_one_when_that_was_killed():
    first, then, server = answer_of(killed)
    assert first == {server} and then and not then & {server, 1}


def test_workers_go_on_and_new_ones_come_from_elsewhere_when_its_address_is_gone():
    server, elsewhere, same, parent = answer_of(without_address)
    assert same and parent == server and elsewhere not in (server, 1)


def test_process_that_was_started_by_itself_has_one_of_its_own():
    with WorkerPool(1) as pool:
        assert parents(pool) == {forkserver._forkserver._forkserver_pid}
