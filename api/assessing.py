"""One picture at once, for both surfaces of the facade: from the bytes of a request to what the workers found."""

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

# A picture is held in memory from its request to its answer, and several at a time.
MAX_PICTURE = 64_000_000


def picture_limit(services: Services) -> int:
    """Most bytes of a picture that is assessed at once."""
    return min(MAX_PICTURE, int(services.settings.max_file_size))


class AssessmentRoute(APIRoute):
    """A route that takes a picture: refused before its body is read, or while it arrives, where there is no room."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler within the room that is kept for bodies."""
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
    """What the workers found in a picture; a client that goes away before its turn takes none.

    Parameters
    ----------
    request : Read to its end; nothing but the end of the connection comes from it any more.

    Raises
    ------
    ClientDisconnect : when nobody waits for the answer any more.
    HTTPException : 429 with Retry-After where too many wait.
    """
    found: Assessment = await _answered(request, services, lambda: services.assessor.submit(content, rules))
    services.metrics.picture(str(found.row["status"]), found.seconds)
    return found


async def marks(request: Request, services: Services, content: bytes) -> Any:
    """Landmarks and light zones of a picture (`bqat_pipeline.face.marks.Marks`), or a sentence why there are none.

    Raises
    ------
    ClientDisconnect, HTTPException : as ``assess`` does.
    """
    return await _answered(request, services, lambda: services.assessor.marks(content))


async def _answered(request: Request, services: Services, submit: Callable[[], "Future[Any]"]) -> Any:
    try:
        future = submit()
    except QueueFullError as error:
        raise _busy(services, error) from error
    answer = asyncio.wrap_future(future)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientDisconnect
    finally:
        gone.cancel()
        answer.cancel()  # does nothing to one that is there
    return answer.result()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _busy(services: Services, error: QueueFullError) -> HTTPException:
    services.metrics.refused_picture()
    return HTTPException(
        HTTPStatus.TOO_MANY_REQUESTS, str(error), headers={"Retry-After": str(max(1, round(error.retry_after)))}
    )
