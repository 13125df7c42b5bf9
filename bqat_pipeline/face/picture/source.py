"""The bytes of a file, read without hanging on pipes or devices and without exceeding a size."""

import os
import stat
from typing import BinaryIO

from bqat_pipeline.face.errors import SourceError

_BLOCK = 1 << 20


def read_bytes(path: str | os.PathLike[str], max_size: int) -> bytes:
    """Content of a regular file.

    Raises
    ------
    SourceError : when the file is gone, may not be read, is no regular file, is empty, or is larger than ``max_size``
        bytes.
    """
    try:
        # Non-blocking: opening a pipe without a writer would block without end.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise SourceError("vanished", "file_not_found", "the file does not exist (any more)") from error
    except PermissionError as error:
        raise SourceError("unreadable", "permission_denied", "the file may not be read by this process") from error
    except (OSError, ValueError) as error:
        raise SourceError("unreadable", "read_failed", f"the file cannot be opened: {_why(error)}") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise SourceError("unreadable", "not_a_regular_file", "not a regular file but a folder, pipe or device")
        check_size(status.st_size, max_size)
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = _read(file, status.st_size, max_size)
    except OSError as error:
        raise SourceError("unreadable", "read_failed", f"the file cannot be read: {_why(error)}") from error
    finally:
        os.close(handle)
    check_size(len(content), max_size)
    return content


def _read(file: BinaryIO, size: int, max_size: int) -> bytes:
    """The whole file, whose size was ``size``; of one that grows, at most a little more than ``max_size`` bytes."""
    # read(max_size) would allocate max_size bytes for every file.
    content = file.read(size + 1)
    while size < len(content) <= max_size and (more := file.read(_BLOCK)):
        content += more
    return content


def check_size(size: int, max_size: int) -> None:
    """Raise SourceError for an empty or too large file; sizes in bytes."""
    if size == 0:
        raise SourceError("unreadable", "empty_file", "the file is empty")
    if size > max_size:
        sentence = f"the file has {size / 1e6:.4g} MB; the limit is {max_size / 1e6:.4g} MB (BQAT_MAX_FILE_SIZE)"
        raise SourceError("too_large", "file_too_large", sentence)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
