"""Sources of a data set, from the paths that clients name below the data root."""

import os
import stat
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from api.http.errors import bad_request, invalid
from bqat_pipeline.datasets import Location, ScanOptions, Source
from bqat_pipeline.datasets.confinement import (
    PathNotAllowedError,
    clean_parts,
    client_name,
    faults_of,
    resolve_within,
)
from bqat_pipeline.datasets.listing import NameFilter, list_source
from bqat_pipeline.datasets.passed_over import PassedOverTally

# Files counted before a scan is launched; a larger folder's total comes from the scan itself.
COUNT_LIMIT = 20_000
# Folder of the data root for what clients upload.
UPLOADED = "uploaded"
# Files of a list whose existence is checked on S3 before the scan is launched; each check is a request.
_CHECKED_ON_S3 = 100


def folder_source(data: Location, data_uri: str, path: str) -> Source:
    """Source for a folder below the data root.

    Parameters
    ----------
    data, data_uri : The data root, and as the operator wrote it (``BQAT_DATA``).
    path : As clients name it.

    Raises
    ------
    RequestValidationError : when there is no such folder, or it lies outside.
    """
    try:
        with faults_of(path):
            place = resolve_within(data, _relative(data, path))
            found = place.is_dir()
    except PathNotAllowedError as error:
        raise invalid("input", str(error), path) from error
    if not found:
        raise invalid("input", f"there is no folder {path}", path)
    return Source(uri=location_uri(place, data_uri), prefix=client_name(data, place) or "data")


def file_source(data: Location, data_uri: str, paths: list[str]) -> Source:
    """Source for files below the data root.

    On S3 each check costs a request, so only the first 100 files are checked; others that are missing become rows.

    Raises
    ------
    RequestValidationError : when one of them does not exist, or lies outside.
    """
    find = _LocalFiles(data).find if data.is_local else partial(_remote_file, data)
    names: list[str] = []
    for number, path in enumerate(paths):
        try:
            with faults_of(path):
                name = find(_relative(data, path), check=data.is_local or number < _CHECKED_ON_S3)
        except PathNotAllowedError as error:
            raise invalid("input", str(error), path) from error
        if name is None:
            raise invalid("input", f"there is no file {path}", path)
        names.append(name)
    return Source(uri=location_uri(data, data_uri), prefix="data", files=names)


def path_of_uri(data: Location, data_uri: str, uri: str) -> str:
    """The client path (``data/helen``) of an absolute place below the data root.

    The two are compared as text: no address from outside is ever looked up or connected to.

    Raises
    ------
    RequestValidationError : when the place is not below the data root.
    """
    outside = invalid("uri", "the place is not below the data root (BQAT_DATA)", uri)
    if data.is_local:
        path = unquote(uri.removeprefix("file://")) if uri.startswith("file://") else uri
        relative = _relative(data, path)
        if "://" in path or not path.startswith("/") or relative == path:
            raise outside
        return relative
    try:
        given = urlsplit(uri)
    except ValueError as error:
        raise outside from error
    if given.query or given.fragment or "@" in given.netloc:
        raise invalid("uri", "name bucket and path only; user and options are those of BQAT_DATA", None)
    place = f"{given.netloc}{unquote(given.path)}".rstrip("/")
    root = data.path.rstrip("/")
    if given.scheme.lower() != urlsplit(data_uri).scheme.lower() or not f"{place}/".startswith(f"{root}/"):
        raise outside
    return f"data{place.removeprefix(root)}"


def count(sources: list[Source], options: ScanOptions, limit: int = COUNT_LIMIT, *, refuse_empty: bool = True) -> int:
    """Number of files that a scan of the sources would find, counted up to a limit.

    Parameters
    ----------
    refuse_empty : Whether nothing but passed-over files is an error; a rescan decides that itself (`allow_empty`).

    Raises
    ------
    RequestValidationError : when the pattern is not a regular expression.
    HTTPException : 400 when none was found, and something could not be read or was passed over.
    """
    try:
        names = NameFilter.of(options)
    except ValueError as error:
        raise invalid("options.pattern", str(error), options.pattern) from error
    found = 0
    tally = PassedOverTally()
    for source in sources:
        if source.files is not None:  # a list of names: nothing to look up
            base_names = [os.fsencode(name.rsplit("/", 1)[-1]) for name in set(source.files)]
            found += sum(names.select(base_names))
        else:
            found += sum(1 for _ in islice(list_source(source, names, tally), limit - found))
        if found >= limit:
            break
    if refuse_empty and not found and (instead := tally.result().instead_of_pictures()):
        raise bad_request(f"empty input: no file matches; {'; '.join(instead)}")
    return found


def location_uri(place: Location, root_uri: str) -> str:
    """Local path or URI that `Location.parse` reads back.

    Parameters
    ----------
    root_uri : URI of a folder above it, as the operator wrote it: its user and its options (endpoint, region) are kept.
    """
    if place.is_local:
        return place.path
    root = urlsplit(root_uri)
    user, at, _ = root.netloc.rpartition("@")
    return f"{root.scheme}://{user}{at}{quote(place.path)}" + (f"?{root.query}" if root.query else "")


def _relative(data: Location, path: str) -> str:
    """An absolute path below a local data root as clients name it (``data/helen``); other paths as they are."""
    if data.is_local and path.startswith("/"):
        for spelled in (Path.absolute, Path.resolve):
            root = spelled(data.local)
            if PurePosixPath(path).is_relative_to(root):
                return "/".join(("data", *PurePosixPath(path).relative_to(root).parts))
    return path


class _LocalFiles:
    """Files below a local data root by their client paths; each folder is resolved once.

    Parameters
    ----------
    data : The data root.
    """

    def __init__(self, data: Location) -> None:
        self._data = data
        self._root = data.local.resolve()
        self._folders: dict[str, Path] = {}

    def find(self, path: str, *, check: bool = True) -> str | None:
        """Name of a file relative to the data root, its links resolved; None when there is no such file.

        Raises
        ------
        PathNotAllowedError : when it lies outside.
        OSError : when the file system refuses the look-up.
        """
        folder, _, name = path.rstrip("/").rpartition("/")
        (name,) = clean_parts(name) or [""]
        if folder not in self._folders:
            self._folders[folder] = resolve_within(self._data, folder).local
        place = self._folders[folder] / name
        try:
            status = place.lstat()
            if stat.S_ISLNK(status.st_mode):
                place = resolve_within(self._data, path).local
                status = place.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return str(place.relative_to(self._root)) if stat.S_ISREG(status.st_mode) else None


def _remote_file(data: Location, path: str, *, check: bool) -> str | None:
    place = resolve_within(data, path)
    if check and not place.is_file():
        return None
    return place.path.removeprefix(data.path.rstrip("/") + "/")
