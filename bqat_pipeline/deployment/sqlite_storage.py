"""Dagster's SQLite storage, with connections that stay open and a history that is written without waiting for the disk.

Dagster opens a file for each event and closes it again, which makes SQLite merge its write-ahead log every time: 50 ms
an event on an ordinary disk, and a scan has seventy. Here the connections of a process stay open.

* Runs and schedules are on the disk when a call returns, as before: a run that was accepted survives a power cut.
* Events are written to the operating system only (``synchronous=NORMAL``): a power cut may take those of the last
  seconds, never the file. A run whose end was lost that way counts as running, and run monitoring starts it again.
"""

import contextlib
import logging
import os
import sqlite3
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    _event_logs_directory,
    _runs_directory,
    _schedule_directory,
)
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool, QueuePool

logger = logging.getLogger(__name__)

# Files of single runs that a process keeps open.
_OPEN_FILES = 16


class _Engines:
    """Engines by file; the longest unused is closed when there are many.

    Parameters
    ----------
    durable : Whether a commit waits until the disk has it.
    """

    def __init__(self, *, durable: bool) -> None:
        self._synchronous = "FULL" if durable else "NORMAL"
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._of_parents: list[OrderedDict[str, Engine]] = []

    def of(self, url: str) -> Engine:
        """The engine of a file, with one connection that stays open."""
        with self._lock:
            if self._process != os.getpid():
                # SQLite's connections must neither be used nor closed by a child of the process that opened them.
                self._of_parents.append(self._engines)
                self._engines, self._process = OrderedDict(), os.getpid()
            if url not in self._engines:
                self._engines[url] = _engine(url, self._synchronous, poolclass=QueuePool, pool_size=1, max_overflow=-1)
                if len(self._engines) > _OPEN_FILES:
                    self._engines.popitem(last=False)[1].dispose()
            self._engines.move_to_end(url)
            return self._engines[url]

    def close(self) -> None:
        """Close the connections; they are opened again when they are needed."""
        with self._lock:
            if self._process == os.getpid():
                while self._engines:
                    self._engines.popitem()[1].dispose()


def _engine(url: str, synchronous: str, **options: Any) -> Engine:
    """An engine whose connections wait for the disk as SQLite's `synchronous` says."""
    engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}, **options)

    @event.listens_for(engine, "connect")
    def set_synchronous(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA synchronous={synchronous}")

    return engine


class _EventLogStorage(SqliteEventLogStorage):
    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines = _Engines(durable=False)
        self._empty: bytes | None = None  # a file of a run without events
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @contextlib.contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            path = Path(self.path_for_shard(shard))
            if shard not in self._initialized_dbs and shard != INDEX_SHARD_NAME and not path.exists():
                self._create(path)
            engine = self._engines.of(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                if not _is_prepared(path):
                    self._initdb(engine, for_index_shard=shard == INDEX_SHARD_NAME)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _create(self, path: Path) -> None:
        """Create the file of a run, as a copy of an empty one: Dagster's own way waits 25 times for the disk."""
        from bqat_pipeline.datasets import durable  # late: it brings pyarrow, which a process may not need

        if self._empty is None:
            with tempfile.TemporaryDirectory() as folder:
                made = Path(folder) / "empty.db"
                engine = _engine(f"sqlite:///{made}", "OFF", poolclass=NullPool)
                self._initdb(engine)
                engine.dispose()
                self._empty = made.read_bytes()
        copy = durable.temporary_name(path)  # of its own: this process may have several storages
        try:
            copy.write_bytes(self._empty)
            durable.sync_file(copy)  # the one wait that is left: nothing mends a torn file under a run's name
            os.link(copy, path)  # at once, and never over what another process has made
        except OSError as error:  # there already, or a file system without hard links, where Dagster creates it
            logger.debug("%s was not created as a copy: %s", path, error)
        finally:
            copy.unlink(missing_ok=True)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; asked for with every check, and none is ever dropped."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def wipe(self) -> None:
        self._engines.close()  # of files that are deleted
        super().wipe()

    def dispose(self) -> None:
        super().dispose()
        self._engines.close()


class _OneFile:
    """What the storages of runs and of schedules have in common: one durable file, with connections that stay open."""

    _file: ClassVar[str]
    _last_table: ClassVar[str]  # that Dagster creates
    _conn_string: str

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines = _Engines(durable=True)
        super().__init__(conn_string, inst_data)  # type: ignore[call-arg]

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Any:
        if _is_prepared(Path(base_dir) / f"{cls._file}.db", cls._last_table):
            return cls(create_db_conn_string(base_dir, cls._file), inst_data)
        return super().from_local(base_dir, inst_data)  # type: ignore[misc]

    @contextlib.contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._engines.of(self._conn_string).connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        self._engines.close()


class _RunStorage(_OneFile, SqliteRunStorage):
    _file = "runs"
    _last_table = "instance_info"


class _ScheduleStorage(_OneFile, SqliteScheduleStorage):
    _file = "schedules"
    _last_table = "alembic_version"


class OpenSqliteStorage(DagsterSqliteStorage):
    """All of Dagster's storage in SQLite files, where ``storage: sqlite`` has them; configured like that one."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Not the constructor of Dagster's class, which would open the same files its own way.
        self.base_dir = base_dir
        self._inst_data = inst_data
        self._run_storage = _RunStorage.from_local(_runs_directory(base_dir))
        self._event_log_storage = _EventLogStorage(_event_logs_directory(base_dir))
        self._schedule_storage = _ScheduleStorage.from_local(_schedule_directory(base_dir))
        super(DagsterSqliteStorage, self).__init__()

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "OpenSqliteStorage":
        Path(config_value["base_dir"]).mkdir(parents=True, exist_ok=True)
        return cls(config_value["base_dir"], inst_data)


def _is_prepared(path: Path, table: str = "alembic_version") -> bool:
    """Whether a file has its tables and their version; Dagster's own check reads the history of all versions."""
    if not path.is_file():
        return False
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=SQLITE_BUSY_TIMEOUT_SECONDS)) as database:
            found = database.execute("select 1 from sqlite_master where name = ?", (table,)).fetchone()
            return found is not None and database.execute("select 1 from alembic_version").fetchone() is not None
    except sqlite3.Error:  # Dagster says what is wrong
        return False
