"""What Dagster's runs mean as tasks."""

import asyncio
import time

import pytest

from api.tasks.board import TaskBoard
from api.tasks.dagster_client import Run
from api.tasks.task import Kind, Status, one_per_collection, task_tags, tasks_of
from bqat_pipeline.names import RETRY_NUMBER_TAG, WILL_RETRY_TAG


def run(identity: str, status: str, created: float = 0.0, *, job: str = "scan", root: str = "", **tags: str) -> Run:
    ended = created + 2 if status in ("SUCCESS", "FAILURE", "CANCELED") else None
    return Run(identity, status, job, root or identity, created, created + 1, ended, tags)


@pytest.mark.parametrize(
    ("state", "status", "live"),
    [
        ("NOT_STARTED", Status.NEW, True),
        ("QUEUED", Status.NEW, True),
        ("STARTING", Status.RUNNING, True),
        ("STARTED", Status.RUNNING, True),
        ("CANCELING", Status.NEW, False),
        ("CANCELED", Status.NEW, False),
        ("SUCCESS", Status.DONE, False),
        ("FAILURE", Status.ERROR, False),
    ],
)
def test_each_state_of_a_run_has_one_meaning(state: str, status: Status, live: bool):
    (task,) = tasks_of([run("a", state)])
    assert (task.status, task.is_live) == (status, live)


def test_failure_that_dagster_will_retry_is_still_running_for_some_minutes():
    tags = {"dagster/will_retry": "true"}
    fresh = Run("a", "FAILURE", "scan", "a", time.time() - 9, time.time() - 8, time.time() - 1, tags)
    old = Run("b", "FAILURE", "scan", "b", 0.0, 1.0, 2.0, tags)
    statuses = {task.id: task.status for task in tasks_of([fresh, old])}
    assert statuses == {"a": Status.RUNNING, "b": Status.ERROR}


def test_failure_of_which_dagster_has_not_decided_is_still_running():
    fresh = Run("a", "FAILURE", "scan", "a", time.time() - 9, time.time() - 8, time.time() - 1, {})
    final = Run(
        "b", "FAILURE", "scan", "b", time.time() - 9, time.time() - 8, time.time() - 1, {WILL_RETRY_TAG: "false"}
    )
    assert {task.id: task.status for task in tasks_of([fresh, final])} == {"a": Status.RUNNING, "b": Status.ERROR}


def test_retry_that_waits_goes_on_running():
    first = run("a", "FAILURE", 1, **{WILL_RETRY_TAG: "true"})
    (task,) = tasks_of([run("b", "QUEUED", 5, root="a", **{RETRY_NUMBER_TAG: "1"}), first])
    assert (task.status, task.is_live) == (Status.RUNNING, True)


def test_newest_run_of_a_task_decides_and_work_is_summed():
    tags = {"bqat/task": "t", "bqat/kind": "scan", "bqat/total": "80"}
    (task,) = tasks_of([run("old", "CANCELED", 10, **tags), run("new", "SUCCESS", 50, **tags)])
    assert (task.id, task.status, task.elapse, task.created, task.modified) == ("t", Status.DONE, 2.0, 10, 52)
    assert task.total == 80 and task.run_ids == {"old", "new"}


def test_runs_that_nobody_tagged_are_tasks_named_after_their_first_attempt():
    first, second = run("a", "FAILURE", 1), run("b", "SUCCESS", 5, root="a")
    (task,) = tasks_of([second, first])
    assert (task.id, task.kind, task.status) == ("a", Kind.SCAN, Status.DONE)


def test_runs_of_other_jobs_are_no_tasks():
    assert tasks_of([run("a", "SUCCESS", job="__ASSET_JOB"), run("b", "SUCCESS", job="housekeeping")]) == []


def test_tasks_are_listed_with_the_last_changed_first():
    runs = [run("a", "SUCCESS", 1), run("b", "QUEUED", 9), run("c", "SUCCESS", 5)]
    assert [task.id for task in tasks_of(runs)] == ["b", "c", "a"]


def test_scans_that_nobody_asked_for_stand_for_their_data_set_once():
    def scan(tid: str, status: str, created: float, collection: str, task: str = "") -> Run:
        tags = {"bqat/collection": collection} | ({"bqat/task": task} if task else {})
        return run(tid, status, created, **tags)

    runs = [
        scan("nightly1", "SUCCESS", 1, "kept"),
        scan("nightly2", "SUCCESS", 2, "kept"),
        scan("sensor", "CANCELED", 3, "adopted"),
        scan("r1", "SUCCESS", 4, "adopted", "asked"),
        scan("nightly3", "SUCCESS", 5, "adopted"),
        scan("r2", "SUCCESS", 6, "adopted", "asked again"),
        scan("running", "STARTED", 9, "adopted"),
    ]
    assert [task.id for task in one_per_collection(tasks_of(runs))] == ["running", "asked again", "asked", "nightly2"]


def test_tags_leave_out_what_is_not_known():
    assert task_tags("t", Kind.REPORT) == {"bqat/task": "t", "bqat/kind": "report"}
    tags = task_tags("t", Kind.SCAN, collection="c", source="data/x", total=3, options="{}")
    assert tags["bqat/total"] == "3" and tags["bqat/input"] == "data/x"


def test_a_task_that_has_ended_by_its_own_log_is_in_no_list_of_running_ones():
    """The front end reads both, one after the other, within the time that a list is kept."""
    tags = {"bqat/task": "t", "bqat/kind": "scan"}
    now = [run("a", "STARTED", **tags)]

    class Dagster:
        async def runs(self, statuses: object = None, **_: object) -> list[Run]:
            return [] if statuses and now[0].status == "SUCCESS" else list(now)

    async def read() -> None:
        board = TaskBoard(Dagster())  # type: ignore[arg-type]
        assert [task.id for task in await board.live()] == ["t"]
        now[:] = [run("a", "SUCCESS", **tags)]
        found = await board.find("t")
        assert found is not None and found.status is Status.DONE
        assert await board.live() == []

    asyncio.run(read())
