"""Uploads turned into a new folder of pictures below `data/uploaded`."""

import os
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request

from api.http.errors import bad_request
from api.http.multipart import ReceivedFile, receive_files
from api.services import Services
from api.sources import UPLOADED
from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.archives import is_archive, unpack
from bqat_pipeline.datasets.uploads import Limits, NoRoomError, claimed, write_stream

# Name of the folder for pictures that are sent without one.
_NO_FOLDER = "pictures"


@dataclass(frozen=True, slots=True)
class ReceivedUpload:
    """The folder of an upload, and remarks for its sender."""

    folder: Location
    notes: tuple[str, ...] = ()


async def take_upload(request: Request, services: Services, staging: Path) -> ReceivedUpload:
    """Store the parts `file` of a request in a new folder below `data/uploaded`; one archive is unpacked into it.

    Parameters
    ----------
    staging : Where the parts are written first; the caller removes it.

    Raises
    ------
    HTTPException : 400 for several archives.
    UploadError : when it is too large, cannot be unpacked, or cannot be written.
    """
    limits = Limits.of(services.settings)
    files = await receive_files(request, staging, "file", limits, pictures=True)
    uploads = services.data / UPLOADED
    archives = await services.quick(lambda: sum(1 for file in files[:2] if is_archive(file.path)))
    if archives == 1 == len(files):
        found = await services.table(unpack, files[0].path, uploads, files[0].name, limits)
        return ReceivedUpload(found.folder, found.notes)
    if archives == 2:
        raise bad_request("send one archive at a time, or pictures")
    return ReceivedUpload(await services.table(_placed, files, uploads))


def _placed(files: list[ReceivedFile], uploads: Location) -> Location:
    """Move the files into a new folder and return it; it gets the name of a folder that all files have in common."""
    tops = {file.folders[:1] for file in files}
    top = next(iter(tops))[0] if len(tops) == 1 and files[0].folders else ""
    try:
        folder = claimed(uploads, top or _NO_FOLDER)
    except OSError as error:
        raise NoRoomError(f"the upload cannot be written: {error.strerror or error}") from error
    taken: set[str] = set()
    try:
        for file in files:
            place = folder
            for part in file.folders[1:] if top else file.folders:
                place = place / part
            name = f"{place.path}/{file.plain}".casefold()
            place = place / (file.plain if name not in taken else file.name)
            taken.add(name)
            with file.path.open("rb") as stream:
                write_stream(stream, place, file.size)
            file.path.unlink()
    except OSError as error:
        folder.delete_dir()
        raise NoRoomError(f"the upload cannot be written: {error.strerror or error}") from error
    if folder.is_local:
        os.sync()
    return folder
