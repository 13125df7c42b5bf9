"""``bqat up``: code server, daemon, webserver and REST facade as one thing that starts, restarts and ends together."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from bqat_pipeline.instance import PROJECT_ROOT, open_instance, prepare_environment
from bqat_pipeline.settings import settings

logger = logging.getLogger("bqat.up")

_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_SECONDS = 60.0  # a child that lived this long starts its back-off anew
_GRACE_SECONDS = 8.0  # for a child to end by itself before it is killed


@dataclass
class Child:
    """One process under supervision. ``after`` names the one that must be ready before this one first starts."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    after: "Child | None" = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)

    def start(self, environment: dict[str, str]) -> None:
        # A session of its own: Ctrl-C reaches the supervisor only, which ends its children in order.
        self.process = subprocess.Popen(self.command, cwd=PROJECT_ROOT, env=environment, start_new_session=True)
        self.started = time.monotonic()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


def run(api_port: int | None = None, dagster_port: int | None = None) -> int:
    """Exit status after everything has ended: 0 when stopped by a signal, 2 when it could not start."""
    config = settings()
    api_port = config.port if api_port is None else api_port
    dagster_port = config.dagster_port if dagster_port is None else dagster_port
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", datefmt="%H:%M:%S")
    for name, host, port in (("REST facade", config.host, api_port), ("Dagster UI", config.dagster_host, dagster_port)):
        if not port_is_free(host, port):
            print(f"error: port {port} of {host} ({name}) is taken; choose another one", file=sys.stderr)
            return 2
    stopping = _install_signal_handlers()
    prepare_environment()
    open_instance().dispose()  # once, before several processes open a fresh database
    code_port = _unused_port()
    workspace = _write_workspace(code_port)
    environment = _environment(api_port, dagster_port)
    children = _children(config.host, api_port, config.dagster_host, dagster_port, code_port, workspace)
    try:
        if _wait_until_ready(children, stopping, environment):
            logger.info("Dagster UI   http://%s:%s", _shown(config.dagster_host), dagster_port)
            logger.info("REST facade  http://%s:%s/docs", _shown(config.host), api_port)
            logger.info("Data root    %s   (Ctrl-C ends everything)", config.data)
        while not stopping:
            _revive(children, environment)
            time.sleep(0.2)
    finally:
        _end(children)
        workspace.unlink(missing_ok=True)
    return 0


def _children(
    host: str, api_port: int, dagster_host: str, dagster_port: int, code_port: int, workspace: Path
) -> list[Child]:
    python = sys.executable
    code_server = Child(
        "code server",
        [python, "-m", "bqat_pipeline.code_server", "--host", "127.0.0.1", "--port", str(code_port)],
        lambda: _answers("127.0.0.1", code_port),
    )
    daemon = Child(
        "daemon", [python, "-m", "dagster._daemon", "run", "-w", str(workspace)], lambda: True, after=code_server
    )
    # A webserver that finds no code server looks again only after ten seconds.
    webserver = Child(
        "webserver",
        [python, "-m", "dagster_webserver", "-h", dagster_host, "-p", str(dagster_port), "-w", str(workspace)],
        lambda: _answers(_local(dagster_host), dagster_port),
        after=code_server,
    )
    facade = Child(
        "REST facade",
        [
            *(python, "-m", "uvicorn", "api.app:app", "--host", host, "--port", str(api_port), "--no-server-header"),
            # Open event streams would otherwise hold up the end for as long as their tasks run.
            *("--timeout-graceful-shutdown", "5"),
        ],
        lambda: _answers(_local(host), api_port),
    )
    return [code_server, daemon, webserver, facade]


def _environment(api_port: int, dagster_port: int) -> dict[str, str]:
    environment = dict(os.environ)
    environment["BQAT_DAGSTER_URL"] = f"http://127.0.0.1:{dagster_port}"
    environment["BQAT_PORT"] = str(api_port)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _write_workspace(code_port: int) -> Path:
    """A workspace file that points at our own code server, which keeps a warm process to start runs from."""
    path = settings().state.absolute() / f"workspace-{os.getpid()}.yaml"
    path.write_text(
        f"load_from:\n  - grpc_server:\n      host: 127.0.0.1\n      port: {code_port}\n"
        "      location_name: bqat_pipeline\n"
    )
    return path


def _wait_until_ready(children: list[Child], stopping: list[int], environment: dict[str, str]) -> bool:
    """Start the children in their order and wait for all; False when asked to stop meanwhile."""
    unready = {child.name for child in children}
    while unready and not stopping:
        unready -= {child.name for child in children if child.process is not None and child.ready()}
        for child in children:
            if child.process is None and (child.after is None or child.after.name not in unready):
                child.start(environment)
        _revive([child for child in children if child.process is not None], environment)
        time.sleep(0.1)
    return not stopping


def _revive(children: list[Child], environment: dict[str, str]) -> None:
    """Start again what has died, later each time it dies soon."""
    moment = time.monotonic()
    for child in children:
        if child.alive:
            continue
        if child.restart_at == 0.0:
            if moment - child.started > _STEADY_SECONDS:
                child.failures = 0
            delay = _BACKOFF_SECONDS[min(child.failures, len(_BACKOFF_SECONDS) - 1)]
            status = child.process.returncode if child.process else None
            logger.warning("%s ended with status %s; starting it again in %s s", child.name, status, delay)
            child.failures += 1
            child.restart_at = moment + delay
        elif moment >= child.restart_at:
            child.restart_at = 0.0
            child.start(environment)


def _end(children: list[Child]) -> None:
    """End all children, front first, so that nothing new is asked for; then whatever they left behind.

    Scans that were running are found by Dagster's run monitoring at the next start, and resumed.
    """
    logger.info("stopping")
    family: list[psutil.Process] = []
    for child in children:
        if child.alive and child.process is not None:
            family += psutil.Process(child.process.pid).children(recursive=True)
    for child in reversed(children):
        if child.alive and child.process is not None:
            child.process.send_signal(signal.SIGINT if child.name == "daemon" else signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline and any(child.alive for child in children):
        time.sleep(0.1)
    rest = [p for p in family if p.is_running()]
    for child in children:
        if child.alive and child.process is not None:
            rest.append(psutil.Process(child.process.pid))
    for process in rest:
        _signal(process, signal.SIGTERM)
    _, rest = psutil.wait_procs(rest, timeout=3)
    for process in rest:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(rest, timeout=3)


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _install_signal_handlers() -> list[int]:
    """A list that a SIGINT or SIGTERM is appended to.

    Set before children start: a child of a process that ignores SIGINT would ignore it too, and Dagster's own
    processes copy that handler for SIGTERM.
    """
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    signal.signal(signal.SIGINT, note)
    signal.signal(signal.SIGTERM, note)
    return received


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def _local(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host


def _shown(host: str) -> str:
    return "localhost" if host in ("0.0.0.0", "::", "127.0.0.1", "") else host
