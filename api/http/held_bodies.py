"""How much of the bodies of requests is held in memory at once, while they arrive and until they are answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message


class NoRoomForBodyError(HTTPException):
    """429 with Retry-After: the bodies of other requests take all the memory that bodies may take."""

    def __init__(self, held: int) -> None:
        why = f"pictures of other requests take {held} bytes of memory now (BQAT_ASSESS_MEMORY); try again in a second"
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, why, headers={"Retry-After": "1"})


class HeldBodies:
    """Bytes of bodies that are held now.

    A body counts as it arrives, not as it is announced: who announces much and sends little keeps nobody out. One body
    alone is always taken, since the limits of its route bound it.

    Parameters
    ----------
    most : Bytes of all together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held

    @contextmanager
    def holding(self, request: Request) -> Iterator[Request]:
        """The request to read the body from; what has come of it counts until the block ends.

        Raises
        ------
        NoRoomForBodyError : at once where the announced body cannot fit, else as soon as what came does not.
        """
        mine = 0
        announced = request.headers.get("content-length", "")
        if announced.isdigit():
            self._check(int(announced[:20]), 0)

        async def counted() -> Message:
            nonlocal mine
            message = await request.receive()
            came = len(message.get("body", b""))
            self._check(came, mine)
            mine += came
            self._held += came
            return message

        try:
            yield Request(request.scope, counted)
        finally:
            self._held -= mine

    def _check(self, more: int, mine: int) -> None:
        if self._held > mine and self._held + more > self._most:
            raise NoRoomForBodyError(self._held)
