"""Run monitoring can tell a run that goes on from one whose process is gone."""

import socket
import subprocess
import sys

import dagster as dg
import pytest
from dagster._core.launcher.base import WorkerStatus

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
