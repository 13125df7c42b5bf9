"""`/v1/datasets/{dataset}/profiles/{row}/marks`: landmarks and light zones, measured again, since rows hold none."""

import hashlib
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.assessing import check_ready, marks
from api.http.errors import not_found
from api.services import Services, ServicesDep
from api.v1.common import Dataset, cache_headers, is_known, problems, unchanged
from api.v1.profiles import Row, picture_row
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.datasets.pictures import open_picture

router = APIRouter(prefix="/v1/datasets/{dataset}/profiles", tags=["profiles"])


class FaceMarks(BaseModel):
    """Landmarks and light zones in px of the upright picture."""

    width: int
    height: int
    points: list[tuple[float, float]] = Field(description="The 478 landmarks; 468 to 477 are the irises.")
    zones: list[list[tuple[float, float]]] = Field(
        description="Corners of the areas whose light is compared: forehead, cheek on the image left, cheek on the "
        "image right, chin; empty when a cheek lies too close to the edge."
    )


@router.get("/{row}/marks", responses=problems(404, 429, 503), response_model=FaceMarks)
async def face_marks(record: Dataset, row: Row, services: ServicesDep, request: Request) -> Response:
    """Landmarks and light zones of the main face, measured again; 404 where faces are hidden or blurred."""
    if services.settings.thumbnails == "blurred":
        raise not_found("landmarks are not shown where faces are blurred (BQAT_THUMBNAILS=blurred)")
    facts, tag = await services.picture(picture_row, services, record, row, request, 0)
    if is_known(request, tag):
        return unchanged(tag)
    check_ready(services)
    content = await services.picture(_content, services, record, facts)
    found = await marks(request, services, content)
    if isinstance(found, str):
        raise not_found(f"there are no landmarks: {found}")
    body = {"width": found.width, "height": found.height, "points": found.points, "zones": found.zones}
    return JSONResponse(body, headers=cache_headers(tag))


def _content(services: Services, record: DatasetRecord, facts: Any) -> bytes:
    try:
        content = open_picture(record, facts["file"], int(services.settings.max_file_size))
    except OSError as error:
        raise not_found("the picture is not there any more") from error
    if facts.get("sha256") and hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise not_found("the picture was changed after the scan; scan again to see its landmarks")
    return content
