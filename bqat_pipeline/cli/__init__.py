"""Command line: ``bqat``. Exit codes: 0 done, 1 done and a limit was not met, 2 could not be done."""

from bqat_pipeline.cli.app import main

__all__ = ["main"]
