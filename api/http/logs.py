"""Log lines of the facade: for people, or as JSON with the request's id. Never a header, a body or a key."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from bqat_pipeline.process_log import FORMAT, TIME

_EXTRA = ("request_id", "status", "ms")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: getattr(record, name) for name in _EXTRA if hasattr(record, name)},
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True)


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__(FORMAT, TIME)

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        request_id = getattr(record, "request_id", "")
        return f"{line} [{request_id}]" if request_id else line


def set_level(level: str) -> None:
    """Leave out the facade's lines below a level; its line for each request is ``info``."""
    logging.getLogger("bqat.api").setLevel(level.upper())


def configure(form: Literal["text", "json"]) -> None:
    """Send the facade's log lines to standard error; uvicorn's own line per request is left out."""
    logger = logging.getLogger("bqat.api")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    logger.handlers = [handler]
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    logger.propagate = False
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
