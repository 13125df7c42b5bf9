"""Dagster's daemon as `bqat up` starts it: it waits for the code server, which starts at the same time."""

import sys

from bqat_pipeline import process_log
from bqat_pipeline.deployment.instance import open_instance


def main(arguments: list[str] | None = None) -> None:
    """Run the daemon; the first argument is the code server's port, the rest is for ``dagster-daemon run``."""
    from dagster._daemon.cli import run_command

    from bqat_pipeline.deployment.webserver import wait_for_code_server

    process_log.configure()
    port, *rest = sys.argv[1:] if arguments is None else arguments
    open_instance().dispose()  # creates the database under our lock, which the daemon itself does not take
    wait_for_code_server(int(port))
    run_command.main(rest, prog_name="dagster-daemon")


if __name__ == "__main__":
    main()
