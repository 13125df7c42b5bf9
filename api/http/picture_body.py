"""One picture in the body of a request, raw or as a multipart part; held in memory only, nothing is written to disk."""

from dataclasses import dataclass, field

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from api.http.disposition import read_disposition
from api.http.errors import bad_request, invalid
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


@dataclass
class _Part:
    """Callbacks of the parser: the first part of the given name is kept, all other parts are ignored."""

    part: str
    limit: int
    content: bytearray = field(default_factory=bytearray)
    name: str = ""
    found: bool = False
    complete: bool = False
    _taken: bool = False
    _header: bytes = b""
    _value: bytes = b""
    _headers: dict[bytes, bytes] = field(default_factory=dict)

    def part_begin(self) -> None:
        self._headers, self._header, self._value = {}, b"", b""

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def headers_finished(self) -> None:
        disposition = read_disposition(self._headers.get(b"content-disposition", b""))
        self._taken = disposition.part == self.part and not self.found
        if self._taken:
            self.found = True
            self.name = safe_name(disposition.filename) if disposition.filename else ""

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._taken:
            self.content += data[start:end]
            _check(len(self.content), self.limit)

    def end(self) -> None:
        self.complete = True


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
    found = _Part(part, limit)
    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": found.part_begin,
                "on_part_data": found.part_data,
                "on_header_field": found.header_field,
                "on_header_value": found.header_value,
                "on_header_end": found.header_end,
                "on_headers_finished": found.headers_finished,
                "on_end": found.end,
            },
        )
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
