"""``bqat up``: code server, daemon, webserver and REST facade as one thing that starts, restarts and ends together."""

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
from bqat_pipeline.deployment.instance import PROJECT_ROOT, prepare_environment, ruin_sentence, ruined_databases
from bqat_pipeline.deployment.instance_home import AlienHomeError, check_home
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
_STEADY_SECONDS = 60.0  # a child that lived this long starts its back-off anew
_GRACE_SECONDS = 8.0  # for a child to end by itself before it is killed


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
        # A session of its own: Ctrl-C reaches the supervisor only, which ends its children in order.
        self.process = subprocess.Popen(
            self.command, cwd=PROJECT_ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        self.started = time.monotonic()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


def run(api_port: int | None = None, dagster_port: int | None = None, *, verbose: bool = False) -> int:
    """Exit status after everything has ended: 0 when stopped by a signal, 2 when it could not start."""
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
    keeper = process_family.start_keeper(environment, lock, log.descriptor)
    try:
        if _wait_until_ready(children, stopping, environment, log):
            # The one address that a newcomer needs; its page leads to the others, and the log file tells them.
            page = url_of(shown_address(config.host), api_port)
            logger.info("open %s   (Ctrl-C ends everything)", page)
            ui = url_of(shown_address(config.dagster_host), dagster_port, config.dagster_root_path)
            logger.debug("Dagster UI   %s", ui)
            logger.debug("REST facade  %s/docs", page)
            logger.debug("Data root    %s", config.data)
            logger.debug("Log file     %s", log.path)
        while not stopping:
            _revive(children, environment, log)
            if keeper.poll() is not None:
                keeper = process_family.start_keeper(environment, lock, log.descriptor)
            log.follow()
            time.sleep(0.2)
    finally:
        _end(children, keeper, family, stopping)
        log.follow()
        logger.info("stopped")
        workspace.unlink(missing_ok=True)
    return 0


def _obstacle(config: Settings, state: Path, api_port: int, dagster_port: int) -> str | None:
    """Why nothing can start here, with the way out; None when it can."""
    for name, host, port in (("REST facade", config.host, api_port), ("Dagster UI", config.dagster_host, dagster_port)):
        if why := why_not_listen(host, port):
            return f"cannot listen on port {port} of {host} ({name}): {why}; choose another one"
    if ruined := ruined_databases(state):
        return ruin_sentence(state, ruined)
    try:
        check_home(state, DatasetStore(Location.parse(config.home)))
    except AlienHomeError as error:
        return str(error)
    return None


def _cannot_start(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)
    return 2


def _children(api_port: int, dagster_port: int, code_port: int, workspace: Path) -> list[Child]:
    """All started at the same time; those that need the code server wait for it themselves, with their imports done."""
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
    # The children work elsewhere, and would not find a `.env` or relative folders of this directory.
    environment = {**os.environ, **config.as_environment()}
    environment["BQAT_DAGSTER_URL"] = url_of(local_address(config.dagster_host), dagster_port, config.dagster_root_path)
    environment["BQAT_PORT"] = str(api_port)
    environment["BQAT_CODE_HOST"] = "127.0.0.1"
    environment["BQAT_CODE_PORT"] = str(code_port)
    environment[process_family.VARIABLE] = family
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _write_workspace(code_port: int) -> Path:
    """A workspace file that points at our own code server, which keeps a warm process to start runs from."""
    state = settings().state.absolute()
    for left in state.glob("workspace-*.yaml"):  # of supervisors that were killed: nobody else runs here
        left.unlink(missing_ok=True)
    path = state / f"workspace-{os.getpid()}.yaml"
    path.write_text(
        f"load_from:\n  - grpc_server:\n      host: 127.0.0.1\n      port: {code_port}\n"
        "      location_name: bqat_pipeline\n"
    )
    return path


def _wait_until_ready(children: list[Child], stopping: list[int], environment: dict[str, str], log: UpLog) -> bool:
    """Start the children and wait for all; False when asked to stop meanwhile."""
    for child in children:
        child.start(environment, log.descriptor)
    while not stopping and not all(child.alive and child.ready() for child in children):
        _revive(children, environment, log)
        log.follow()
        time.sleep(0.05)
    return not stopping


def _revive(children: list[Child], environment: dict[str, str], log: UpLog) -> None:
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
            logger.warning(
                "%s ended with status %s (why: %s); starting it again in %s s", child.name, status, log.path, delay
            )
            child.failures += 1
            child.restart_at = moment + delay
        elif moment >= child.restart_at:
            child.restart_at = 0.0
            child.start(environment, log.descriptor)


def _end(children: list[Child], keeper: subprocess.Popen[bytes], family: str, stopping: list[int]) -> None:
    """End all children, front first, so that nothing new is asked for; then whatever they left behind.

    Scans that were running are found by Dagster's run monitoring at the next start, and resumed. A second signal ends
    the waiting.
    """
    signals = len(stopping)
    logger.info("stopping; a scan that runs goes on at the next start")
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
    process_family.end(p for p in process_family.family(family) if p.pid != keeper.pid)
    if keeper.stdin is not None:
        keeper.stdin.close()
    keeper.wait()


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
