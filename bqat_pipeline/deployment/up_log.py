"""The log file of `bqat up`, with all output of its processes; the terminal shows only this software's problems."""

import json
import logging
import os
import re
import shutil
import sys
from pathlib import Path

from bqat_pipeline import process_log

# A file that grows beyond this becomes `up.log.1`, in place of the one before.
LARGEST = 20_000_000
_BLOCK = 1 << 20
_PROBLEM = re.compile(
    rf"\S+ (?:WARNING|ERROR|CRITICAL) (?:{'|'.join(process_log.OWN)})(?:\.\S+)? (?P<text>.+)", re.DOTALL
)
_JSON_PROBLEMS = ("warning", "error", "critical")
_NAME = "bqat.up"
# Marks a line that was read from the file.
_ALREADY_SHOWN = "already_shown"

logger = logging.getLogger(_NAME)
_WHOLE = logging.getLogger(f"{_NAME}.whole")


class UpLog:
    """The log file, and how much of it was shown on the terminal.

    Parameters
    ----------
    state : State folder; the file lies in its folder `logs`.
    everything : Show each line on the terminal, not only problems.
    """

    def __init__(self, state: Path, *, everything: bool) -> None:
        self.path = state / "logs" / "up.log"
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Several processes append to it, so it is truncated in place and never replaced.
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._everything = everything
        self._position = os.fstat(self.descriptor).st_size
        self._rest = b""
        _show_own_lines(self.path, logging.DEBUG if everything else logging.INFO)

    def follow(self) -> None:
        """Show what was written since the last call; start the file anew when it has become too large."""
        while block := os.pread(self.descriptor, _BLOCK, self._position):
            self._position += len(block)
            *lines, self._rest = (self._rest + block).split(b"\n")
            for line in lines:
                self._show(line.decode(errors="backslashreplace").rstrip("\r"))
        if self._position > LARGEST:
            shutil.copyfile(self.path, self.path.with_name(f"{self.path.name}.1"))
            os.ftruncate(self.descriptor, 0)
            self._position = 0

    def _show(self, line: str) -> None:
        if self._everything:
            if f" {_NAME} " not in line:  # the supervisor's own lines were shown when they were made
                _WHOLE.info("%s", line)
        elif text := problem_in(line):
            logger.warning("%s", text, extra={_ALREADY_SHOWN: True})


def problem_in(line: str) -> str:
    """The message of a log line, text or JSON, in which this software reports a problem; empty for other lines."""
    if line.startswith("{"):
        try:
            entry = json.loads(line)
            text = str(entry["message"]) if entry["level"] in _JSON_PROBLEMS else ""
        except (ValueError, LookupError, TypeError):
            return ""
    else:
        found = _PROBLEM.match(line)
        text = found["text"] if found and f" {_NAME} " not in line else ""
    return "".join(character if character.isprintable() else " " for character in text)


def _show_own_lines(path: Path, least: int) -> None:
    """Send the supervisor's log lines to the terminal, from level ``least`` on, and all of them into the file."""
    shown = logging.StreamHandler(sys.stderr)
    shown.setLevel(least)
    shown.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s", process_log.TIME))
    kept = logging.FileHandler(path)
    kept.addFilter(lambda record: not hasattr(record, _ALREADY_SHOWN))
    kept.setFormatter(logging.Formatter(process_log.FORMAT, process_log.TIME))
    logger.handlers, logger.propagate = [shown, kept], False
    logger.setLevel(logging.DEBUG)
    whole = logging.StreamHandler(sys.stderr)
    _WHOLE.handlers, _WHOLE.propagate = [whole], False
    _WHOLE.setLevel(logging.INFO)
