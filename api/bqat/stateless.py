"""`POST /file` and `POST /base64`: one picture while its client waits, answered as the stateless BQAT does."""

import base64
import binascii
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.assessing import AssessmentRoute, assess, chosen_rules, picture_limit
from api.bqat.server import server_version
from api.bqat.wire import profile, wire_columns
from api.http.errors import bad_request
from api.http.json_values import wire_time
from api.http.multipart import upload_body
from api.http.picture_body import receive_picture
from api.services import Services, ServicesDep
from bqat_pipeline.datasets.records import now

router = APIRouter(tags=["one picture"], route_class=AssessmentRoute)

_ENGINE = "bqat"
# Most characters: base64 has four for three bytes of a picture, and may have line breaks.
_MAX_TEXT = 90_000_000


class Base64Picture(BaseModel):
    """A picture as text."""

    model_config = ConfigDict(extra="ignore")

    modality: str = Field("face", max_length=50)
    engine: str = Field(_ENGINE, max_length=50)
    type: str = Field("jpg", pattern=r"^\.?[A-Za-z0-9]{1,8}$", description="Extension of the file, as jpg.")
    data: str = Field(max_length=_MAX_TEXT, description="The file in base64; missing padding is repaired.")
    id: str | int | None = Field(None, description="Name of the picture; made when absent.")
    timestamp: str | None = Field(None, max_length=100)


@router.post("/file", openapi_extra=upload_body("file"), summary="Assess a picture file (stateless)")
async def assess_file(
    request: Request,
    services: ServicesDep,
    modality: Annotated[str, Query(max_length=50)] = "face",
    engine: Annotated[str, Query(max_length=50)] = _ENGINE,
) -> dict[str, Any]:
    """Record of the picture in the part `file`; nothing of it is kept."""
    _check(modality, engine)
    picture = await receive_picture(request, "file", picture_limit(services))
    return await _answer(request, services, picture.content, picture.name)


@router.post("/base64", summary="Assess a picture in base64 (stateless)")
async def assess_base64(
    request: Request, services: ServicesDep, body: Base64Picture, urlsafe: bool = True
) -> dict[str, Any]:
    """Record of a picture in base64; nothing of it is kept."""
    _check(body.modality, body.engine)
    content = _decoded(body.data, urlsafe=urlsafe)
    if len(content) > picture_limit(services):
        raise bad_request(f"the picture is larger than {picture_limit(services)} bytes")
    name = str(body.id) if body.id is not None else str(uuid4())
    answer = await _answer(request, services, content, f"{name}.{body.type.lstrip('.')}")
    return answer | {"modality": body.modality, "id": name, "timestamp": body.timestamp or wire_time(now())}


def _check(modality: str, engine: str) -> None:
    if modality != "face":
        raise bad_request(f"modality {modality!r} is not assessed by this server; it assesses face")
    if engine not in (_ENGINE, "default"):
        raise bad_request(f"engine {engine!r} does not assess single pictures; use {_ENGINE}")


async def _answer(request: Request, services: Services, content: bytes, name: str) -> dict[str, Any]:
    found = await assess(request, services, content, chosen_rules(services, None))
    lower = services.settings.wire_pose == "lower"
    record = profile(found.row | {"file": name}, wire_columns(_ENGINE, None), lower_pose=lower)
    return {"results": record, "engine": _ENGINE, "version": server_version()}


def _decoded(text: str, *, urlsafe: bool) -> bytes:
    """The bytes of base64, with or without padding and line breaks, also as a data URI.

    Raises
    ------
    HTTPException : 400.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    compact = "".join(text.split()).rstrip("=")
    if urlsafe:
        compact = compact.replace("+", "-").replace("/", "_")
    try:
        content = base64.b64decode(compact + "=" * (-len(compact) % 4), b"-_" if urlsafe else None, validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_request(f"failed to decode base64 data: {error}") from error
    if not content:
        raise bad_request("failed to decode base64 data: there is none")
    return content
