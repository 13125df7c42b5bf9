"""Lines of this software's own loggers, in the one form that all of its processes write."""

import logging
import sys

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
TIME = "%H:%M:%S"
# Packages whose modules log, and the loggers with names of their own.
OWN = ("bqat_pipeline", "bqat", "assets", "resources")


def configure() -> None:
    """Send warnings and errors of this software to standard error; Dagster's loggers have handlers of their own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT, TIME))
    for name in OWN:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
