"""Dagster's PostgreSQL storage, waiting for an unreachable database: its restart must not fail a running scan.

Dagster itself gives up after some seconds, the step fails, and a failed step is not retried. Here every call waits for
its connection as long as the settings say, except in the webserver, where a person waits for the page.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy.exc
from dagster._serdes import ConfigurableClassData
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy.engine import Connection, Engine

from bqat_pipeline.settings import settings

logger = logging.getLogger(__name__)

_FIRST_WAIT = 0.2  # seconds
_LONGEST_WAIT = 5.0  # seconds
# The webserver waits as long as Dagster's own tries take.
_WEBSERVER_SECONDS = 5.0


@contextmanager
def connection(engine: Engine, seconds: float) -> Iterator[Connection]:
    """A connection; waits for it up to ``seconds`` while the database cannot be reached.

    Raises
    ------
    sqlalchemy.exc.DatabaseError, sqlalchemy.exc.TimeoutError : from the last try.
    """
    connected = _patiently(engine.connect, seconds)
    try:
        yield connected
    finally:
        connected.close()


def _patiently(connect: Callable[[], Connection], seconds: float) -> Connection:
    began = time.monotonic()
    wait = _FIRST_WAIT
    announced = False
    while True:
        try:
            return connect()
        except (sqlalchemy.exc.DatabaseError, sqlalchemy.exc.TimeoutError):
            left = seconds - (time.monotonic() - began)
            if left <= 0:
                raise
            if not announced:
                logger.warning("PostgreSQL does not answer; waiting for it, %g s (BQAT_DATABASE_TIMEOUT)", seconds)
                announced = True
        time.sleep(min(wait, left))
        wait = min(2 * wait, _LONGEST_WAIT)


class _Patient:
    """The connection that the three storages have in common."""

    _engine: Engine
    _seconds: float | None = None

    def _connect(self) -> AbstractContextManager[Connection]:
        return connection(self._engine, settings().database_timeout if self._seconds is None else self._seconds)

    def optimize_for_webserver(self, *arguments: Any, **keywords: Any) -> None:
        """Wait less for connections; only the webserver calls this."""
        self._seconds = _WEBSERVER_SECONDS
        super().optimize_for_webserver(*arguments, **keywords)  # type: ignore[misc]


class _EventLogStorage(_Patient, PostgresEventLogStorage):
    pass


class _RunStorage(_Patient, PostgresRunStorage):
    def connect(self) -> AbstractContextManager[Connection]:
        return self._connect()


class _ScheduleStorage(_Patient, PostgresScheduleStorage):
    def connect(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        return self._connect()


class PatientPostgresStorage(DagsterPostgresStorage):
    """All of Dagster's storage in PostgreSQL; configured like ``storage: postgres``."""

    def __init__(
        self, postgres_url: str, should_autocreate_tables: bool = True, inst_data: ConfigurableClassData | None = None
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data)
        self._event_log_storage = _EventLogStorage(postgres_url, should_autocreate_tables)
        self._run_storage = _RunStorage(postgres_url, should_autocreate_tables)
        self._schedule_storage = _ScheduleStorage(postgres_url, should_autocreate_tables)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PatientPostgresStorage":
        return cls(
            pg_url_from_config(dict(config_value)), config_value.get("should_autocreate_tables", True), inst_data
        )
