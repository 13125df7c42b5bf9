"""All processes of one `bqat up`, its family, and their end when the supervisor was killed.

Every process of the family inherits an environment variable from the supervisor. By it orphans are found as well, such
as workers of a code server that was killed. ``python -m bqat_pipeline.deployment.process_family`` is the watchdog: it
reads a pipe whose other end only the supervisor holds, and ends the family when the pipe closes.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable

import psutil

VARIABLE = "BQAT_FAMILY"
_TERM_SECONDS = 3.0


def family(name: str) -> list[psutil.Process]:
    """Living processes of the family of a name, without this process."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get(VARIABLE) == name:
                found.append(process)
    return found


def end(processes: Iterable[psutil.Process]) -> None:
    """Ask processes to end, and kill those that still run after three seconds."""
    rest = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in rest:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, rest = psutil.wait_procs(rest, timeout=_TERM_SECONDS)


def start_watchdog(environment: dict[str, str], lock: int, output: int) -> subprocess.Popen[bytes]:
    """Start the watchdog of the family that the environment names.

    Parameters
    ----------
    lock : Descriptor of the supervisor's lock; the watchdog holds it until the family has ended.
    output : Descriptor of the file that it writes to.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "bqat_pipeline.deployment.process_family"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=(lock,),
        start_new_session=True,
    )


def main() -> None:
    """Wait until the supervisor ends, then end the processes that it left."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    name = os.environ[VARIABLE]
    while left := family(name):  # repeated, to find processes that were just being started
        end(left)


if __name__ == "__main__":
    main()
