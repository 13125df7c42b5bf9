"""Format of this software's log lines, the same in all of its processes."""

import logging
import sys

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
TIME = "%H:%M:%S"
# Loggers of this software: its packages, and `bqat` for those that are not named after a module.
OWN = ("bqat_pipeline", "bqat", "assets", "resources")


def configure() -> None:
    """Send warnings and errors of this software to standard error; Dagster's loggers have handlers of their own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT, TIME))
    for name in OWN:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
