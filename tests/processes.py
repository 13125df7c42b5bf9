"""Processes of the product that tests start, watch and end."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
_T = TypeVar("_T")


def free_port() -> int:
    """A port of the loopback interface on which no process listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether a process listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(check: Callable[[], _T], seconds: float, what: str) -> _T:
    """The first true result of a check, repeated every 0.2 s.

    Parameters
    ----------
    seconds : Longest wait.
    what : Name of what is waited for, for the message of the failure.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = check()
        except (httpx.HTTPError, psutil.Error, OSError, KeyError, ValueError) as error:
            last = error
        else:
            if last:
                return last  # type: ignore[return-value]
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen within {seconds:g} s; last answer: {last!r}")


def bound_by_modes() -> list[str]:
    """Prefix of a command that must respect the modes of files also when root runs it."""
    if os.geteuid() != 0:
        return []
    privileges = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={privileges}", f"--inh-caps={privileges}"]


@contextlib.contextmanager
def started(
    command: list[str], environment: dict[str, str], log: Path, cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, killed with all its descendants at the end of the block."""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdout=stream,
            stderr=stream,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill_family(process.pid)
        process.wait(timeout=10)


def kill_family(pid: int) -> None:
    """Kill a process and everything below it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        kill([*parent.children(recursive=True), parent])


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill processes, of which some may have ended meanwhile."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def child_of(pid: int, part: str) -> psutil.Process:
    """The one process directly below another whose command holds a text; others may start and end meanwhile."""
    found = []
    for child in psutil.Process(pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if part in " ".join(child.cmdline()):
                found.append(child)
    (child,) = found
    return child


def processes_with(variable: str, value: str) -> list[psutil.Process]:
    """Processes, this one left out, whose environment holds a value: whatever a deployment under test left behind."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if (
                process.pid != os.getpid()
                and process.environ().get(variable) == value
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
    return found


def deployment_environment(folder: Path, **changes: Any) -> dict[str, str]:
    """Environment of a deployment whose results, pictures and state lie below a folder."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("BQAT_", "DAGSTER_")) and k != "PYTHONDONTWRITEBYTECODE"
    }
    ours = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "BQAT_HOME": folder / "storage",
        "BQAT_DATA": folder / "data",
        "BQAT_STATE": folder / "state",
        "BQAT_EDA": "false",
        "DAGSTER_HOME": ROOT,
        **changes,
    }
    for name in ("storage", "data", "state"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return kept | {k: str(v) for k, v in ours.items()}


def watchful_dagster_home(folder: Path) -> Path:
    """A DAGSTER_HOME as ours, whose daemon looks every other second for runs that died, not every ten."""
    text = (ROOT / "dagster.yaml").read_text()
    assert "poll_interval_seconds: 10\n" in text
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(text.replace("poll_interval_seconds: 10\n", "poll_interval_seconds: 2\n"))
    return home
