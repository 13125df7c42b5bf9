"""``bqat up``: starts code server, daemon, webserver and REST facade, restarts those that end, and stops all."""

import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from bqat_pipeline import process_log
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.deployment import process_family, up_lock
from bqat_pipeline.deployment.instance import PROJECT_ROOT, damage_sentence, damaged_databases, prepare_environment
from bqat_pipeline.deployment.instance_home import WrongHomeError, check_home
from bqat_pipeline.deployment.up_log import UpLog
from bqat_pipeline.settings import Settings, settings
from bqat_pipeline.web.addresses import (
    accepts_connections,
    local_address,
    shown_address,
    unused_port,
    url_of,
    why_not_listen,
)

logger = logging.getLogger("bqat.up")

_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_SECONDS = 60.0  # after a child has run for this long, its next restart has the first delay again
_GRACE_SECONDS = 8.0  # time for a child to end by itself before it is killed


@dataclass
class Child:
    """One process under supervision."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)

    def start(self, environment: dict[str, str], output: int) -> None:
        # In a new session: Ctrl-C reaches only the supervisor, which ends its children in order.
        self.process = subprocess.Popen(
            self.command, cwd=PROJECT_ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        self.started = time.monotonic()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


def run(api_port: int | None = None, dagster_port: int | None = None, *, verbose: bool = False) -> int:
    """Run all services until a signal; return the exit status: 0 after a signal, 2 when they could not start."""
    config = settings()
    api_port = config.port if api_port is None else api_port
    dagster_port = config.dagster_port if dagster_port is None else dagster_port
    process_log.configure()
    stopping = _install_signal_handlers()
    prepare_environment()
    state = config.state.absolute()
    try:
        lock = up_lock.hold(state)
    except up_lock.AlreadyUpError as error:
        return _cannot_start(str(error))
    if why := _obstacle(config, state, api_port, dagster_port):
        os.close(lock)
        return _cannot_start(why)
    log = UpLog(state, everything=verbose)
    logger.info("starting; this takes some seconds")
    code_port = unused_port()
    workspace = _write_workspace(code_port)
    family = str(uuid.uuid4())
    environment = _environment(api_port, dagster_port, code_port, family)
    children = _children(api_port, dagster_port, code_port, workspace)
    watchdog = process_family.start_watchdog(environment, lock, log.descriptor)
    try:
        if _wait_until_ready(children, stopping, environment, log):
            # Only the address that a newcomer needs; its page links to the others, which are in the log file.
            page = url_of(shown_address(config.host), api_port)
            logger.info("open %s   (Ctrl-C ends everything)", page)
            ui = url_of(shown_address(config.dagster_host), dagster_port, config.dagster_root_path)
            logger.debug("Dagster UI   %s", ui)
            logger.debug("REST facade  %s/docs", page)
            logger.debug("Data root    %s", config.data)
            logger.debug("Log file     %s", log.path)
        while not stopping:
            _revive(children, environment, log)
            if watchdog.poll() is not None:
                watchdog = process_family.start_watchdog(environment, lock, log.descriptor)
            log.follow()
            time.sleep(0.2)
    finally:
        _end(children, watchdog, family, stopping)
        log.follow()
        logger.info("stopped")
        workspace.unlink(missing_ok=True)
    return 0


def _obstacle(config: Settings, state: Path, api_port: int, dagster_port: int) -> str | None:
    """Why the services cannot start, and what to do; None when they can."""
    for name, host, port in (("REST facade", config.host, api_port), ("Dagster UI", config.dagster_host, dagster_port)):
        if why := why_not_listen(host, port):
            return f"cannot listen on port {port} of {host} ({name}): {why}; choose another one"
    if damaged := damaged_databases(state):
        return damage_sentence(state, damaged)
    try:
        check_home(state, DatasetStore(Location.parse(config.home)))
    except WrongHomeError as error:
        return str(error)
    return None


def _cannot_start(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)
    return 2


def _children(api_port: int, dagster_port: int, code_port: int, workspace: Path) -> list[Child]:
    """The four services. All start at the same time; those that need the code server import first, then wait for it."""
    config = settings()
    python, code = sys.executable, str(code_port)
    code_server = Child(
        "code server",
        [python, "-m", "bqat_pipeline.deployment.code_server", "--host", "127.0.0.1", "--port", code],
        lambda: accepts_connections("127.0.0.1", code_port),
    )
    daemon = Child(
        "daemon", [python, "-m", "bqat_pipeline.deployment.daemon", code, "-w", str(workspace)], lambda: True
    )
    webserver = Child(
        "webserver",
        [
            *(
                python,
                "-m",
                "bqat_pipeline.deployment.webserver",
                "--host",
                config.dagster_host,
                "--port",
                str(dagster_port),
            ),
            *("-w", str(workspace), "--wait-for-port", code),
        ],
        lambda: accepts_connections(config.dagster_host, dagster_port),
    )
    facade = Child(
        "REST facade",
        [python, "-m", "api", "--host", config.host, "--port", str(api_port)],
        lambda: accepts_connections(config.host, api_port),
    )
    return [code_server, daemon, webserver, facade]


def _environment(api_port: int, dagster_port: int, code_port: int, family: str) -> dict[str, str]:
    config = settings()
    # The children have another working directory, and would not find its `.env` or relative folders.
    environment = {**os.environ, **config.as_environment()}
    environment["BQAT_DAGSTER_URL"] = url_of(local_address(config.dagster_host), dagster_port, config.dagster_root_path)
    environment["BQAT_PORT"] = str(api_port)
    environment["BQAT_CODE_HOST"] = "127.0.0.1"
    environment["BQAT_CODE_PORT"] = str(code_port)
    environment[process_family.VARIABLE] = family
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _write_workspace(code_port: int) -> Path:
    """Write a workspace file that names our own code server, and return its path."""
    state = settings().state.absolute()
    for left in state.glob("workspace-*.yaml"):  # of supervisors that were killed: our lock excludes others
        left.unlink(missing_ok=True)
    path = state / f"workspace-{os.getpid()}.yaml"
    path.write_text(
        f"load_from:\n  - grpc_server:\n      host: 127.0.0.1\n      port: {code_port}\n"
        "      location_name: bqat_pipeline\n"
    )
    return path


def _wait_until_ready(children: list[Child], stopping: list[int], environment: dict[str, str], log: UpLog) -> bool:
    """Start the children and wait until all are ready; return False when a signal came first."""
    for child in children:
        child.start(environment, log.descriptor)
    while not stopping and not all(child.alive and child.ready() for child in children):
        _revive(children, environment, log)
        log.follow()
        time.sleep(0.05)
    return not stopping


def _revive(children: list[Child], environment: dict[str, str], log: UpLog) -> None:
    """Restart children that have ended, with a longer delay each time that they end soon."""
    moment = time.monotonic()
    for child in children:
        if child.alive:
            continue
        if child.restart_at == 0.0:
            if moment - child.started > _STEADY_SECONDS:
                child.failures = 0
            delay = _BACKOFF_SECONDS[min(child.failures, len(_BACKOFF_SECONDS) - 1)]
            status = child.process.returncode if child.process else None
            logger.warning(
                "%s ended with status %s (why: %s); starting it again in %s s", child.name, status, log.path, delay
            )
            child.failures += 1
            child.restart_at = moment + delay
        elif moment >= child.restart_at:
            child.restart_at = 0.0
            child.start(environment, log.descriptor)


def _end(children: list[Child], watchdog: subprocess.Popen[bytes], family: str, stopping: list[int]) -> None:
    """End all children, the REST facade first, so that no new requests come; then the processes that they left.

    Dagster's run monitoring finds interrupted scans at the next start, and resumes them. A second signal ends the
    waiting.
    """
    signals = len(stopping)
    logger.info("stopping; a scan that is running continues at the next start")
    for child in reversed(children):
        if child.alive and child.process is not None:
            child.process.send_signal(signal.SIGINT if child.name == "daemon" else signal.SIGTERM)
    began = time.monotonic()
    announced = False
    while len(stopping) == signals and time.monotonic() < began + _GRACE_SECONDS:
        waiting = [child.name for child in children if child.alive]
        if not waiting:
            break
        if not announced and time.monotonic() - began >= 1.0:
            logger.info("waiting for %s (at most %d s; Ctrl-C again to kill)", ", ".join(waiting), _GRACE_SECONDS)
            announced = True
        time.sleep(0.1)
    process_family.end(p for p in process_family.family(family) if p.pid != watchdog.pid)
    if watchdog.stdin is not None:
        watchdog.stdin.close()
    watchdog.wait()


def _install_signal_handlers() -> list[int]:
    """A list to which each SIGINT or SIGTERM is appended.

    Handlers must be installed before children start: a child of a process that ignores SIGINT would ignore it too, and
    Dagster's own processes copy that handler for SIGTERM.
    """
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    signal.signal(signal.SIGINT, note)
    signal.signal(signal.SIGTERM, note)
    return received
