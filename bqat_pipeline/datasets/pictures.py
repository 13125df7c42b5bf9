"""The bytes of a picture of a data set, found again by the name that its row carries."""

import os
import re
from pathlib import Path

from bqat_pipeline.datasets.confinement import PathNotAllowedError, clean_parts
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.records import DatasetRecord, Source

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


def open_picture(record: DatasetRecord, file: str, max_size: int = 200_000_000) -> bytes:
    """Content of the picture that a row calls ``file``; never reads outside the sources of the data set.

    Parameters
    ----------
    record : The data set.
    file : As in the face profiles: prefix of the source, slash, relative path; bytes that are no UTF-8 as ``\\xNN``.
    max_size : Largest file, bytes.

    Raises
    ------
    FileNotFoundError : when no source holds such a file (any more), or it lies outside of them.
    OSError : when it cannot be read or is too large.
    """
    for source in record.sources:
        name = file.removeprefix(f"{source.prefix}/") if source.prefix else file
        if source.prefix and name == file:
            continue
        content = _read(source, name, max_size)
        if content is not None:
            return content
    raise FileNotFoundError(f"no source of {record.key} holds {file!r}")


def is_there(record: DatasetRecord, file: str) -> bool:
    """Whether the picture of a row is still a file of the data set; of one on S3 that is taken for granted."""
    for source in record.sources:
        name = file.removeprefix(f"{source.prefix}/") if source.prefix else file
        if not source.prefix or name != file:
            root = Location.parse(source.uri)
            if not root.is_local or _local(root.local, name) is not None:
                return True
    return False


def _read(source: Source, name: str, max_size: int) -> bytes | None:
    root = Location.parse(source.uri)
    if root.is_local:
        path = _local(root.local, name)
        if path is None:
            return None
        # Non-blocking: opening a pipe that nobody writes to would block without end.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as stream:
            _check_size(os.fstat(handle).st_size, max_size)
            return stream.read(max_size)
    try:
        place = root
        for part in clean_parts(name):
            place = place / part
    except PathNotAllowedError:
        return None
    info = place.info()
    if not place.is_file():
        return None
    _check_size(info.size or 0, max_size)
    return place.read_bytes()


def _local(root: Path, name: str) -> Path | None:
    """The regular file of a name below a folder, or None; links are followed only inside the folder."""
    real_root = root.resolve()
    for raw in dict.fromkeys((os.fsencode(name), _unescape(name))):
        try:
            real = (real_root / os.fsdecode(raw)).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            continue
        if real.is_relative_to(real_root) and real.is_file():
            return real
    return None


def _unescape(name: str) -> bytes:
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), os.fsencode(name))


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise OSError(f"the file has {size / 1e6:.4g} MB; the limit is {limit / 1e6:.4g} MB (BQAT_MAX_FILE_SIZE)")
