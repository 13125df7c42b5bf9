"""All processes of one `bqat up`, however deep, and their end when the supervisor ends without a chance to do it.

Every process of the family inherits a variable from the supervisor, so orphans are found as well: workers of a code
server that was killed belong to nobody. ``python -m bqat_pipeline.deployment.process_family`` is the keeper: it reads a
pipe of which only the supervisor holds the other end, and ends the family when that closes.
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
    """Living processes, this one left out, that belong to the family of a name."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get(VARIABLE) == name:
                found.append(process)
    return found


def end(processes: Iterable[psutil.Process]) -> None:
    """Ask processes to end, and kill those that are still there after three seconds."""
    rest = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in rest:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, rest = psutil.wait_procs(rest, timeout=_TERM_SECONDS)


def start_keeper(environment: dict[str, str], lock: int, output: int) -> subprocess.Popen[bytes]:
    """The keeper of the family that the environment names.

    Parameters
    ----------
    output : Descriptor of the file that it writes to.
    lock : Descriptor of the supervisor's lock, which stays held until the family has ended.
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
    """Wait for the supervisor's end, then end what it has left."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    name = os.environ[VARIABLE]
    while left := family(name):  # again: what was just being started is found the next time
        end(left)


if __name__ == "__main__":
    main()
