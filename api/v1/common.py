"""Shared by the routes below `/v1`: finding a data set, cursors, ETags, documented errors."""

import base64
import binascii
import contextlib
import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.services import ServicesDep
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, UnknownDatasetError
from bqat_pipeline.datasets.keys import is_key

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# Largest row number: beyond it, readers of JSON that hold numbers as doubles are not exact.
MAX_POSITION = 2**53

_PROBLEM = {
    "application/problem+json": {
        "schema": {
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "instance": {"type": "string"},
            },
        },
        "example": {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "there is no data set helen-45a77c3a",
        },
    }
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the errors a route can answer."""
    texts = {
        400: "Bad request",
        404: "Not found",
        409: "Conflict",
        410: "The data set was scanned again since the cursor was made",
        413: "Too large",
        429: "Too many requests wait; see Retry-After",
        422: "A parameter is wrong",
        503: "A part that the route needs cannot be reached or is switched off",
    }
    return {status: {"description": texts[status], "content": _PROBLEM} for status in (*statuses, 422)}


Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description=f"Entries of one page, at most {MAX_LIMIT}.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next` of the page before; all other parameters stay the same.")
]


def find_dataset(store: DatasetStore, dataset: str) -> DatasetRecord:
    """The data set of a key or id.

    Raises
    ------
    UnknownDatasetError : when there is none.
    """
    if is_key(dataset):
        with contextlib.suppress(UnknownDatasetError):
            return store.record(dataset)
    return store.find(dataset)


async def _dataset(
    services: ServicesDep,
    dataset: Annotated[str, Path(max_length=100, description="Key or id of a data set.", examples=["helen-45a77c3a"])],
) -> DatasetRecord:
    return await services.quick(find_dataset, services.store, dataset)


Dataset = Annotated[DatasetRecord, Depends(_dataset)]


def encode_cursor(**position: Any) -> str:
    """A position as opaque text."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, **kinds: type) -> dict[str, Any] | None:
    """Position of a cursor, or None without one.

    Raises
    ------
    HTTPException : 422 when the text is not a cursor with these names and types.
    """
    if cursor is None:
        return None
    with contextlib.suppress(binascii.Error, ValueError, TypeError, RecursionError):
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if set(position) == set(kinds) and all(_fits(position[name], kind) for name, kind in kinds.items()):
            return position
    raise HTTPException(422, "the cursor is not one of this list")


def _fits(value: Any, kind: type) -> bool:
    """Whether a value can be a position: of its kind, and a number within what tables can hold."""
    return type(value) is kind and (not isinstance(value, int) or -1 <= value <= MAX_POSITION)


def decode_row_cursor(cursor: str | None) -> dict[str, Any] | None:
    """Position in the rows of a generation, or None without a cursor; otherwise as ``decode_cursor``."""
    return decode_cursor(cursor, g=str, p=int)


def start_of(position: dict[str, Any] | None, generation: str) -> int | None:
    """The row, or the number of rows to skip, that a row cursor names; None without one.

    Raises
    ------
    HTTPException : 410 for a cursor of an earlier scan, whose rows are numbered differently.
    """
    if position is None:
        return None
    if position["g"] != generation:
        raise HTTPException(410, "the data set was scanned again; start from the first page")
    return int(position["p"])


def etag(*parts: Any) -> str:
    """ETag of an answer that depends on the given values only."""
    return f'"{hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has this version already."""
    given = request.headers.get("if-none-match", "")
    return given == "*" or tag in [part.strip().removeprefix("W/") for part in given.split(",")]


def unchanged(tag: str) -> Response:
    """304 with the ETag."""
    return Response(status_code=304, headers=cache_headers(tag))


def json_answer(request: Request, tag: str, body: Callable[[], Any]) -> Response:
    """The result of ``body`` as JSON with an ETag; 304, without calling it, when the client has this version."""
    return unchanged(tag) if is_known(request, tag) else JSONResponse(body(), headers=cache_headers(tag))


def cache_headers(tag: str) -> dict[str, str]:
    """Headers of an answer about people: only the browser may store it, and must revalidate it each time."""
    return {"ETag": tag, "Cache-Control": "private, no-cache"}
