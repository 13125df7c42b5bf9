"""Run monitoring can tell a run that goes on from one whose process is gone."""

import multiprocessing
import socket
import subprocess
import sys
import threading

import dagster as dg
import pytest
from dagster._core.launcher.base import WorkerStatus
from dagster._grpc import server

from bqat_pipeline.deployment import code_server
from bqat_pipeline.deployment.launcher import PROCESS_TAG, CheckedRunLauncher, process_tag


@pytest.fixture
def launcher(instance):
    made = CheckedRunLauncher()
    made.register_instance(instance)
    return made


def run_with(instance, tags):
    @dg.job
    def nothing():
        pass

    return instance.create_run_for_job(nothing, tags=tags, status=dg.DagsterRunStatus.STARTED)


def test_run_of_this_process_is_running(launcher, instance):
    run = run_with(instance, process_tag())
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING


def test_run_of_a_process_that_is_gone_is_not_found(launcher, instance):
    run = run_with(instance, {PROCESS_TAG: f"{socket.gethostname()}:1:1"})
    assert launcher.check_run_worker_health(run).status == WorkerStatus.NOT_FOUND


def test_run_of_another_machine_is_left_alone(launcher, instance):
    run = run_with(instance, {PROCESS_TAG: "elsewhere:1:1"})
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING


def test_run_of_a_code_server_that_is_gone_is_not_found(launcher, instance):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = run_with(instance, {".dagster/grpc_info": f'{{"host": "127.0.0.1", "port": {port}}}'})
    assert launcher.check_run_worker_health(run).status == WorkerStatus.NOT_FOUND
    assert launcher.check_run_worker_health(run_with(instance, {})).status == WorkerStatus.NOT_FOUND


def test_run_is_not_given_up_while_no_code_server_is_there_to_retry_it(launcher, instance, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("BQAT_CODE_HOST", "127.0.0.1")
    monkeypatch.setenv("BQAT_CODE_PORT", str(port))
    gone = {PROCESS_TAG: f"{socket.gethostname()}:1:1"}
    asked = {".dagster/grpc_info": f'{{"host": "127.0.0.1", "port": {port}}}'}
    for tags in (gone, asked, gone | asked):
        assert launcher.check_run_worker_health(run_with(instance, tags)).status == WorkerStatus.RUNNING


def test_run_whose_worker_outlived_its_code_server_is_running(launcher, instance):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tags = {".dagster/grpc_info": f'{{"host": "127.0.0.1", "port": {port}}}', **process_tag()}
    assert launcher.check_run_worker_health(run_with(instance, tags)).status == WorkerStatus.RUNNING


def test_run_whose_worker_outlived_its_code_server_can_be_cancelled(launcher, instance):
    worker = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        run = run_with(instance, process_tag(worker.pid))
        assert launcher.terminate(run.run_id)
        assert worker.wait(30) != 0
    finally:
        worker.kill()


@pytest.mark.parametrize(("asked", "state"), [(True, "CANCELED"), (False, "FAILURE")])
def test_run_whose_process_ends_before_it_begins_is_cancelled_if_that_was_asked(monkeypatch, asked, state):
    with dg.instance_for_test() as instance:
        run = run_with(instance, {})
        if asked:
            instance.report_run_canceling(run)
        process = multiprocessing.get_context("spawn").Process(target=int)
        process.start()
        process.join()
        monkeypatch.setattr(code_server, "_instance", lambda: instance)
        serving = code_server.warm(server.DagsterApiServer)
        looking = serving.__new__(serving)
        looking._execution_lock, looking._shutdown_once_executions_finish_event = threading.RLock(), threading.Event()
        looking._executions, looking._termination_times = {run.run_id: (process, instance.get_ref())}, {}
        looking._termination_events = {run.run_id: None}
        looking._check_for_orphaned_runs()
        assert instance.get_run_by_id(run.run_id).status.value == state and not looking._executions
