"""Command line: ``bqat``. Exit codes: ``bqat_pipeline.cli.exit_codes``."""

import os
import signal
import sys


def main() -> None:
    """Entry point of the console script. Nothing is loaded before Ctrl-C is taken care of: loading takes a second."""
    before = signal.signal(signal.SIGINT, lambda *_: _stop_at_once())
    from bqat_pipeline.cli.app import main as run

    signal.signal(signal.SIGINT, before)
    run()


def _stop_at_once() -> None:
    """End without a trace: nothing was begun, and an exception would only upset half an import."""
    sys.stderr.write("stopped\n")
    sys.stderr.flush()
    os._exit(130)


__all__ = ["main"]
