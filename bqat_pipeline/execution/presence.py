"""Whether a source is still there while its files are read: files of an unmounted share have not vanished.

The same for one file: another host may not see what lies on a share that is mounted inside of a source.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.folders import ABSENT
from bqat_pipeline.execution.errors import ScanError

# Reasons of rows whose file could not be opened, which may be the fault of the whole source.
_UNOPENED = frozenset({"vanished", "file_not_found", "read_failed", "permission_denied"})


class SourceGoneError(ScanError):
    """A source became unavailable during a scan, with all its files."""


@dataclass(frozen=True)
class UnseenFile:
    """A listed file that a worker did not find.

    Attributes
    ----------
    position : Its place in the chunk.
    path : Its path on local disk.
    file : Its path as clients know it.
    reason_code : What its row would say.
    """

    position: int
    path: str
    file: str
    reason_code: str

    def is_here(self) -> bool:
        """Whether the process that asks finds it.

        Raises
        ------
        SourceGoneError : when the system does not say.
        """
        try:
            os.stat(self.path)  # noqa: PTH116 - a link whose target is gone is gone as well
        except OSError as error:
            if error.errno in ABSENT:
                return False
            raise SourceGoneError(_sentence(self.file, error.strerror or "")) from error
        return True


class UnseenFilesError(RuntimeError):
    """A worker did not find files of its chunk, and cannot say whether others do; it put no part in place."""

    def __init__(self, files: tuple[UnseenFile, ...]) -> None:
        super().__init__(files)
        self.files = files

    def __str__(self) -> str:
        return f"{len(self.files)} files were not found, the first is {self.files[0].file}"

    def seen_here(self) -> UnseenFile | None:
        """The first of them that the process that asks finds.

        Raises
        ------
        SourceGoneError : when the system does not say.
        """
        return next((file for file in self.files if file.is_here()), None)


def is_unopened(status: str, reason_code: str | None) -> bool:
    """Whether a row says that its file could not be opened."""
    return status not in MEASURED and reason_code in _UNOPENED


@dataclass(frozen=True)
class Presence:
    """Sources as they were when a chunk was begun.

    Attributes
    ----------
    devices : File system that each folder lies on; None on S3.
    """

    roots: tuple[Location, ...]
    devices: tuple[int | None, ...]

    @classmethod
    def of(cls, roots: Sequence[Location]) -> "Presence":
        """The sources as they are now.

        Raises
        ------
        SourceGoneError : naming the first local folder that is not there.
        """
        return cls(tuple(roots), tuple(_device(root.path) if root.is_local else None for root in roots))

    def check(self) -> None:
        """Make sure that files that could not be opened are their own fault: that the sources still are what they were.

        Raises
        ------
        SourceGoneError : naming the first one that is not there, is empty, as the place of a share is when the share is
            away, or lies on another file system.
        """
        for root, device in zip(self.roots, self.devices, strict=True):
            if not root.is_local:
                _check_remote(root)
            elif _device(root.path) != device or _is_empty(root.path):
                raise SourceGoneError(_sentence(root.path))


def _device(path: str) -> int:
    try:
        return os.stat(path).st_dev  # noqa: PTH116 - for each chunk
    except OSError as error:
        raise SourceGoneError(_sentence(path, error.strerror or "")) from error


def _check_remote(root: Location) -> None:
    try:
        there = root.is_dir()
    except OSError as error:
        raise SourceGoneError(_sentence(str(root), str(error)[:300])) from error
    if not there:
        raise SourceGoneError(_sentence(str(root)))


def _is_empty(path: str) -> bool:
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except OSError as error:
        raise SourceGoneError(_sentence(path, error.strerror or "")) from error


def _sentence(place: str, why: str = "") -> str:
    return (
        f"{place} is not there any more{f' ({why})' if why else ''}; is it mounted? What was measured is kept, "
        "as are the results of before: run the scan again when it is back"
    )
