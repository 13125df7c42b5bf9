"""The run launcher of dagster.yaml: it can tell whether a run's worker is still there."""

import os
import socket

import dagster as dg
import psutil
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

# Tag of a run that a process executes itself, as `bqat scan` does: host, process id, start of the process.
PROCESS_TAG = "bqat/process"
_PATIENCE = 5  # seconds for a code server to answer


def process_tag() -> dict[str, str]:
    """Tag that lets run monitoring see whether this process, which executes a run itself, is still there."""
    return {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"}


class CheckedRunLauncher(dg.DefaultRunLauncher):
    """Asks the code server that a run was started on whether it still knows the run.

    Dagster's default launcher has no health check, so after a power cut its runs stay "started" for ever and hold their
    partition. With it, run monitoring marks them failed and retries them, and the retry resumes the scan.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data=inst_data)

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's code server still has a worker for it; no answer counts as no.

        A code server that is gone may have left its worker alive. The retry then does the same work and puts the same
        files in place, or waits for the data set's lock.
        """
        if process := run.tags.get(PROCESS_TAG):
            return _in_process_health(process)
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the run's code server is not known")
        try:
            reply = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=_PATIENCE)
            known = deserialize_value(reply, CanCancelExecutionResult).can_cancel
        except Exception as error:  # noqa: BLE001 - grpc raises many kinds; none of them means "running"
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"the run's code server does not answer: {error}")
        if known:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the run's code server has no worker for it")


def _in_process_health(process: str) -> CheckRunHealthResult:
    host, pid, started = process.rsplit(":", 2)
    if host != socket.gethostname():
        return CheckRunHealthResult(WorkerStatus.RUNNING, f"executed on {host}, which cannot be asked")
    try:
        alive = abs(psutil.Process(int(pid)).create_time() - float(started)) < 2
    except (psutil.Error, ValueError):
        alive = False
    if alive:
        return CheckRunHealthResult(WorkerStatus.RUNNING)
    return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"process {pid}, which executed the run, is gone")
