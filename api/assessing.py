"""Assessment of one picture while its client waits, for both surfaces of the facade."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

from fastapi import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from api.http.errors import bad_request
from api.http.held_bodies import NoRoomForBodyError
from api.services import Services
from bqat_pipeline.execution.assessment import Assessment, QueueFullError
from bqat_pipeline.requirements import list_rule_sets

# Bytes: each picture is held in memory until it is answered, and there are several at a time.
MAX_PICTURE = 64_000_000


def picture_limit(services: Services) -> int:
    """Largest picture that is assessed while its client waits, in bytes."""
    return min(MAX_PICTURE, int(services.settings.max_file_size))


class AssessmentRoute(APIRoute):
    """A route that takes a picture; without room for it, it refuses before it reads the body or while that arrives."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, whose body counts in ``Services.bodies`` until it is answered."""
        handle = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            services: Services = request.app.state.services
            check_ready(services)
            try:
                with services.bodies.holding(request) as counted:
                    return await handle(counted)
            except NoRoomForBodyError:
                services.metrics.refused_picture()
                raise

        return admitted


def check_ready(services: Services) -> None:
    """Refuse a request before its body is read.

    Raises
    ------
    HTTPException : 503 where single pictures are not assessed, 429 with Retry-After where too many wait.
    """
    if not services.assessor.workers:
        raise HTTPException(
            HTTPStatus.SERVICE_UNAVAILABLE, "single pictures are not assessed by this server (BQAT_ASSESS_WORKERS=0)"
        )
    try:
        services.assessor.check_room()
    except QueueFullError as error:
        raise _busy(services, error) from error


def chosen_rules(services: Services, name: str | None) -> str:
    """The rule set of a request: a shipped name, or the operator's default.

    Raises
    ------
    HTTPException : 400 for another name; paths come from the operator only.
    """
    default = services.settings.requirements
    if name is None or name == default:
        return default
    if name not in list_rule_sets():
        raise bad_request(f"there is no rule set {name[:100]!r}; use one of {', '.join(list_rule_sets())}")
    return name


async def assess(request: Request, services: Services, content: bytes, rules: str) -> Assessment:
    """Assess a picture; one whose client disconnects before its turn is not measured.

    Parameters
    ----------
    request : With its body read to the end: from here on only its disconnection is awaited.

    Raises
    ------
    ClientDisconnect : when the client disconnected before the answer.
    HTTPException : 429 with Retry-After where too many wait.
    """
    found: Assessment = await _answered(request, services, lambda: services.assessor.submit(content, rules))
    services.metrics.picture(str(found.row["status"]), found.seconds)
    return found


async def marks(request: Request, services: Services, content: bytes) -> Any:
    """Landmarks and light zones of a picture (`face.drawing.marks.Marks`), or a sentence that says why there are none.

    Raises
    ------
    ClientDisconnect, HTTPException : as ``assess`` does.
    """
    return await _answered(request, services, lambda: services.assessor.marks(content))


async def computed(request: Request, services: Services, submit: Callable[[], "Future[Any]"]) -> Any:
    """What a worker for single pictures answers to a call, whatever it is.

    Raises
    ------
    ClientDisconnect, HTTPException : as ``assess`` does.
    """
    return await _answered(request, services, submit)


async def _answered(request: Request, services: Services, submit: Callable[[], "Future[Any]"]) -> Any:
    try:
        future = submit()
    except QueueFullError as error:
        raise _busy(services, error) from error
    answer = asyncio.wrap_future(future)
    disconnection = asyncio.ensure_future(_disconnection(request))
    try:
        await asyncio.wait((answer, disconnection), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientDisconnect
    finally:
        disconnection.cancel()
        answer.cancel()  # no effect when it is done
    return answer.result()


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _busy(services: Services, error: QueueFullError) -> HTTPException:
    services.metrics.refused_picture()
    return HTTPException(
        HTTPStatus.TOO_MANY_REQUESTS, str(error), headers={"Retry-After": str(max(1, round(error.retry_after)))}
    )
