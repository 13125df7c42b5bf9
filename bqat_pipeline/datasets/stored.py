"""JSON files and tables of data sets; reads tell apart: absent, unreadable now, damaged."""

import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
from pydantic import BaseModel, TypeAdapter, ValidationError

from bqat_pipeline.datasets.errors import (
    DamagedDatasetError,
    StorageError,
    UnreadableDatasetError,
    UnwritableDatasetError,
)
from bqat_pipeline.datasets.filesystem import Location

if TYPE_CHECKING:
    import pyarrow.dataset as ds

_R = TypeVar("_R")
_M = TypeVar("_M", bound=BaseModel)

# Waits between tries, seconds: long enough for a stale handle or one refused request.
_WAITS = (0.05, 0.2, 0.5)
# A try that took longer than this waited enough by itself (S3 clients repeat their requests).
_PATIENT = 1.0

SCAN_AGAIN = "scan the data set again, which makes it anew"

_OBJECT = TypeAdapter(dict[str, Any])


def read_model(place: Location, model: type[_M], what: str, remedy: str = SCAN_AGAIN) -> _M | None:
    """A record of a JSON file, or None where there is no such file.

    Parameters
    ----------
    what, remedy : As in ``DamagedDatasetError``.

    Raises
    ------
    UnreadableDatasetError : when the storage does not say, after some tries.
    DamagedDatasetError : when it is not JSON, or not such a record.
    """
    return _parsed(place, model.model_validate_json, what, remedy)


def read_object(place: Location, what: str, remedy: str = SCAN_AGAIN) -> dict[str, Any] | None:
    """The object of a JSON file; otherwise as ``read_model``."""
    return _parsed(place, _OBJECT.validate_json, what, remedy)


def write_model(place: Location, record: BaseModel, what: str, *, sync_folder: bool = True) -> None:
    """Put a record in place as a JSON file, in one step and durably.

    Raises
    ------
    UnwritableDatasetError : when the storage refuses.
    """
    try:
        place.write_bytes(record.model_dump_json(indent=1).encode(), sync_folder=sync_folder)
    except OSError as error:
        raise UnwritableDatasetError(what, error.strerror or _first_line(error), error.errno) from error


def open_table(place: Location, what: str, rows: int | None = None) -> "ds.Dataset | None":
    """The Parquet file, or the folder of Parquet files, of a place; None where there is none.

    Parameters
    ----------
    what : As in ``StorageError``.
    rows : Number of rows that it must hold, by the footers of all its files; None: not looked at.

    Raises
    ------
    UnreadableDatasetError, DamagedDatasetError : as ``read_model``.
    """
    import pyarrow.dataset as ds  # a tenth of a second, for commands that read no table; pandas too, if Arrow finds it

    def opened() -> tuple[ds.Dataset, int | None]:
        table = ds.dataset(place.path, filesystem=place.filesystem, format="parquet")
        return table, None if rows is None else table.count_rows()

    try:
        found = patiently(opened, what)
    except (ValueError, pa.ArrowException) as error:
        raise DamagedDatasetError(what, _first_line(error), SCAN_AGAIN) from error
    if found is None:
        return None
    table, counted = found
    if counted != rows:
        raise DamagedDatasetError(what, f"{counted} of {rows} rows are there", SCAN_AGAIN)
    return table


def patiently(read: Callable[[], _R], what: str) -> _R | None:
    """The result of a read, tried again for about a second; None where there is nothing.

    Raises
    ------
    UnreadableDatasetError : when the storage does not say, after some tries.
    ValueError : for content that makes no sense, also where Arrow calls that an error of the system.
    """
    for wait in (*_WAITS, None):
        began = time.monotonic()
        try:
            return read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if is_damage(error):
                raise ValueError(str(error)) from error
            if wait is None or time.monotonic() - began > _PATIENT:
                raise UnreadableDatasetError(what, error.strerror or _first_line(error), error.errno) from error
            time.sleep(wait)
    raise AssertionError  # the last try answers or raises


def is_damage(error: Exception) -> bool:
    """Whether an error of a read is about the content of a file, not about the storage.

    Arrow reports damaged files partly as OSError, but without a number, which errors of the system have. Those of S3
    have none either, but say where they come from.
    """
    if isinstance(error, StorageError | FileNotFoundError):
        return False
    if isinstance(error, OSError):
        text = str(error)
        return error.errno is None and "AWS Error" not in text
    return isinstance(error, ValueError | pa.ArrowException)


@lru_cache(maxsize=1000)
def warn_once(log: logging.Logger, text: str) -> None:
    """A warning of something damaged, once in a process however often it is read."""
    log.warning("%s", text)


def _parsed(place: Location, parse: Callable[[bytes], _R], what: str, remedy: str) -> _R | None:
    content = patiently(place.read_bytes, what)
    if content is None:
        return None
    try:
        return parse(content)
    except ValueError as error:
        reason = "it is empty" if not content else _first_line(error)
        raise DamagedDatasetError(what, reason, remedy) from error


def _first_line(error: Exception) -> str:
    """What an error says, in short: pydantic's and Arrow's texts go on for lines."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return ": ".join([*(str(part) for part in first["loc"]), first["msg"]])[:300]
    text = str(error).strip() or type(error).__name__
    return " ".join(text.splitlines()[:3]).rsplit("': ", 1)[-1][:300]  # Arrow names files with their whole path
