"""The Dagster instance of this deployment: where it lives and how it is opened."""

import contextlib
import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from bqat_pipeline.settings import settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

PROJECT_ROOT = Path(__file__).resolve().parents[2]
# Where Dagster keeps its SQLite files, below BQAT_STATE.
_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


class InstanceError(Exception):
    """The Dagster instance cannot be opened; the text says why."""


def prepare_environment() -> None:
    """Set the environment variables of Dagster's processes, except those that the operator has set.

    DAGSTER_HOME is the project root by default: Dagster only reads dagster.yaml there, and writes below BQAT_STATE.

    Raises
    ------
    InstanceError : when the operator's DAGSTER_HOME is not a folder. Creating it would start another, empty instance.
    """
    home = os.environ.get("DAGSTER_HOME")
    if home and not Path(home).is_dir():
        raise InstanceError(f"DAGSTER_HOME is {home}, which is not a folder: make it, or unset the variable")
    state = settings().state.absolute()
    make_private(state)
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT_ROOT))
    os.environ.setdefault("BQAT_STATE", str(state))
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


def open_instance() -> "DagsterInstance":
    """Open the Dagster instance; its database is created or migrated as needed.

    A lock lets one process do this at a time: two that create the SQLite files together damage them.

    Raises
    ------
    InstanceError : when its database is damaged, and when it belongs to the results of another home.
    """
    prepare_environment()
    import dagster as dg

    from bqat_pipeline.datasets import DatasetStore, Location
    from bqat_pipeline.deployment.instance_home import WrongHomeError, claim_instance

    state = settings().state.absolute()
    with FileLock(state / "open.lock", mode=0o600):
        try:
            instance = dg.DagsterInstance.get()
        except Exception as error:
            if damaged := damaged_databases(state):
                raise InstanceError(damage_sentence(state, damaged)) from error
            raise
        try:
            claim_instance(instance, state, DatasetStore(Location.parse(settings().home)))
        except WrongHomeError as error:
            raise InstanceError(str(error)) from error
        return instance


def damaged_databases(state: Path) -> list[Path]:
    """SQLite files of the instance that Dagster refuses to open: damaged, or with several schema versions."""
    return [path for path in (state / name for name in _DATABASES) if path.is_file() and _is_damaged(path)]


def _is_damaged(path: Path) -> bool:
    try:
        with contextlib.closing(_read_only(path)) as database:
            return bool(database.execute("select count(*) from alembic_version").fetchone()[0] > 1)
    except sqlite3.Error as error:
        # Other errors do not mean damage: a lock, or a table that does not exist yet.
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def damage_sentence(state: Path, damaged: list[Path]) -> str:
    """What is wrong with damaged databases, and what to do."""
    names = ", ".join(str(path.relative_to(state)) for path in damaged)
    return (
        f"the Dagster instance in {state} is damaged: {names} cannot be used, as after a fault of the disk or when two "
        f"versions of this software created them at the same time. Stop everything, then "
        f"move {state / 'history'} and {state / 'schedules'} away: they hold Dagster's history of runs, and no results"
    )


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)


def make_private(state: Path) -> None:
    """Create the state folder for its owner only; remove the access of other users from one that is ours."""
    if not state.exists():
        state.mkdir(parents=True, mode=0o700)
        return
    found = state.stat()
    ours = found.st_uid == os.geteuid() and (any((state / name).exists() for name in _OURS) or not any(state.iterdir()))
    if ours and found.st_mode & stat.S_IRWXO:
        state.chmod(stat.S_IMODE(found.st_mode) & ~stat.S_IRWXO)


_OURS = ("open.lock", "up.lock", "history", "schedules")
