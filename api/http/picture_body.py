"""One picture in the body of a request, raw or as a multipart part; held in memory only, nothing is written to disk."""

from dataclasses import dataclass

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from api.http.disposition import Disposition
from api.http.errors import bad_request, invalid
from api.http.parts import Parts
from bqat_pipeline.datasets.uploads import UploadTooLargeError, safe_name

_MULTIPART = b"multipart/form-data"


@dataclass(frozen=True, slots=True)
class ReceivedPicture:
    """A picture as it came.

    Attributes
    ----------
    content : The file's bytes.
    name : The client's name for it, made safe; empty when none is given.
    """

    content: bytes
    name: str


class _OnePart(Parts):
    """The first part of the given name is kept, all others are ignored."""

    def __init__(self, part: str, limit: int) -> None:
        super().__init__()
        self.content = bytearray()
        self.name = ""
        self.found = False
        self._part = part
        self._limit = limit
        self._taken = False

    def begin(self, disposition: Disposition) -> None:
        self._taken = disposition.part == self._part and not self.found
        if self._taken:
            self.found = True
            self.name = safe_name(disposition.filename) if disposition.filename else ""

    def add(self, data: bytes, start: int, end: int) -> None:
        if self._taken:
            self.content += data[start:end]
            _check(len(self.content), self._limit)

    def finish(self) -> None:
        pass


async def receive_picture(request: Request, part: str, limit: int) -> ReceivedPicture:
    """The picture of a request: the part of a multipart body, else the body itself, whatever its type says.

    Parameters
    ----------
    limit : Most bytes of the picture.

    Raises
    ------
    RequestValidationError : when there is no such part.
    UploadTooLargeError : beyond the limit.
    HTTPException : 400 for an empty body, or one that is no well-formed multipart message.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != _MULTIPART:
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            _check(len(content), limit)
        if not content:
            raise bad_request("the body is empty: send the bytes of a picture, or multipart/form-data with a part file")
        return ReceivedPicture(bytes(content), "")
    if not options.get(b"boundary"):
        raise bad_request("the body is not a well-formed multipart message: it names no boundary")
    found = _OnePart(part, limit)
    try:
        parser = found.parser(options[b"boundary"])
        async for chunk in request.stream():
            parser.write(chunk)
    except FormParserError as error:
        raise bad_request(f"the body is not a well-formed multipart message: {error}") from error
    if not found.complete:
        raise bad_request("the multipart message ends too early")
    if not found.found:
        raise invalid(part, f"the body holds no part named {part}")
    return ReceivedPicture(bytes(found.content), found.name)


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise UploadTooLargeError(f"the picture is larger than {limit} bytes")
