"""`/info`, `/specification`, `/validate`, `/purge`, `/convert`: about the server itself."""

import base64
import binascii
import io
import json
from functools import cache
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from api.bqat.schemas import ImageRequest
from api.http.access import FacadeAccess
from api.http.errors import bad_request
from api.scan_options import Modality
from api.services import ServicesDep
from api.tasks.deletion import delete_dataset
from bqat_pipeline.columns import EngineName, columns_for
from bqat_pipeline.datasets.survey import survey
from bqat_pipeline.face.picture.thumbnail import PictureError, thumbnail_bytes

router = APIRouter(tags=["server"])

NAME = "bqat-pipeline"
# Longest side of a converted picture, px.
CONVERTED_SIDE = 128
# Most bytes of a key that is compared.
_MAX_KEY = 1024


@cache
def server_version() -> str:
    """Version of this software.

    Looked up once: a search of the installed packages takes a millisecond, and Python remembers what it found for every
    state of every folder on the path, the current one among them.
    """
    try:
        return version(NAME)
    except PackageNotFoundError:
        return "0"


@router.get("/info")
@router.get("/scan/info", summary="Info (older clients)")
async def info() -> dict[str, str]:
    """Name and version of the server."""
    return {"backend": NAME, "version": server_version()}


@router.get("/specification")
async def specification(
    modality: Modality = Modality.FACE, engine: Literal["default", EngineName] = "default"
) -> dict[str, str]:
    """Descriptions of the columns of a profile; none for modalities that are not measured here."""
    if modality is not Modality.FACE:
        return {}
    if engine == "fusion":
        raise bad_request("ask for the engines of a fusion one by one: bqat, ofiq, biqt")
    return columns_for("bqat" if engine == "default" else engine).specification()


@router.post("/validate")
async def validate(request: Request, response: Response, services: ServicesDep) -> bool:
    """Whether a key, sent as plain text or as a JSON string, is the right one; 429 after ten wrong ones in a minute.

    `BQAT_API_KEY`, when it is set, is compared exactly and opens a session; `BQAT_ACCESS_KEY` in any letter case.
    """
    access: FacadeAccess = request.app.state.access
    client = request.client.host if request.client else ""
    if refusal := access.rule.too_many_tries(client):
        raise HTTPException(refusal.status, refusal.reason, dict(refusal.headers))
    text = (await _beginning(request, _MAX_KEY)).decode("utf-8", "replace").strip()
    if text.startswith('"'):
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = text
        text = parsed if isinstance(parsed, str) else text
    key = access.rule.key
    if not key.is_set:
        return key.same(text.casefold(), services.settings.access_key.get_secret_value().casefold(), client)
    right = key.matches(text, client)
    if right:
        access.set_session_cookie(response, secure=request.url.scheme == "https")
    return right


async def _beginning(request: Request, size: int) -> bytes:
    """First bytes of a body; the route needs no key, so the rest of the body is not read."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > size:
            break
    return body[:size]


@router.post("/purge")
async def purge(services: ServicesDep) -> dict[str, str]:
    """Delete all data sets and results, when the operator allows it. Pictures below the data root stay."""
    if not services.settings.allow_purge:
        raise HTTPException(HTTPStatus.FORBIDDEN, "nothing deleted: purging is switched off (BQAT_ALLOW_PURGE)")
    for task in await services.live():
        await services.board.end(task)
    count = 0
    for found in await services.quick(lambda: list(survey(services.store))):
        if found.record is not None:
            await delete_dataset(services, found.record)
        else:
            await services.quick(services.store.delete, found.key)
        count += 1
    for folder in (services.store.uploaded_tables, services.store.uploads):
        await services.quick(folder.delete_dir)
    await services.quick(services.thumbnails.forget)
    return {"message": f"{count} data sets deleted"}


@router.post("/convert")
async def convert(body: ImageRequest, services: ServicesDep) -> str:
    """A small version of a picture as a data URI, at most 128 px a side; blurred or refused by `BQAT_THUMBNAILS`."""
    if services.settings.thumbnails == "none":
        raise HTTPException(HTTPStatus.FORBIDDEN, "pictures are not shown by this server (BQAT_THUMBNAILS=none)")
    blurred = services.settings.thumbnails == "blurred"
    text = body.file.partition(",")[2] if body.file.startswith("data:") else body.file
    try:
        data = base64.b64decode(text, validate=True)
        shown, media = await services.table(
            thumbnail_bytes,
            io.BytesIO(data),
            CONVERTED_SIDE,
            services.settings.max_pixels,
            body.format,
            blurred=blurred,
        )
    except (binascii.Error, PictureError, ValueError) as error:
        raise bad_request(f"not a picture: {error}") from error
    return f"data:{media};base64,{base64.b64encode(shown).decode()}"


@router.get("/favicon.ico", include_in_schema=False)
async def favicon() -> Response:
    """The icon of browser tabs."""
    return Response(_FAVICON, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})


_FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0b5d57"/>'
    '<ellipse cx="8" cy="8" rx="4" ry="5.2" fill="none" stroke="#fff" stroke-width="1.4"/></svg>'
)
