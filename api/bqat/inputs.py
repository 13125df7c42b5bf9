"""`/task/inputs`: folders that can be scanned, and how many files are in them."""

import fnmatch
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pyarrow import fs

from api.scan_options import MAX_PATTERN
from api.services import ServicesDep
from api.sources import UPLOADED, folder_source
from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.listing import NameFilter, list_source

router = APIRouter(prefix="/task/inputs", tags=["task"])


def folder_names(data: Location) -> list[str]:
    """Client paths of the folders in the data root and of those in `uploaded`, each folder before its children."""
    names: list[str] = []
    (data / UPLOADED).create_dir()
    for info in data.iterdir():
        if not _is_shown(info):
            continue
        names.append(f"data/{info.base_name}")
        if info.base_name == UPLOADED:
            names += [f"data/{UPLOADED}/{child.base_name}" for child in (data / UPLOADED).iterdir() if _is_shown(child)]
    return names if f"data/{UPLOADED}" in names else [*names, f"data/{UPLOADED}"]


def _is_shown(info: fs.FileInfo) -> bool:
    """Whether an entry is a folder that clients can name: names that are not valid UTF-8 cannot be sent."""
    name = info.base_name
    return info.type == fs.FileType.Directory and not name.startswith(".") and name.isprintable()


def count_matching(data: Location, data_uri: str, path: str, extensions: list[str] | None, pattern: str | None) -> int:
    """Number of files below a folder, recursive, whose extension and name (a glob) match."""
    source = folder_source(data, data_uri, path)
    names = NameFilter(extensions)
    return sum(
        1
        for file in list_source(source, names)
        if not pattern or fnmatch.fnmatch(file.name.rsplit("/", 1)[-1], pattern)
    )


@router.get("/folders")
async def folders(services: ServicesDep) -> list[str]:
    """Folders below the data root that can be scanned."""
    return await services.quick(folder_names, services.data)


@router.get("/metadata")
async def metadata(
    services: ServicesDep,
    exts: Annotated[list[str] | None, Query(max_length=50)] = None,
    pattern: Annotated[str | None, Query(max_length=MAX_PATTERN, description="Glob on the file name.")] = None,
    path: Annotated[str, Query(max_length=4096)] = "data",
) -> dict[str, Any]:
    """Number of files in a folder that match."""
    return {
        "dir": path,
        "count": await services.table(
            count_matching, services.data, services.settings.data, path, exts, pattern or None
        ),
    }
