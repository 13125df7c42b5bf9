"""`/dataset` and `/warehouse`: upload, show and delete pictures below the data root."""

import html
import io
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Body, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pyarrow import NativeFile, fs

from api.http.errors import bad_request, not_found
from api.http.multipart import receive_files, upload_body
from api.pictures import check_shown
from api.report_files import CSP_NOTHING
from api.services import ServicesDep
from api.sources import UPLOADED
from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.archives import Unpacked, unpack
from bqat_pipeline.datasets.confinement import PathNotAllowedError, faults_of, resolve_within
from bqat_pipeline.datasets.uploads import Limits
from bqat_pipeline.face.picture.thumbnail import PictureError, thumbnail_bytes

router = APIRouter(tags=["files"])

# Formats that browsers do not show; they are converted. Longest sides in px.
_CONVERTED = {"jp2", "j2k", "wsq"}
_CONVERTED_SIDE = 4096
_BLURRED_SIDE = 1024
# Most entries shown of one folder.
_LISTED = 5000
_BLOCK = 1 << 18


@router.post("/dataset", openapi_extra=upload_body("file"))
async def upload(request: Request, services: ServicesDep) -> dict[str, Any]:
    """Unpack a zip archive (part `file`) to a new folder below `data/uploaded`; `notes` name changed file names."""
    limits = Limits.of(services.settings)
    async with services.staging() as folder:
        files = await receive_files(request, folder, "file", Limits(limits.size, 1, limits.ratio))
        if "." in files[0].name and not files[0].name.lower().endswith(".zip"):
            raise bad_request(f"{files[0].name}: not a zip archive: the file's name does not end in .zip")
        unpacked: Unpacked = await services.table(
            unpack, files[0].path, services.data / UPLOADED, files[0].name, limits
        )
    # Clients read the path from the first `data/` to the end of the message.
    answer: dict[str, Any] = {"message": f"Dataset uploaded to: data/{UPLOADED}/{unpacked.folder.name}"}
    return answer | ({"notes": list(unpacked.notes)} if unpacked.notes else {})


@router.delete("/dataset")
async def delete_upload(
    path: Annotated[str, Body(max_length=4096, examples=["data/uploaded/set1"])], services: ServicesDep
) -> dict[str, str]:
    """Delete an uploaded folder. Only folders below `data/uploaded` can be deleted."""

    def delete() -> None:
        with faults_of(path):
            _delete(services.data, path)

    await services.quick(delete)
    return {"message": f"{path} deleted"}


def _delete(data: Location, path: str) -> None:
    place = resolve_within(data, path)
    # Both the name as given and the place that it resolves to must lie below `uploaded`: no link leads out of it.
    root = resolve_within(data, UPLOADED)
    named = path.strip("/").split("/")
    if named[:2] != ["data", UPLOADED] or len(named) < 3 or not place.path.startswith(root.path + "/"):
        raise bad_request(f"only folders below data/{UPLOADED} can be deleted")
    if not place.is_dir():
        raise bad_request(f"there is no folder {path}")
    place.delete_dir()


@router.get("/warehouse/data/{path:path}", response_model=None)
@router.get("/warehouse/data", response_model=None, include_in_schema=False)
async def warehouse(
    services: ServicesDep, request: Request, path: str = "", format: Literal["webp", "png", "jpeg", "jpg"] = "webp"
) -> Response:
    """A picture below the data root, or a page that lists a folder. Pictures follow `BQAT_THUMBNAILS`."""
    place, info = await services.quick(_visible_place, services.data, path)
    if info.type == fs.FileType.Directory:
        page = await services.quick(_page, place, path, services.settings.root_path)
        return HTMLResponse(page, headers={"Content-Security-Policy": _PAGE_CSP})
    if info.type != fs.FileType.File:
        raise not_found(f"there is no file data/{path}")
    shown = services.settings.thumbnails
    check_shown(shown)
    etag = f'"{info.mtime_ns or 0:x}-{info.size or 0:x}-{shown}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Content-Security-Policy": CSP_NOTHING}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    extension = place.name.rpartition(".")[2].lower()
    if shown == "blurred" or extension in _CONVERTED:
        return await _converted(services, place, path, format, headers)
    media = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    if not media.startswith("image/") or media == "image/svg+xml":
        # Other files are offered for download, so that none is shown as a page of this server.
        media, headers["Content-Disposition"] = "application/octet-stream", "attachment"
    stream = await services.quick(_opened, place, path)  # errors before the first byte become an error answer
    headers["Content-Length"] = str(info.size or 0)
    return StreamingResponse(_blocks(stream), media_type=media, headers=headers)


# Pictures and links of the listing stay on this server; nothing runs.
_PAGE_CSP = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _visible_place(data: Location, path: str) -> tuple[Location, fs.FileInfo]:
    """The place of a path that clients may see, and the facts about the file there.

    Raises
    ------
    HTTPException : 404 for hidden files, and in the same words for anything outside the data root.
    """
    if any(part.startswith(".") for part in path.split("/")):
        raise not_found(f"there is no file data/{path[:300]}")
    with _missing(path), faults_of(path):
        place = resolve_within(data, f"data/{path}")
        return place, place.info()


@contextmanager
def _missing(path: str) -> Iterator[None]:
    """Answer a path that is not allowed like one that does not exist."""
    try:
        yield
    except PathNotAllowedError as error:
        raise not_found(f"there is no file data/{path[:300]}") from error


def _page(place: Location, path: str, root_path: str) -> str:
    """The listing of a folder as a page; every name escaped."""
    rows: list[str] = []
    base = f"{root_path}/warehouse/data/" + "".join(quote(part) + "/" for part in path.split("/") if part)
    with _missing(path), faults_of(path):
        entries = list(place.iterdir())
    for info in entries:
        if info.base_name.startswith("."):
            continue
        if len(rows) >= _LISTED:
            rows.append(f"<li>the first {_LISTED} of them</li>")
            break
        slash = "/" if info.type == fs.FileType.Directory else ""
        target = html.escape(base + quote(info.base_name) + slash, quote=True)
        rows.append(f'<li><a href="{target}">{html.escape(info.base_name)}{slash}</a></li>')
    title = html.escape(f"data/{path}".rstrip("/"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><ul>{''.join(rows) or '<li>empty</li>'}</ul></html>"
    )


def _opened(place: Location, path: str) -> NativeFile:
    with _missing(path), faults_of(path):
        return place.filesystem.open_input_stream(place.path)


def _blocks(stream: NativeFile) -> Iterator[bytes]:
    with stream:
        while block := stream.read(_BLOCK):
            yield bytes(block)


async def _converted(services: ServicesDep, place: Location, path: str, form: str, headers: dict[str, str]) -> Response:
    """A picture in a format that browsers show, blurred with `BQAT_THUMBNAILS=blurred`; 400 for other files."""
    blurred = services.settings.thumbnails == "blurred"
    side = _BLURRED_SIDE if blurred else _CONVERTED_SIDE

    def convert() -> tuple[bytes, str]:
        with _missing(path), faults_of(path):
            content = io.BytesIO(place.read_bytes())
        return thumbnail_bytes(content, side, services.settings.max_pixels, form, blurred=blurred)

    try:
        shown, media = await services.table(convert)
    except PictureError as error:
        raise bad_request(f"not a picture that can be shown: {error}") from error
    return Response(shown, media_type=media, headers=headers)
