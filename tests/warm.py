"""``bqat`` in processes forked from one that has imported the libraries, which takes longer than most commands.

Only libraries are imported in advance, and modules that the runs of a deployment find imported as well; the product
reads its environment, folder and terminal in the new process, as always.
Signals are not passed on: tests that send signals run the console script itself.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bqat_pipeline.settings import settings
from tests.processes import ROOT, kill_family

# Imported by scans and by `bqat doctor`; none starts threads, which would not survive a fork.
_LIBRARIES = (
    "alembic.command",
    "cv2",
    "dagster",
    "dagster._core.execution.api",
    "dagster._core.storage.base_storage",
    "dagster._core.storage.event_log.sqlite",
    "dagster._core.storage.runs.sqlite",
    "dagster._core.storage.schedules.sqlite",
    "jinja2",
    "pandas",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pydantic_settings",
    "scipy.stats",
    "sqlalchemy",
    "typer",
    "bqat_pipeline.deployment.preload",
)

# The command that tests run: passes its files, arguments, folder and environment on, and exits as the forked process does.
_CLIENT = """#!{python} -IS
import array, json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
files = array.array("i", [0, 1, 2]).tobytes()
server.sendmsg([b"!"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
environment = {{os.fsdecode(name): os.fsdecode(value) for name, value in os.environb.items()}}
server.sendall(json.dumps([sys.argv, os.getcwd(), environment]).encode())
server.shutdown(socket.SHUT_WR)
sys.exit(int(server.recv(4) or b"70"))
"""


@contextlib.contextmanager
def warm_commands() -> Iterator[Path]:
    """A folder with a ``bqat`` command that runs in a forked process."""
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as listener:
        client = Path(name) / "bqat"
        client.write_text(_CLIENT.format(python=sys.executable, address=f"{name}/socket"))
        client.chmod(0o755)
        listener.bind(f"{name}/socket")
        listener.listen(64)
        command = [sys.executable, "-m", "tests.warm", str(listener.fileno())]
        with subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()], start_new_session=True) as process:
            listener.close()  # when that process ends, commands are refused; here, they would wait for it
            yield client.parent
            kill_family(process.pid)


def serve(listener: socket.socket) -> None:
    """Fork for each request. Returns in each forked process, which is ready to run its command; never in this one."""
    for name in _LIBRARIES:
        importlib.import_module(name)
    if settings.cache_info().currsize:
        raise RuntimeError("something that was imported has read the settings of this process")
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the processes that handle requests are not waited for
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return handle_request(connection)
        connection.close()


def handle_request(connection: socket.socket) -> None:
    """Fork once more, answer with the exit status of that process, and kill it when the client ends before it."""
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    request = b"".join(iter(lambda: connection.recv(65536), b""))
    child = os.fork()
    if child == 0:
        connection.close()
        return take_over_client(files, *json.loads(request))
    for file in (0, 1, 2, *files):  # a pipe ends with the command, not with this process
        os.close(file)
    ended = os.pidfd_open(child)
    gone = select.poll()
    gone.register(connection, select.POLLHUP)
    gone.register(ended, select.POLLIN)
    if ended not in dict(gone.poll()):
        os.killpg(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(OSError):
        connection.send(str(status % 256).encode())
    os._exit(0)


def take_over_client(files: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Take over the standard files, arguments, folder and environment of a client."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.argv[:] = arguments
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    from bqat_pipeline.cli import main

    main()
