"""Errors as clients get them: ``{"detail": ...}`` for the BQAT API, RFC 9457 problem details below ``/v1``."""

import errno
import json
import logging
from http import HTTPStatus
from typing import Any

import pyarrow as pa
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from api.tasks.dagster_client import DagsterRefusedError, DagsterUnavailableError
from bqat_pipeline.datasets import DamagedDatasetError, StorageError, UnknownDatasetError
from bqat_pipeline.datasets.conditions import QueryError
from bqat_pipeline.datasets.confinement import PathNotAllowedError
from bqat_pipeline.datasets.listing import SourceUnreadableError
from bqat_pipeline.datasets.stored import SCAN_AGAIN, is_damage
from bqat_pipeline.datasets.uploads import NoRoomError, UploadError, UploadTooLargeError

logger = logging.getLogger("bqat.api")

PROBLEM = "application/problem+json"
_FULL = (errno.ENOSPC, errno.EDQUOT)


class AsciiJSONResponse(JSONResponse):
    """JSON in ASCII: what a client sent can be sent back even where it is not valid Unicode."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def problem(request: Request, status: int, detail: str, **members: Any) -> Response:
    """An error answer in the form that the path's clients expect."""
    return problem_of(request.scope, status, detail, **members)


def problem_of(scope: Scope, status: int, detail: str, **members: Any) -> Response:
    """An error answer for code that has the ASGI scope and no ``Request``."""
    if not is_v1(scope):
        return AsciiJSONResponse({"detail": members.get("errors", detail)}, status)
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    request_id = scope.get("state", {}).get("request_id")
    if request_id:
        body["instance"] = f"urn:uuid:{request_id}"
    return AsciiJSONResponse({**body, **members}, status, media_type=PROBLEM)


def fault(scope: Scope) -> Response:
    """The answer to a request that met a fault of this software; clients of the BQAT API expect it as plain text."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    if is_v1(scope):
        return problem_of(scope, status, "a fault of the server; its log says more under this id")
    return PlainTextResponse(status.phrase, status)


def is_v1(scope: Scope) -> bool:
    """Whether a request is to the API of this project rather than to the BQAT API or a page."""
    return scope["path"].removeprefix(scope.get("root_path", "")).startswith("/v1/")


def not_found(what: str) -> HTTPException:
    """404 that names what is missing."""
    return HTTPException(HTTPStatus.NOT_FOUND, what)


def http_problem(request: Request, error: HTTPException) -> Response:
    """The answer to an error with a status of HTTP."""
    response = problem(request, error.status_code, str(error.detail))
    response.headers.update(error.headers or {})
    return response


def bad_request(why: str) -> HTTPException:
    """400 with a reason."""
    return HTTPException(HTTPStatus.BAD_REQUEST, why)


def invalid(where: str, why: str, value: Any = None) -> RequestValidationError:
    """422 in the form of a schema error, for what a schema cannot check."""
    return RequestValidationError([{"type": "value_error", "loc": ("body", where), "msg": why, "input": value}])


def _validation_errors(error: RequestValidationError) -> list[dict[str, Any]]:
    """Errors without what cannot or must not be sent back (exceptions, bytes, over-long input)."""
    shown = []
    for item in error.errors():
        entry = {key: item[key] for key in ("type", "loc", "msg", "input") if key in item}
        value = entry.get("input")
        if isinstance(value, bytes | bytearray) or len(repr(value)) > 500:
            entry.pop("input")
        shown.append(entry)
    return jsonable_encoder(shown, custom_encoder={float: lambda v: v if v == v and abs(v) != float("inf") else str(v)})


def install(app: FastAPI) -> None:
    """Add handlers for every exception that the routes raise."""

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return http_problem(request, error)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        errors = _validation_errors(error)
        first = errors[0] if errors else {"loc": ("body",), "msg": "invalid"}
        detail = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)

    @app.exception_handler(UnknownDatasetError)
    async def _unknown(request: Request, error: UnknownDatasetError) -> Response:
        return problem(request, HTTPStatus.NOT_FOUND, str(error))

    @app.exception_handler(DamagedDatasetError)
    async def _damaged(request: Request, error: DamagedDatasetError) -> Response:
        logger.error("%s", error)
        return problem(request, HTTPStatus.CONFLICT, f"{error.what} is damaged: {error.remedy}")

    @app.exception_handler(pa.ArrowInvalid)
    async def _damaged_table(request: Request, error: pa.ArrowInvalid) -> Response:
        """A table that was damaged after it had been opened."""
        logger.error("a table of results is damaged: %s", error)
        return problem(request, HTTPStatus.CONFLICT, f"a table of the results is damaged: {SCAN_AGAIN}")

    @app.exception_handler(OSError)
    async def _storage(request: Request, error: OSError) -> Response:
        if is_damage(error):
            logger.error("a file of results is damaged: %s", error)
            return problem(request, HTTPStatus.CONFLICT, f"a file of the results is damaged: {SCAN_AGAIN}")
        logger.warning("the storage refuses: %s", error, exc_info=not isinstance(error, StorageError))
        what = f"{error.what} cannot be {error.verb}" if isinstance(error, StorageError) else "the storage refuses"
        full = error.errno in _FULL
        remedy = "there is no room left for results: make some" if full else "try again in some seconds"
        response = problem(request, HTTPStatus.SERVICE_UNAVAILABLE, f"{what} now; {remedy}")
        response.headers["Retry-After"] = "5"
        return response

    @app.exception_handler(PathNotAllowedError)
    async def _path(request: Request, error: PathNotAllowedError) -> Response:
        return problem(request, HTTPStatus.BAD_REQUEST, str(error))

    @app.exception_handler(SourceUnreadableError)
    async def _source(request: Request, error: SourceUnreadableError) -> Response:
        logger.warning("%s", error)
        return problem(request, HTTPStatus.BAD_REQUEST, "the folder cannot be read by the server; the log says more")

    @app.exception_handler(QueryError)
    async def _query(request: Request, error: QueryError) -> Response:
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    @app.exception_handler(UploadError)
    async def _upload(request: Request, error: UploadError) -> Response:
        status = HTTPStatus.BAD_REQUEST
        if isinstance(error, UploadTooLargeError):
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        elif isinstance(error, NoRoomError):
            logger.error("%s", error)
            status = HTTPStatus.INSUFFICIENT_STORAGE
        return problem(request, status, str(error))

    @app.exception_handler(DagsterUnavailableError)
    async def _unavailable(request: Request, error: DagsterUnavailableError) -> Response:
        logger.warning("%s", error)
        response = problem(request, HTTPStatus.SERVICE_UNAVAILABLE, f"{error}; try again in some seconds")
        response.headers["Retry-After"] = "5"
        return response

    @app.exception_handler(DagsterRefusedError)
    async def _refused(request: Request, error: DagsterRefusedError) -> Response:
        logger.error("Dagster refused: %s", error)
        return problem(request, HTTPStatus.BAD_GATEWAY, "Dagster refused the request; its reason is in the log")
