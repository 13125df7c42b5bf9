"""Programs that measure a batch of pictures in one run, kept from taking the batch or the machine with them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bqat_pipeline.engines.base import Row

T = TypeVar("T")

# Last words of a program that are kept for the error message.
_LAST_WORDS = 500
# Members that a program fails on, before it succeeded with any, from which it is the program's own fault.
_ENOUGH = 3
# Seconds that a program may take to start and load its models, beside the time for pictures.
_START = 120.0


class ProgramFailedError(RuntimeError):
    """A program ended badly or took too long.

    Attributes
    ----------
    timed_out : It was ended by the time limit.
    """

    def __init__(self, message: str, *, timed_out: bool) -> None:
        super().__init__(message)
        self.timed_out = timed_out


def find_program(name: str) -> str | None:
    """Path of a program on the PATH, or of the file itself where a path is given; None when there is none."""
    return shutil.which(Path(name).expanduser())


def run(command: Sequence[str | Path], cwd: Path, seconds: float) -> str:
    """Standard output of a program.

    Parameters
    ----------
    command : Program and arguments; no shell is involved.
    cwd : Folder that it runs in.
    seconds : Time limit; then it is ended with all processes that it started.

    Raises
    ------
    ProgramFailedError : when it cannot be started, ends with another code than 0, or takes too long.
    """
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramFailedError(
            f"{command[0]} cannot be started: {error.strerror or error}", timed_out=False
        ) from error
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise ProgramFailedError(f"{command[0]} took longer than {seconds:.0f} s", timed_out=True) from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode != 0:
        words = (errors.strip() or output.strip())[-_LAST_WORDS:]
        raise ProgramFailedError(f"{command[0]} ended with code {process.returncode}: {words}", timed_out=False)
    return output


def time_for(pictures: int, image_timeout: float) -> float:
    """Seconds for a batch."""
    return _START + pictures * image_timeout


def survivors(
    batch: Sequence[T], measure: Callable[[Sequence[T]], dict[T, Row]], blame: Callable[[ProgramFailedError], Row]
) -> dict[T, Row]:
    """Results of a batch even when single members end the program: halves are tried until the culprits are alone.

    Parameters
    ----------
    batch : Members, hashable.
    measure : Results of several members by member; raises ``ProgramFailedError``.
    blame : Result of a member that ends the program by itself; told whether by the time limit.

    Raises
    ------
    ProgramFailedError : when it fails on one member after the other: then it is the program, not the pictures.
    """
    results: dict[T, Row] = {}
    blamed = 0
    pending = [list(batch)] if batch else []
    while pending:
        part = pending.pop()
        try:
            results |= measure(part)
        except ProgramFailedError as error:
            if len(part) == 1:
                blamed += 1
                results[part[0]] = blame(error)
                if len(results) == blamed >= _ENOUGH and not error.timed_out:
                    raise
            else:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
    return results
