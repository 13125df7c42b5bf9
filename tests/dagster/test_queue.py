"""The queue of runs: one starts when it is submitted, and none waits for an exploratory page."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.daemon import DaemonIterator, IntervalDaemon

from bqat_pipeline.deployment.daemon import prompt
from bqat_pipeline.deployment.instance import PROJECT_ROOT, open_instance
from bqat_pipeline.deployment.queue_bell import ring
from bqat_pipeline.names import EXPLORE, MAKE_REPORT, PARTITION_TAG, SCAN
from bqat_pipeline.settings import settings


@pytest.fixture
def submit(embedded: dg.DagsterInstance) -> Callable[[str, str], str]:
    """Puts a run of a job for a data set into the queue, as webserver and sensors do."""

    def submitted(job: str, key: str) -> str:
        repository = RemoteRepositoryOrigin(GrpcServerCodeLocationOrigin(host="localhost", port=1), "all")
        origin = RemoteJobOrigin(repository, job)
        run = create_run_for_test(embedded, job, tags={PARTITION_TAG: key}, remote_job_origin=origin)
        workspace: Any = None  # the queue does not look at it
        return embedded.run_coordinator.submit_run(SubmitRunContext(run, workspace)).run_id

    return submitted


def test_scan_waits_for_no_exploratory_page(embedded: dg.DagsterInstance, submit: Callable[[str, str], str]) -> None:
    drawing, of_another, report = submit(EXPLORE, "one"), submit(EXPLORE, "other"), submit(MAKE_REPORT, "one")
    scan = submit(SCAN, "one")
    statuses = {run.run_id: run.status.value for run in embedded.get_runs()}
    assert statuses == {drawing: "CANCELED", of_another: "QUEUED", report: "QUEUED", scan: "QUEUED"}


@pytest.mark.parametrize(("scans", "runs"), [(1, 4), (6, 9)])
def test_as_many_scans_run_as_the_settings_say_and_others_beside(
    scans: int, runs: int, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BQAT_MAX_CONCURRENT_SCANS", str(scans))
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
    settings.cache_clear()
    with open_instance() as instance:
        queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == runs


def test_run_that_is_submitted_starts_without_the_daemons_next_look(environment: Path) -> None:
    class Queue(IntervalDaemon):  # type: ignore[type-arg]
        looks = 0

        @classmethod
        def daemon_type(cls) -> str:
            return "QUEUED_RUN_COORDINATOR"

        def run_iteration(self, workspace_process_context: Any) -> DaemonIterator:
            self.looks += 1
            yield None

    state = environment / "state"
    state.mkdir()
    ring(state)  # nobody listens
    with prompt(Queue)(interval_seconds=60) as daemon:
        loop = daemon.core_loop(None, threading.Event())
        ring(state)
        ring(state)
        began = time.monotonic()
        while not daemon.looks:
            next(loop)
        assert time.monotonic() - began < 30
        for _ in range(4):  # each ring is heard once
            next(loop)
        assert daemon.looks == 1
    assert list(state.iterdir()) == []
