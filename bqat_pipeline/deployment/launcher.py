"""The run launcher of dagster.yaml: it can check whether the process of a run still exists."""

import os
import signal
import socket
import time

import dagster as dg
import psutil
from dagster._core.errors import DagsterUserCodeProcessError, DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

from bqat_pipeline.names import PROCESS_TAG

_ANSWER_SECONDS = 5  # for a code server to answer
# A run counts as lost only when a code server has answered for this long: Dagster tries a retry only once, and the
# daemon needs some seconds to find a code server that was started again.
_SETTLED_SECONDS = 8.0


def process_tag(pid: int | None = None) -> dict[str, str]:
    """Tag ``host:pid:start`` of the process that executes a run, by which run monitoring can look for it.

    Parameters
    ----------
    pid : Of a worker of the code server; by default this process, as in `bqat scan`.
    """
    process = psutil.Process(pid)
    return {PROCESS_TAG: f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"}


class CheckedRunLauncher(dg.DefaultRunLauncher):
    """Dagster's default launcher with a health check of runs.

    Without a health check, runs stay "started" after a power cut and keep their partition busy. With it, run monitoring
    marks them as failed and retries them, and the retry resumes the scan. The check looks for the process that executes
    a run, else asks the code server that started it. A worker outlives its code server: such a run continues.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data=inst_data)
        self._seen: tuple[str, float] | None = None  # id of the latest code server, and when it first answered

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: run monitoring calls ``check_run_worker_health``."""
        return True

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a run on its code server. A retry inherits the tags of its parent but has another process."""
        if context.dagster_run.tags.get(PROCESS_TAG):
            self._instance.add_run_tags(context.dagster_run.run_id, {PROCESS_TAG: ""})
        super().launch_run(context)

    def terminate(self, run_id: str) -> bool:
        """Ask a run to end, also when its worker has outlived the code server; return whether it was asked."""
        run = self._instance.get_run_by_id(run_id)
        process = _living_process(run.tags.get(PROCESS_TAG, "")) if run else None
        try:
            ended = bool(super().terminate(run_id))
        except (DagsterUserCodeUnreachableError, DagsterUserCodeProcessError):  # gone, or it failed itself
            if process is None:
                raise
            ended = False
        if not ended and process is not None and process.pid != os.getpid():
            process.send_signal(signal.SIGINT)
            return True
        return ended

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether a process executes a run. Without a code server that could retry the run, it counts as running."""
        process = run.tags.get(PROCESS_TAG, "")
        client = self._get_grpc_client_for_termination(run.run_id)
        if process and (client is None or _is_here(process)):
            result = _process_health(process)
        else:
            result = _code_server_health(client, run.run_id)
        if result.status == WorkerStatus.NOT_FOUND and not self._is_settled():
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"no code server could retry it yet: {result.msg}")
        return result

    def _is_settled(self) -> bool:
        """Whether the code server for a retry has answered for ``_SETTLED_SECONDS``; True when none is configured."""
        host, port = os.environ.get("BQAT_CODE_HOST"), os.environ.get("BQAT_CODE_PORT", "")
        if not host or not port.isdigit():
            return True
        try:
            server = DagsterGrpcClient(host=host, port=int(port)).get_server_id(timeout=_ANSWER_SECONDS)
        except DagsterUserCodeUnreachableError:
            self._seen = None
            return False
        if self._seen is None or self._seen[0] != server:
            self._seen = (server, time.monotonic())
        return time.monotonic() - self._seen[1] >= _SETTLED_SECONDS


def _code_server_health(client: DagsterGrpcClient | None, run_id: str) -> CheckRunHealthResult:
    if client is None:
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the run's code server is not known")
    try:
        reply = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), timeout=_ANSWER_SECONDS)
        known = deserialize_value(reply, CanCancelExecutionResult).can_cancel
    except DagsterUserCodeUnreachableError as error:
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"the run's code server does not answer: {error}")
    if known:
        return CheckRunHealthResult(WorkerStatus.RUNNING)
    return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the run's code server has no worker for it")


def _is_here(process: str) -> bool:
    return process.rsplit(":", 2)[0] == socket.gethostname()


def _living_process(process: str) -> psutil.Process | None:
    """The process of a tag value; None when it is on another machine or has ended."""
    if not process or not _is_here(process):
        return None
    _, pid, started = process.rsplit(":", 2)
    try:
        found = psutil.Process(int(pid))
        same = abs(found.create_time() - float(started)) < 2 and found.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError):
        return None
    return found if same else None


def _process_health(process: str) -> CheckRunHealthResult:
    host, pid, _ = process.rsplit(":", 2)
    if not _is_here(process):
        return CheckRunHealthResult(WorkerStatus.RUNNING, f"executed on {host}, which cannot be asked")
    if _living_process(process):
        return CheckRunHealthResult(WorkerStatus.RUNNING)
    return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"process {pid}, which executed the run, is gone")


def end_orphaned_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs as failed whose command (`bqat scan`) was killed, and return how many.

    Run monitoring does not do it without a daemon. What such a run had done is kept: the next scan resumes it.
    """
    ended = 0
    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
    for run in instance.get_runs(unfinished):
        process = run.tags.get(PROCESS_TAG, "")
        # Runs of a code server are for run monitoring, which retries them.
        if process and run.remote_job_origin is None:
            health = _process_health(process)
            if health.status == WorkerStatus.NOT_FOUND:
                instance.report_run_failed(run, message=health.msg)
                ended += 1
    return ended
