"""Dagster's daemon as `bqat up` starts it: it waits for the code server, and starts runs when they are submitted.

The latter replaces a class in a module of Dagster; in a version without it, runs start up to a second later.
"""

import logging
import sys
from typing import Any

from bqat_pipeline import process_log
from bqat_pipeline.deployment.instance import open_instance
from bqat_pipeline.settings import settings

logger = logging.getLogger(__name__)

_QUEUE = "QueuedRunCoordinatorDaemon"


def main(arguments: list[str] | None = None) -> None:
    """Run the daemon; the first argument is the code server's port, the rest is for ``dagster-daemon run``."""
    from dagster._daemon import controller
    from dagster._daemon.cli import run_command

    from bqat_pipeline.deployment.webserver import wait_for_code_server

    process_log.configure()
    port, *rest = sys.argv[1:] if arguments is None else arguments
    open_instance().dispose()  # creates the database under our lock, which the daemon itself does not take
    wait_for_code_server(int(port))
    if hasattr(controller, _QUEUE):
        setattr(controller, _QUEUE, prompt(getattr(controller, _QUEUE)))
    run_command.main(rest, prog_name="dagster-daemon")


def prompt(queue: type) -> type:
    """A subclass of Dagster's daemon of the queue that looks into it when somebody rings."""
    from bqat_pipeline.deployment.queue_bell import Bell

    class PromptQueueDaemon(queue):  # type: ignore[misc]
        def __init__(self, interval_seconds: float, **options: Any) -> None:
            super().__init__(interval_seconds=0, **options)  # Dagster's own waiting; ours is in front of an iteration
            self._longest = interval_seconds
            self._bell = Bell(settings().state)

        def run_iteration(self, *arguments: Any, **options: Any) -> Any:
            yield from self._bell.wait(self._longest)
            yield from super().run_iteration(*arguments, **options)

        def __exit__(self, *error: Any) -> None:
            self._bell.close()
            super().__exit__(*error)

    return PromptQueueDaemon


if __name__ == "__main__":
    main()
