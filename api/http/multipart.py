"""Multipart uploads, written to disk as they arrive: neither their size nor their number takes memory or open files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import anyio.to_thread
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from api.http.disposition import Disposition
from api.http.errors import bad_request, invalid
from api.http.parts import Parts
from bqat_pipeline.datasets.listing import EXTENSIONS
from bqat_pipeline.datasets.passed_over import HEAD, picture_extension
from bqat_pipeline.datasets.uploads import Limits, NoRoomError, UploadTooLargeError, safe_folders, safe_name

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
    name : The client's name for it, made safe, and unlike that of any other file of the upload.
    size : Bytes.
    plain : The name before it was made unlike others.
    folders : Folders that the client's name for it leads through, made safe.
    """

    path: Path
    name: str
    size: int
    plain: str
    folders: tuple[str, ...] = ()


class _Writer(Parts):
    """Parts of the wanted name become files, fields of other names are skipped."""

    def __init__(self, folder: Path, part: str, limits: Limits, pictures: bool) -> None:
        super().__init__()
        self.files: list[ReceivedFile] = []
        self._folder = folder
        self._part = part
        self._limits = limits
        self._pictures = pictures
        self._taken: set[str] = set()
        self._sink: BinaryIO | None = None
        self._path: Path | None = None
        self._given = ""
        self._head = b""
        self._size = 0
        self._total = 0

    def begin(self, disposition: Disposition) -> None:
        if disposition.part not in (self._part, f"{self._part}[]"):
            if disposition.filename:
                raise invalid(
                    self._part,
                    f"the file {disposition.filename[:200]!r} came in a part named {disposition.part[:100]!r}; "
                    f"name the part {self._part}",
                )
            return
        self._given = disposition.filename or ""
        self._head, self._size = b"", 0
        self._path = self._folder / f".{len(self.files)}.part"
        self._sink = self._path.open("xb")

    def add(self, data: bytes, start: int, end: int) -> None:
        if self._sink is None:
            return
        if self._size < HEAD:
            self._head += data[start : min(end, start + HEAD - self._size)]
        self._size += end - start
        self._total += end - start
        if self._total > self._limits.size:
            most = self._limits.size
            raise UploadTooLargeError(
                f"the upload is larger than {most} bytes (BQAT_MAX_UPLOAD); it was refused at {self._shown}"
            )
        self._sink.write(data[start:end])

    def finish(self) -> None:
        if self._sink is None or self._path is None:
            return
        self._sink.close()
        self._sink = None
        if not self._size and not self._given:  # an empty field of a form: no file was chosen
            self._path.unlink()
            return
        if len(self.files) >= self._limits.files:
            raise UploadTooLargeError(
                f"{self._shown} is one file too many: the limit is {self._limits.files} (BQAT_MAX_UPLOAD_FILES)"
            )
        name = safe_name(self._given)
        plain = _with_extension(name, self._head) if self._pictures else name
        place = self._folder / self._unused(plain)
        self._path.rename(place)
        self.files.append(ReceivedFile(place, place.name, self._size, plain, safe_folders(self._given)))

    def close(self) -> None:
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    @property
    def _shown(self) -> str:
        return repr(self._given[:200]) if self._given else f"file {len(self.files) + 1}, which has no name"

    def _unused(self, name: str) -> str:
        """The name, with a number when this upload has used it before."""
        stem, dot, extension = name.rpartition(".")
        candidate, number = name, 1
        while candidate.lower() in self._taken:
            number += 1
            candidate = f"{stem}_{number}{dot}{extension}" if stem else f"{name}_{number}"
        self._taken.add(candidate.lower())
        return candidate


def _with_extension(name: str, head: bytes) -> str:
    """The name, with the extension of the content where it has none that says what it is."""
    if name.rpartition(".")[2].lower() in EXTENSIONS and "." in name:
        return name
    extension = picture_extension(head)
    return f"{name}.{extension}" if extension else name


async def receive_files(
    request: Request, folder: Path, part: str, limits: Limits, *, pictures: bool = False
) -> list[ReceivedFile]:
    """Files of the multipart parts of a name, in their order, written below a folder. The caller removes the folder.

    Every part of the name (or `name[]`) is a file, whatever it is called, and if it is called anything at all.

    Parameters
    ----------
    pictures : Whether files whose names do not say what they are get the extension of the picture in them.

    Raises
    ------
    RequestValidationError : when there is no such part, or a file came in a part of another name.
    UploadTooLargeError : beyond a limit.
    NoRoomError : when it cannot be written.
    HTTPException : 400 when the body is not a well-formed multipart message.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise invalid(part, "send a multipart/form-data body with this part")
    writer = _Writer(folder, part, limits, pictures)
    try:
        parser = writer.parser(options[b"boundary"])
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
        raise NoRoomError(f"the upload cannot be written to disk: {error.strerror or error}") from error
    finally:
        writer.close()
    if not writer.complete:
        raise bad_request("the multipart message ends too early")
    if not writer.files:
        raise invalid(part, f"the body holds no file named {part}")
    return writer.files
