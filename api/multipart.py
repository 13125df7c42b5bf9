"""Multipart uploads, written to disk as they arrive: neither their size nor their number takes memory or open files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import anyio.to_thread
from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from api.errors import bad_request, invalid
from bqat_pipeline.datasets.uploads import Limits, UploadError, UploadTooLargeError, safe_name

# Bytes handed to the parser at a time.
_BLOCK = 1 << 20
_FILE = {"type": "string", "format": "binary"}


def upload_body(part: str, several: bool = False) -> dict[str, Any]:
    """What the API specification says of a request that uploads files: its parts are read here, not by FastAPI.

    Parameters
    ----------
    part : Name of the parts that are files.
    several : Whether there may be more than one.
    """
    properties = {part: {"type": "array", "items": _FILE} if several else _FILE}
    schema = {"type": "object", "required": [part], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """One uploaded file.

    Attributes
    ----------
    path : Where it lies.
    name : The client's name for it, made safe.
    size : Bytes.
    """

    path: Path
    name: str
    size: int


@dataclass
class _Writer:
    """Callbacks of the parser: parts of the wanted name become files, others are skipped."""

    folder: Path
    part: str
    limits: Limits
    files: list[ReceivedFile] = field(default_factory=list)
    complete: bool = False
    _taken: set[str] = field(default_factory=set)
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _header: bytes = b""
    _value: bytes = b""
    _sink: BinaryIO | None = None
    _path: Path | None = None
    _size: int = 0
    _total: int = 0

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
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name", b"").decode("utf-8", "replace") != self.part or b"filename" not in options:
            return
        if len(self.files) >= self.limits.files:
            raise UploadTooLargeError(f"more than {self.limits.files} files in one upload (BQAT_MAX_UPLOAD_FILES)")
        name = self._unused(safe_name(options[b"filename"].decode("utf-8", "replace")))
        self._path, self._size = self.folder / name, 0
        self._sink = self._path.open("xb")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._sink is None:
            return
        self._size += end - start
        self._total += end - start
        if self._total > self.limits.size:
            raise UploadTooLargeError(f"the upload is larger than {self.limits.size} bytes (BQAT_MAX_UPLOAD)")
        self._sink.write(data[start:end])

    def part_end(self) -> None:
        if self._sink is not None and self._path is not None:
            self._sink.close()
            self._sink = None
            self.files.append(ReceivedFile(self._path, self._path.name, self._size))

    def end(self) -> None:
        self.complete = True

    def close(self) -> None:
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def _unused(self, name: str) -> str:
        """The name, with a number when this upload has used it before."""
        stem, dot, extension = name.rpartition(".")
        candidate, number = name, 1
        while candidate.lower() in self._taken:
            number += 1
            candidate = f"{stem}_{number}{dot}{extension}" if stem else f"{name}_{number}"
        self._taken.add(candidate.lower())
        return candidate


async def receive_files(request: Request, folder: Path, part: str, limits: Limits) -> list[ReceivedFile]:
    """Files of the multipart parts of a name, in their order, written below a folder. The caller removes the folder.

    Raises
    ------
    RequestValidationError : when there is no such part.
    UploadTooLargeError : beyond a limit.
    HTTPException : 400 when the body is not a well-formed multipart message.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise invalid(part, "send a multipart/form-data body with this part")
    writer = _Writer(folder, part, limits)
    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": writer.part_begin,
                "on_part_data": writer.part_data,
                "on_part_end": writer.part_end,
                "on_header_field": writer.header_field,
                "on_header_value": writer.header_value,
                "on_header_end": writer.header_end,
                "on_headers_finished": writer.headers_finished,
                "on_end": writer.end,
            },
        )
        waiting = bytearray()
        async for chunk in request.stream():
            waiting += chunk
            if len(waiting) >= _BLOCK:
                await anyio.to_thread.run_sync(parser.write, bytes(waiting))
                waiting.clear()
        await anyio.to_thread.run_sync(parser.write, bytes(waiting))
    except FormParserError as error:
        raise bad_request(f"the body is not a well-formed multipart message: {error}") from error
    except OSError as error:
        raise UploadError("the upload cannot be written to disk") from error
    finally:
        writer.close()
    if not writer.complete:
        raise bad_request("the multipart message ends too early")
    if not writer.files:
        raise invalid(part, f"the body holds no file named {part}")
    return writer.files
