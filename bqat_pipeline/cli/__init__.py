"""Command line: ``bqat``. Exit codes: ``bqat_pipeline.cli.exit_codes``."""

import os
import signal
import sys


def main() -> None:
    """Entry point of the console script. Handles Ctrl-C before it imports the commands, which takes a second."""
    before = signal.signal(signal.SIGINT, lambda *_: _stop_at_once())
    from bqat_pipeline.cli.app import main as run

    signal.signal(signal.SIGINT, before)
    run()


def _stop_at_once() -> None:
    """Exit without a traceback: no work has begun, and an exception in the middle of an import would print one."""
    sys.stderr.write("stopped\n")
    sys.stderr.flush()
    os._exit(130)


__all__ = ["main"]
