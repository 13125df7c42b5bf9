"""Dagster's webserver behind our guard, as `bqat up` and the compose file start it."""

import argparse
import time
from pathlib import Path

from bqat_pipeline import process_log
from bqat_pipeline.deployment.instance import open_instance
from bqat_pipeline.settings import settings

# Defaults of the options of dagster-webserver.
_STATEMENT_TIMEOUT_MS = 15_000
_POOL_RECYCLE_S = 3_600
_POOL_MAX_OVERFLOW = 20
_LIVE_DATA_POLL_MS = 2_000
_LOG_LEVELS = ("critical", "error", "warning", "info", "debug")


def main(arguments: list[str] | None = None) -> None:
    """Serve the Dagster UI until a signal ends it."""
    config = settings()
    parser = argparse.ArgumentParser(prog="python -m bqat_pipeline.deployment.webserver", description=__doc__)
    parser.add_argument("--host", default=config.dagster_host)
    parser.add_argument("--port", type=int, default=config.dagster_port)
    parser.add_argument("--workspace", "-w", type=Path, required=True, help="Workspace file: where the code server is.")
    parser.add_argument("--log-level", choices=_LOG_LEVELS, default="info")
    parser.add_argument("--log-format", choices=("colored", "json", "rich"), default="colored")
    parser.add_argument("--wait-for-port", type=int, help="Port of a code server on this machine that starts as well.")
    chosen = parser.parse_args(arguments)

    # Imported before waiting, while the code server starts.
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster._utils.log import configure_loggers
    from dagster_webserver.app import create_app_from_workspace_process_context
    from dagster_webserver.version import __version__

    from bqat_pipeline.deployment.dagster_guard import guard
    from bqat_pipeline.web.server import serve

    process_log.configure()
    configure_loggers(formatter=chosen.log_format, log_level=chosen.log_level.upper())
    wait_for_code_server(chosen.wait_for_port)
    with open_instance() as instance:
        instance.optimize_for_webserver(_STATEMENT_TIMEOUT_MS, _POOL_RECYCLE_S, _POOL_MAX_OVERFLOW)
        target = WorkspaceFileTarget([str(chosen.workspace)])
        with WorkspaceProcessContext(instance, target, version=__version__) as context:
            app = create_app_from_workspace_process_context(context, config.dagster_root_path, _LIVE_DATA_POLL_MS)
            serve(guard(app, config), chosen.host, chosen.port, config, log_level="warning", lifespan="off")


def wait_for_code_server(port: int | None, seconds: float = 120.0) -> None:
    """Wait until a code server on this machine accepts connections: Dagster itself would try again only after 10 s."""
    from bqat_pipeline.web.addresses import accepts_connections

    deadline = time.monotonic() + seconds
    while port is not None and time.monotonic() < deadline and not accepts_connections("127.0.0.1", port):
        time.sleep(0.05)


if __name__ == "__main__":
    main()
