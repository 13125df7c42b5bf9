"""A PostgreSQL server of its own for the tests that need one."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.processes import free_port


@dataclass(frozen=True)
class Postgres:
    """A running server with one empty database."""

    port: int
    user: str = "bqat"
    password: str = "only-for-this-test"
    database: str = "bqat"
    stop: Callable[[], None] = lambda: None
    start: Callable[[], None] = lambda: None

    @property
    def environment(self) -> dict[str, str]:
        """The variables that docker/dagster.yaml reads."""
        return {
            "BQAT_POSTGRES_HOST": "127.0.0.1",
            "BQAT_POSTGRES_PORT": str(self.port),
            "BQAT_POSTGRES_USER": self.user,
            "BQAT_POSTGRES_PASSWORD": self.password,
            "BQAT_POSTGRES_DB": self.database,
        }


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server in a temporary folder on a free port, and end it afterwards.

    PostgreSQL refuses to run as root, so the tests' root uses the system user ``postgres``.
    """
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    initdb = str(binaries[0]) if binaries else shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL IS NOT INSTALLED: the server deployment was not tested")
    folder = Path(tempfile.mkdtemp(prefix="bqat-postgres-"))
    data = folder / "data"
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    server = Postgres(free_port())
    password = folder / "password"
    password.write_text(server.password)
    password.chmod(0o644)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    try:
        _run(
            [initdb, "-D", str(data), "-U", server.user, "-A", "scram-sha-256", "--pwfile", str(password)],
            user,
            folder,
            environment,
        )
        pg_ctl = str(Path(initdb).with_name("pg_ctl"))
        options = f"-p {server.port} -h 127.0.0.1 -k {folder} -c fsync=off"
        start = [pg_ctl, "-D", str(data), "-o", options, "-w", "-l", str(folder / "log"), "start"]
        stop = [pg_ctl, "-D", str(data), "-m", "immediate", "-w", "stop"]
        server = replace(
            server,
            stop=lambda: _run(stop, user, folder, environment),
            start=lambda: _run(start, user, folder, environment),
        )
        server.start()
        try:
            login = {**environment, "PGPASSWORD": server.password}
            createdb = str(Path(initdb).with_name("createdb"))
            _run(
                [createdb, "-h", "127.0.0.1", "-p", str(server.port), "-U", server.user, server.database],
                user,
                folder,
                login,
            )
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], user: str | None, folder: Path, environment: dict[str, str]) -> None:
    # Output goes to a file: a server started by pg_ctl would keep a pipe open, and `run` would wait for its end.
    with (folder / "setup.log").open("ab") as log:
        done = subprocess.run(
            command, user=user, cwd=folder, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{(folder / 'setup.log').read_text()}")
