"""A DuckDB that lives for one question: few threads, a memory limit, what does not fit goes to a temporary folder."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_MEMORY = "512MB"
_THREADS = 2


class DatabaseError(RuntimeError):
    """A question could not be answered: a table does not open, memory or disk is full."""


@contextmanager
def open_database() -> "Iterator[duckdb.DuckDBPyConnection]":
    """An empty database; nothing of it is left afterwards.

    Raises
    ------
    DatabaseError : for every failure of the database in the block.
    """
    import duckdb

    folder = tempfile.mkdtemp(prefix="bqat-join-")
    try:
        with duckdb.connect(
            ":memory:",
            config={
                "threads": _THREADS,
                "memory_limit": _MEMORY,
                "temp_directory": folder,
                "autoinstall_known_extensions": "false",
                "TimeZone": "UTC",
            },
        ) as db:
            yield db
    except duckdb.Error as error:
        raise DatabaseError(str(error)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
