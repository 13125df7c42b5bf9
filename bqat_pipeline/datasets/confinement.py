"""Paths that come from clients, confined to the data root."""

from pathlib import Path

from bqat_pipeline.datasets.filesystem import Location

_MAX_LENGTH = 4096  # PATH_MAX of Linux


class PathNotAllowedError(ValueError):
    """A client named a place that is not below the data root."""


def clean_parts(path: str) -> list[str]:
    """The components of a relative client path, without empty ones and ``.``.

    Raises
    ------
    PathNotAllowedError : for absolute paths, ``..``, backslashes, control characters, and over-long paths.
    """
    if len(path) > _MAX_LENGTH:
        raise PathNotAllowedError(f"path has {len(path)} characters; the limit is {_MAX_LENGTH}")
    if path.startswith("/") or "://" in path or path[1:2] == ":":
        raise PathNotAllowedError(f"{path!r} is absolute; name a folder below the data root, as `data/<folder>`")
    if "\\" in path or any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise PathNotAllowedError(f"{path!r} holds characters that are not allowed in a path")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise PathNotAllowedError(f"{path!r} leads out of the data root")
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
    try:
        real = real_root.joinpath(*parts).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise PathNotAllowedError(f"{client_path!r} cannot be resolved") from error
    if not real.is_relative_to(real_root):
        raise PathNotAllowedError(f"{client_path!r} leads out of the data root")
    return Location(root.filesystem, real.as_posix())


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
