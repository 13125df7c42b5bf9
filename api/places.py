"""Places that clients name, found below the data root, as sources of a data set."""

from itertools import islice
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from api.errors import invalid
from bqat_pipeline.datasets import Location, ScanOptions, Source
from bqat_pipeline.datasets.confinement import PathNotAllowedError, client_name, resolve_within
from bqat_pipeline.datasets.listing import NameFilter, list_source

# Files counted before a scan is launched; a larger folder's total comes from the scan itself.
COUNT_LIMIT = 20_000


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
        place = resolve_within(data, _relative(data, path))
    except PathNotAllowedError as error:
        raise invalid("input", str(error), path) from error
    if not place.is_dir():
        raise invalid("input", f"there is no folder {path}", path)
    return Source(uri=location_uri(place, data_uri), prefix=client_name(data, place) or "data")


def file_source(data: Location, data_uri: str, paths: list[str]) -> Source:
    """Source for files below the data root.

    Raises
    ------
    RequestValidationError : when one of them does not exist, or lies outside.
    """
    names: list[str] = []
    for path in paths:
        try:
            place = resolve_within(data, _relative(data, path))
        except PathNotAllowedError as error:
            raise invalid("input", str(error), path) from error
        if not place.is_file():
            raise invalid("input", f"there is no file {path}", path)
        name = client_name(data, place)
        names.append((name or path).removeprefix("data/"))
    return Source(uri=location_uri(data, data_uri), prefix="data", files=names)


def count(sources: list[Source], options: ScanOptions, limit: int = COUNT_LIMIT) -> int:
    """Number of files a scan of the sources would take up, counted up to a limit.

    Raises
    ------
    RequestValidationError : when the pattern is not a regular expression.
    """
    try:
        names = NameFilter.of(options)
    except ValueError as error:
        raise invalid("options.pattern", str(error), options.pattern) from error
    found = 0
    for source in sources:
        found += sum(1 for _ in islice(list_source(source, names), limit - found))
        if found >= limit:
            break
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
    return f"{root.scheme}://{user}{at}{place.path}" + (f"?{root.query}" if root.query else "")


def _relative(data: Location, path: str) -> str:
    """An absolute path below a local data root as a relative one; other paths as they are."""
    if data.is_local and path.startswith("/"):
        for root in {data.local.absolute(), data.local.resolve()}:
            if PurePosixPath(path).is_relative_to(root):
                return PurePosixPath(path).relative_to(root).as_posix()
    return path
