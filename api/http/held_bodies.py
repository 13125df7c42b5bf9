"""A limit on the memory of request bodies, from their arrival until the requests are answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message


class NoRoomForBodyError(HTTPException):
    """429 with Retry-After: other requests hold all the memory that bodies may take."""

    def __init__(self, held: int) -> None:
        why = f"pictures of other requests take {held} bytes of memory now (BQAT_ASSESS_MEMORY); try again in a second"
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, why, headers={"Retry-After": "1"})


class HeldBodies:
    """Bytes of request bodies held in memory now.

    A body counts with the bytes that have arrived, not with its Content-Length: a client that announces much and sends
    little shuts nobody out. A single body is always accepted, since its route limits its size.

    Parameters
    ----------
    most : Most bytes of all bodies together.
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
        """The request to read the body from; the bytes that arrive count until the block ends.

        Raises
        ------
        NoRoomForBodyError : at once when the announced length does not fit, else as soon as what arrived does not.
        """
        mine = 0
        announced = request.headers.get("content-length", "")
        if announced.isdigit():
            self._check(int(announced[:20]), 0)

        async def counted() -> Message:
            nonlocal mine
            message = await request.receive()
            arrived = len(message.get("body", b""))
            self._check(arrived, mine)
            mine += arrived
            self._held += arrived
            return message

        try:
            yield Request(request.scope, counted)
        finally:
            self._held -= mine

    def _check(self, more: int, mine: int) -> None:
        if self._held > mine and self._held + more > self._most:
            raise NoRoomForBodyError(self._held)
