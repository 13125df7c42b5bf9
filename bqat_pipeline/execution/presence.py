"""Whether a source is still there while its files are read: a share that is unmounted is no thousand vanished files."""

import os
from collections.abc import Iterable
from functools import cache

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets import Location
from bqat_pipeline.execution.errors import ScanError

# Reasons of rows whose file could not be opened, which may be the fault of the whole source.
_UNOPENED = frozenset({"vanished", "file_not_found", "read_failed", "permission_denied"})


class SourceGoneError(ScanError):
    """A source disappeared as a whole during a scan."""


def is_unopened(status: str, reason_code: str | None) -> bool:
    """Whether a row says that its file could not be opened."""
    return status not in MEASURED and reason_code in _UNOPENED


def check_sources(roots: Iterable[Location], *, doubtful: bool) -> None:
    """Make sure that the folders of sources are there.

    Parameters
    ----------
    doubtful : Whether files could not be opened. Then it is also asked whether a folder has become empty, as the place
        of a share is when the share is away.

    Raises
    ------
    SourceGoneError : naming the first folder that is not.
    """
    for root in roots:
        if root.is_local:
            _check_local(root.path, doubtful)
        elif doubtful:
            _check_remote(root)


def _check_local(path: str, doubtful: bool) -> None:
    try:
        if os.stat(path).st_dev != _first_device(path) or (doubtful and _is_empty(path)):  # noqa: PTH116 - once a chunk
            raise SourceGoneError(_sentence(path))
    except OSError as error:
        raise SourceGoneError(_sentence(path, error.strerror or "")) from error


def _check_remote(root: Location) -> None:
    try:
        there = root.is_dir()
    except OSError as error:
        raise SourceGoneError(_sentence(str(root), str(error)[:300])) from error
    if not there:
        raise SourceGoneError(_sentence(str(root)))


@cache
def _first_device(path: str) -> int:
    """File system on which this process first saw a folder; an error is not remembered."""
    return os.stat(path).st_dev  # noqa: PTH116


def _is_empty(path: str) -> bool:
    with os.scandir(path) as entries:
        return next(entries, None) is None


def _sentence(place: str, why: str = "") -> str:
    return (
        f"{place} is not there any more{f' ({why})' if why else ''}; is it mounted? What was measured is kept, "
        "as are the results of before: run the scan again when it is back"
    )
