"""How a failed command ends: with one sentence, an exit code, and the traceback in a file."""

import contextlib
import errno
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from bqat_pipeline.cli import exit_codes
from bqat_pipeline.cli.console import err, printable, silence_standard_output

if TYPE_CHECKING:
    from pydantic import ValidationError

_OWN_PACKAGES = ("bqat_pipeline", "assets", "resources")
_LOG_NAME = "bqat.log"
_LITTLE_ROOM = 1_000_000  # free bytes below which the disk counts as full; SQLite needs less at a time
_SENTENCES = {
    errno.ENOSPC: "there is no room left",
    errno.EDQUOT: "the quota is used up",
    errno.EROFS: "this place cannot be written to",
    errno.EACCES: "access is not allowed",
    errno.EPERM: "access is not allowed",
    errno.ENOENT: "there is no such file or folder",
    errno.ENOTDIR: "a part of this path is not a folder",
    errno.EIO: "the storage reports an error",
    errno.ESTALE: "the network share has gone away",
    errno.EMFILE: "too many files are open; raise `ulimit -n`",
}


def exit_code_of(error: BaseException) -> int:
    """Print why a command stopped, and return its exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else exit_codes.NOT_DONE
    if isinstance(error, BrokenPipeError):
        silence_standard_output()
        return exit_codes.PIPE_CLOSED
    if is_interruption(error):
        err.print(str(error) or "stopped")
        return exit_codes.STOPPED
    sentence, expected = describe(error)
    err.print("error:", style="bold red", end=" ")
    err.print(sentence)
    if debugging():
        err.print("".join(traceback.format_exception(error)))
    elif not expected:
        err.print(f"The traceback is {_kept_traceback(error)}.")
    return exit_codes.NOT_DONE


def is_interruption(error: BaseException) -> bool:
    """Whether an error means that a person or the system stopped the command."""
    return any(
        isinstance(part, KeyboardInterrupt | typer.Abort) or type(part).__name__ == "DagsterExecutionInterruptedError"
        for part in _chain(error)
    )


def describe(error: BaseException) -> tuple[str, bool]:
    """A sentence on what went wrong, and whether it is clear without a traceback."""
    from pydantic import ValidationError

    for part in _chain(error):
        if type(part).__module__.partition(".")[0] in _OWN_PACKAGES:  # a sentence already
            return str(part), True
        if isinstance(part, ValidationError) and part.title == "Settings":
            return _of_settings(part), True
        if isinstance(part, OSError) and part.errno is not None:
            return _of_system_error(part), part.errno in _SENTENCES
        if type(part).__module__ in ("sqlite3", "psycopg2", "psycopg2.errors"):
            return _of_database(part), True
        if isinstance(part, MemoryError):
            return "there is not enough memory; set BQAT_WORKERS to a smaller number", True
    return (
        f"{type(error).__name__}: {_first_line(error)}. This is a fault of bqat; please report it with the traceback",
        False,
    )


def debugging() -> bool:
    """Whether tracebacks are wanted on the terminal (``bqat -v``, ``BQAT_DEBUG``)."""
    return os.environ.get("BQAT_DEBUG", "").lower() not in ("", "0", "false", "no")


@contextlib.contextmanager
def signals_as_interruption() -> Iterator[None]:
    """Let SIGTERM and a closed terminal stop a command like Ctrl-C, so that finished work is kept."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it, outermost first."""
    seen: set[int] = set()
    part: BaseException | None = error
    while part is not None and id(part) not in seen:
        seen.add(id(part))
        yield part
        # SQLAlchemy keeps the driver's error in `orig`.
        original = getattr(part, "orig", None)
        part = original if isinstance(original, BaseException) else part.__cause__ or part.__context__


def _of_settings(error: "ValidationError") -> str:
    parts = [f"BQAT_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors() if item["loc"]]
    return f"a setting cannot be used: {'; '.join(parts)}. docs/settings.md lists them"


def _of_system_error(error: OSError) -> str:
    what = _SENTENCES.get(error.errno or 0, error.strerror or _first_line(error))
    place = ", ".join(printable(os.fsdecode(name)) for name in (error.filename, error.filename2) if name is not None)
    text = f"{place}: {what}" if place else what
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        text += f" (BQAT_HOME is {_home_place()}, {_state_place()})"
        text += ". Make room and give the command again: what is done is kept"
    return text


def _of_database(error: BaseException) -> str:
    """A sentence on an error of the database; SQLite reports a full disk in several ways, so free space is checked."""
    text = f"the Dagster instance cannot be used: {_first_line(error)} ({_state_place()})"
    with contextlib.suppress(OSError):
        if shutil.disk_usage(_state()).free < _LITTLE_ROOM:
            text += ". There is no room left: make room and give the command again; what is done is kept"
    return text


def _home_place() -> str:
    from bqat_pipeline.settings import settings

    return settings().home


def _state_place() -> str:
    return f"BQAT_STATE is {_state()}"


def _state() -> Path:
    from bqat_pipeline.settings import settings

    return settings().state.absolute()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no reason is known"


def _kept_traceback(error: BaseException) -> str:
    """Write a traceback to the log of the command line, and return where it is."""
    from bqat_pipeline.settings import settings

    with contextlib.suppress(Exception):
        from bqat_pipeline.deployment.instance import make_private

        make_private(settings().state.absolute())
        log = settings().state.absolute() / "logs" / _LOG_NAME
        log.parent.mkdir(exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", errors="backslashreplace") as stream:
            stream.write(f"{' '.join(map(printable, sys.argv))}\n{''.join(traceback.format_exception(error))}\n")
        return f"in {log}"
    return "printed when the command is given with BQAT_DEBUG=1"
