"""The code server of `bqat up` and of the compose file: Dagster's own, with run workers forked from a warm process.

Dagster starts a new interpreter for each run, which spends seconds on imports. A forkserver has imported everything
before: the first asset starts about one second after the request instead of four. This replaces a private attribute of
Dagster; in a version without it, runs start as Dagster starts them.
"""

import argparse
import logging
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
from functools import cache
from multiprocessing.context import BaseContext
from typing import TYPE_CHECKING, Any

from bqat_pipeline import process_log
from bqat_pipeline.deployment.instance import PROJECT_ROOT, open_instance, prepare_environment
from bqat_pipeline.execution.forkserver import WORKER_ENVIRONMENT
from bqat_pipeline.names import SCAN_POOL

if TYPE_CHECKING:
    from dagster import DagsterInstance

logger = logging.getLogger(__name__)

_SERVER = "DagsterApiServer"
_CONTEXT_ATTRIBUTE = "_mp_ctx"  # of DagsterApiServer, dagster 1.13
# Imports only. Modules that start threads must not be here, because threads do not survive a fork.
_PRELOAD = [
    "sqlalchemy",
    "alembic.command",
    "duckdb",
    "upath.core",
    "watchdog.observers.polling",
    "dagster._core.execution.plan.active",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.secrets.env_file",
    "dagster._core.storage.defs_state",
    "dagster._core.storage.event_log.sqlite",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.migration.utils",
    "dagster._core.storage.root",
    "dagster._core.storage.runs.sqlite",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.utility_ops",
    "dagster._core.workspace.autodiscovery",
    "dagster._utils.test.definitions",
    "dagster_postgres",
    "bqat_pipeline.deployment.compute_logs",
    "bqat_pipeline.deployment.queue_bell",
    "bqat_pipeline.deployment.sqlite_storage",
    "bqat_pipeline.execution.preload",
    "bqat_pipeline.definitions",
    "bqat_pipeline.deployment.preload",
    "bqat_pipeline.deployment.preload_job",
]


def main(arguments: list[str] | None = None) -> None:
    """Serve the code location until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m bqat_pipeline.deployment.code_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4000)
    parser.add_argument("--log-level", choices=("critical", "error", "warning", "info", "debug"), default="info")
    chosen = parser.parse_args(arguments)
    # A shell ignores SIGINT in what a script starts with `&`; Dagster copies that for SIGTERM, and only a kill would
    # end it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, value in WORKER_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    prepare_environment()
    sys.path.insert(0, str(PROJECT_ROOT))  # before a folder `assets` in the working directory
    process_log.configure()
    _limit_scans()
    from dagster._cli.api import grpc_command
    from dagster._grpc import server

    setattr(server, _SERVER, warm(getattr(server, _SERVER)))
    module = ["--module-name", "bqat_pipeline.definitions", "--working-directory", str(PROJECT_ROOT)]
    location = ["--location-name", "bqat_pipeline", "--host", chosen.host, "--port", str(chosen.port)]
    location += ["--log-level", chosen.log_level]
    grpc_command.main([*module, *location], prog_name=parser.prog)


def warm(server: type) -> type:
    """A subclass of Dagster's server class whose run workers are forked from a process with the imports done."""
    from dagster._grpc.types import ExecuteExternalJobArgs
    from dagster._serdes import deserialize_value

    from bqat_pipeline.deployment.launcher import process_tag

    class WarmServer(server):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if not hasattr(self, _CONTEXT_ATTRIBUTE):
                logger.warning("runs cannot be forked with this version of Dagster; they start some seconds later")
                return
            setattr(self, _CONTEXT_ATTRIBUTE, _forkserver())

        def StartRun(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name in Dagster's protocol
            reply = super().StartRun(request, context)
            try:
                self._tag_with_process(
                    deserialize_value(request.serialized_execute_run_args, ExecuteExternalJobArgs).run_id
                )
            except Exception:  # the run has started: an error here would tell Dagster that it has not
                logger.exception("a run was not tagged with its process; if this code server ends, it is started again")
            return reply

        def _check_for_orphaned_runs(self) -> None:
            """Call a run cancelled whose process has ended after it was asked to; Dagster would call it failed.

            Asked to end while it is being started, a process ends by itself, and its run would be retried.
            """
            try:
                for run_id, (process, _) in list(self._executions.items()):
                    run = None if process.is_alive() else _instance().get_run_by_id(run_id)
                    if run is not None and run.status.value == "CANCELING":
                        _instance().report_run_canceled(run)
            except Exception:  # the thread that looks after runs must go on
                logger.exception("a run that was asked to end may be called failed")
            super()._check_for_orphaned_runs()

        def _tag_with_process(self, run_id: str) -> None:
            """Tag a run with its process, so that run monitoring finds it after this server has ended."""
            started = self._executions.get(run_id)
            if started is not None and started[0].pid is not None:
                _instance().add_run_tags(run_id, process_tag(started[0].pid))

    return WarmServer


@cache
def _instance() -> "DagsterInstance":
    """The instance, which stays open: opening it for each run would take time from the run that starts."""
    return open_instance()


def _forkserver() -> BaseContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    multiprocessing.forkserver.ensure_running()  # now, not at the first run
    return context


def _limit_scans() -> None:
    """Limit concurrent scans by the settings; dagster.yaml cannot read numbers from the environment."""
    from bqat_pipeline.settings import settings

    with open_instance() as instance:
        if instance.event_log_storage.supports_global_concurrency_limits:
            instance.event_log_storage.set_concurrency_slots(SCAN_POOL, settings().max_concurrent_scans)


if __name__ == "__main__":
    main()
