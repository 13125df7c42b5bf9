"""One `bqat up` for each state folder, by a lock that the kernel releases whenever and however its holder ends."""

import fcntl
import os
import time
from pathlib import Path

import psutil

# After a supervisor was killed, its watchdog holds the lock until all processes have ended.
_WAIT_SECONDS = 20.0


class AlreadyUpError(Exception):
    """Another `bqat up` uses the state folder; the text says which one, and what to do."""


def hold(state: Path) -> int:
    """Take the lock of a state folder, and return its descriptor; closing it releases the lock.

    Raises
    ------
    AlreadyUpError : when another `bqat up` holds it.
    """
    path = state / "up.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
            if (holder.isdigit() and psutil.pid_exists(int(holder))) or time.monotonic() > deadline:
                os.close(descriptor)
                raise AlreadyUpError(
                    f"`bqat up` runs on the state folder {state} already (process {holder}): stop it, or give this one "
                    "folders of its own (BQAT_STATE, BQAT_HOME)"
                ) from None
            time.sleep(0.1)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor
