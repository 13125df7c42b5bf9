"""`POST /v1/assess`: one picture measured and judged while its client waits, without a data set; nothing is kept."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.assessing import AssessmentRoute, assess, chosen_rules, picture_limit
from api.http.errors import bad_request
from api.http.json_values import json_value
from api.http.picture_body import receive_picture
from api.pictures import chosen_columns
from api.services import ServicesDep
from api.v1.common import problems
from api.v1.overlay import marks_svg
from bqat_pipeline.datasets.conditions import QueryError
from bqat_pipeline.requirements import Recognition, RequirementOutcome

router = APIRouter(prefix="/v1", tags=["assess"], route_class=AssessmentRoute)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
PICTURE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": _BINARY,
            "image/png": _BINARY,
            "application/octet-stream": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


class AssessedPicture(BaseModel):
    """Measures, outcomes and verdict of one picture."""

    file: str | None = Field(description="The client's name of the file; null when none was sent.")
    status: str = Field(description="`ok`, or why the picture could not be measured.")
    verdict: str = Field(description="pass, borderline, fail or not_assessed")
    reasons: list[str] = Field(description="What to change, most important first; or why nothing could be measured.")
    rules: str = Field(description="Rule set that the picture was judged by.")
    requirements: list[RequirementOutcome]
    recognition: Recognition = Field(description="The second verdict: whether recognition will work with the picture.")
    row: dict[str, Any] = Field(
        description="Every column of a face profile but those that show the person, or those of `fields`."
    )
    overlay: str | None = Field(None, description="SVG in the frame of the upright picture (px), with `overlay=svg`.")
    engine_ms: float = Field(description="Time that the measurement took, ms.")


@router.post(
    "/assess", responses=problems(400, 413, 429, 503), response_model=AssessedPicture, openapi_extra=PICTURE_BODY
)
async def assess_picture(
    request: Request,
    services: ServicesDep,
    requirements: Annotated[
        str | None, Query(max_length=200, description="Rule set; default: the server's.", examples=["icao-tr-portrait"])
    ] = None,
    fields: Annotated[
        str | None,
        Query(
            max_length=8000,
            description="Columns of `row`, separated by commas; `*`: all but those that show the person.",
        ),
    ] = None,
    overlay: Annotated[
        Literal["svg"] | None, Query(description="Also draw boxes of face and head, and pupils.")
    ] = None,
) -> JSONResponse:
    """Measure and judge the picture in the body (raw, or a multipart part `file`); a broken one gets a reason."""
    rules = chosen_rules(services, requirements)
    picture = await receive_picture(request, "file", picture_limit(services))
    found = await assess(request, services, picture.content, rules)
    row = found.row | {"file": picture.name or None, "file_size": len(picture.content)}
    try:
        columns = chosen_columns(fields or "*", list(row), services.settings.thumbnails)
    except QueryError as error:
        raise bad_request(str(error)) from error
    reasons = list(found.reasons)
    if found.verdict == "not_assessed" and row.get("reason"):
        reasons = [str(row["reason"]), *reasons]
    body = {
        "file": row["file"],
        "status": row["status"],
        "verdict": found.verdict,
        "reasons": reasons,
        "rules": rules,
        "requirements": [json_value(asdict(outcome)) for outcome in found.requirements],
        "recognition": json_value(asdict(found.recognition)),
        "row": json_value({name: row[name] for name in columns}),
        "overlay": marks_svg(row) if overlay else None,
        "engine_ms": round(1000 * found.seconds, 1),
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})
