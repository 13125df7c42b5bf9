"""Paths that come from clients, confined to the data root."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bqat_pipeline.datasets.filesystem import Location

# PATH_MAX and NAME_MAX of Linux; the first counts the byte that ends a path.
MAX_PATH_BYTES = 4095
MAX_NAME_BYTES = 255
_MAX_LENGTH = 4096
# What a path can be at fault for, as the system says it; anything else (a broken disk, a mount that is away) is not the
# client's doing.
_FAULTS_OF_PATHS: dict[int, str] = {
    errno.ENAMETOOLONG: "is too long",
    errno.ELOOP: "leads through a circle of links",
    errno.EACCES: "may not be read or changed by this server",
    errno.EPERM: "may not be read or changed by this server",
    errno.ENOTDIR: "goes through a file as if it were a folder",
    errno.EINVAL: "is no valid name here",
    errno.EILSEQ: "is no valid name here",
}


class PathNotAllowedError(ValueError):
    """A client named a place that is not below the data root."""


@contextmanager
def faults_of(client_path: str) -> Iterator[None]:
    """Around work on a path that a client named: what the path is at fault for becomes a refusal of it.

    Raises
    ------
    PathNotAllowedError : for a path that is too long, circular, not permitted or no path at all.
    OSError : for everything else.
    """
    try:
        yield
    except UnicodeEncodeError as error:  # half a character
        raise PathNotAllowedError(f"{_shown(client_path)} holds characters that are not allowed in a path") from error
    except OSError as error:
        fault = _FAULTS_OF_PATHS.get(error.errno or 0)
        if fault is None:
            raise
        raise PathNotAllowedError(f"{_shown(client_path)} {fault}") from error


def clean_parts(path: str) -> list[str]:
    """The components of a relative client path, without empty ones and ``.``.

    Raises
    ------
    PathNotAllowedError : for absolute paths, ``..``, backslashes, control characters, and over-long paths.
    """
    if len(path) > _MAX_LENGTH:
        raise PathNotAllowedError(f"path has {len(path)} characters; the limit is {_MAX_LENGTH}")
    if path.startswith("/") or "://" in path or path[1:2] == ":":
        raise PathNotAllowedError(f"{_shown(path)} is absolute; name a folder below the data root, as `data/<folder>`")
    if "\\" in path or any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise PathNotAllowedError(f"{_shown(path)} holds characters that are not allowed in a path")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise PathNotAllowedError(f"{_shown(path)} leads out of the data root")
    return parts


def resolve_within(root: Location, client_path: str, *, alias: str = "data") -> Location:
    """The real place of a path that a client named, proven to lie in the data root.

    Parameters
    ----------
    root : The data root (``BQAT_DATA``).
    client_path : ``data/helen`` or ``helen``; the leading alias stands for the root itself. It need not exist.
    alias : Name by which clients know the root.

    Raises
    ------
    PathNotAllowedError : when the path leads out of the root, also through symbolic links.
    """
    parts = clean_parts(client_path)
    if parts and parts[0] == alias:
        parts = parts[1:]
    if not root.is_local:
        place = root
        for part in parts:
            place = place / part
        return place
    real_root = root.local.resolve()
    _check_lengths(real_root, parts, client_path)
    try:
        real = real_root.joinpath(*parts).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise PathNotAllowedError(f"{_shown(client_path)} cannot be resolved") from error
    if not real.is_relative_to(real_root):
        raise PathNotAllowedError(f"{_shown(client_path)} leads out of the data root")
    return Location(root.filesystem, real.as_posix())


def _check_lengths(root: Path, parts: list[str], client_path: str) -> None:
    """Refuse what no file system takes, before the system is asked.

    Raises
    ------
    PathNotAllowedError : naming the limit.
    """
    with faults_of(client_path):
        names = [os.fsencode(part) for part in parts]
    if any(len(name) > MAX_NAME_BYTES for name in names):
        raise PathNotAllowedError(f"{_shown(client_path)} holds a name of more than {MAX_NAME_BYTES} bytes")
    if len(os.fsencode(root)) + sum(len(name) + 1 for name in names) > MAX_PATH_BYTES:
        raise PathNotAllowedError(f"{_shown(client_path)} is too long: a path has at most {MAX_PATH_BYTES} bytes")


def _shown(path: str) -> str:
    return repr(path if len(path) <= 300 else f"{path[:300]}...")


def client_name(root: Location, place: Location, *, alias: str = "data") -> str | None:
    """How clients name a place: ``data/helen``; None when it is not below the data root."""
    if root.filesystem.type_name != place.filesystem.type_name:
        return None
    if root.is_local:
        real, real_root = Path(place.path).resolve(), Path(root.path).resolve()
        if not real.is_relative_to(real_root):
            return None
        return "/".join((alias, *real.relative_to(real_root).parts))
    prefix = root.path.rstrip("/") + "/"
    if place.path.rstrip("/") + "/" == prefix:
        return alias
    return f"{alias}/{place.path.removeprefix(prefix)}" if place.path.startswith(prefix) else None
