"""`/v1/folders`: the folders below the data root, for a page that lets people choose one."""

from typing import Annotated

from fastapi import APIRouter, Query
from pyarrow import fs
from pydantic import BaseModel, Field

from api.http.errors import not_found
from api.services import ServicesDep
from api.v1.common import problems
from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.confinement import PathNotAllowedError, client_name, faults_of, resolve_within
from bqat_pipeline.datasets.listing import EXTENSIONS

router = APIRouter(prefix="/v1/folders", tags=["data sets"])

# Most subfolders listed of one folder.
_MOST = 1000


class Folder(BaseModel):
    """A subfolder of the folder that was asked for."""

    name: str
    path: str = Field(description="To be sent as `input` of a new data set.")


class FolderView(BaseModel):
    """A folder below the data root, and the folders in it by name."""

    path: str
    parent: str | None
    folders: list[Folder]
    pictures: int = Field(description="Files directly in the folder that have the extension of a picture.")
    more: bool = Field(description="Whether there are more subfolders than those listed.")


@router.get("", responses=problems(404))
async def folders(
    services: ServicesDep,
    path: Annotated[
        str, Query(max_length=4096, description="Client path of the folder, for example `data/helen`.")
    ] = "data",
) -> FolderView:
    """One folder and its subfolders, without hidden ones and links that lead out of the data root."""
    return await services.quick(_read_folder, services.data, path)


def _read_folder(data: Location, path: str) -> FolderView:
    missing = not_found(f"there is no folder {path[:300]}")
    if any(part.startswith(".") for part in path.split("/")):
        raise missing
    try:
        with faults_of(path):
            place = resolve_within(data, path)
            entries = list(place.iterdir()) if place.is_dir() else None
    except (PathNotAllowedError, FileNotFoundError) as error:
        raise missing from error
    if entries is None:
        raise missing
    shown = client_name(data, place) or "data"
    found: list[Folder] = []
    for info in entries:
        name = info.base_name
        if info.type != fs.FileType.Directory or name.startswith(".") or not name.isprintable():
            continue
        try:
            with faults_of(name):
                resolve_within(data, f"{shown}/{name}")
        except (PathNotAllowedError, OSError):
            continue
        found.append(Folder(name=name, path=f"{shown}/{name}"))
        if len(found) > _MOST:
            break
    pictures = sum(1 for info in entries if info.type == fs.FileType.File and info.extension.lower() in EXTENSIONS)
    return FolderView(
        path=shown,
        parent=shown.rpartition("/")[0] or None,
        folders=sorted(found[:_MOST], key=lambda folder: folder.name.casefold()),
        pictures=pictures,
        more=len(found) > _MOST,
    )
