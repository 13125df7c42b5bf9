"""Uploaded files, put in place without trusting a single name or number in them."""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from bqat_pipeline.datasets import durable
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.settings import Settings

_BLOCK = 1 << 20
# Folders within folders that an upload may have.
MAX_DEPTH = 12


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Writable(Protocol):
    def write(self, data: bytes, /) -> Any: ...


class UploadError(ValueError):
    """The upload cannot be taken as it is; the message says why."""


class UploadTooLargeError(UploadError):
    """The upload is beyond a limit; the message names limit and setting."""


class NoRoomError(UploadError):
    """The server's disk is full, or does not let it write."""


@dataclass(frozen=True)
class Limits:
    """Limits of one upload.

    Attributes
    ----------
    size : Most bytes, packed and unpacked.
    files : Most files.
    ratio : Largest ratio of unpacked to packed bytes.
    """

    size: int
    files: int
    ratio: float

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(int(settings.max_upload), settings.max_upload_files, settings.max_archive_ratio)


def safe_name(text: str, fallback: str = "upload") -> str:
    """A plain file or folder name made of a client's words: last component, at most 100 characters, never hidden."""
    last = unicodedata.normalize("NFC", text).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    plain = re.sub(r"[^\w.() +-]", "_", last).strip(" .")
    if len(plain) > 100:
        stem, dot, extension = plain.rpartition(".")
        plain = stem[: 99 - len(extension)] + dot + extension if dot and len(extension) < 10 else plain[:100]
    return plain or fallback


def safe_folders(text: str) -> tuple[str, ...]:
    """Folder names of a client's relative path, each made safe, at most `MAX_DEPTH`; `..` leads nowhere."""
    parts = text.replace("\\", "/").split("/")[:-1]
    return tuple(safe_name(part, "folder") for part in parts if part.strip(" ."))[:MAX_DEPTH]


def unused(folder: Location, name: str) -> Location:
    """A place of that name in a folder; when it is taken, with a suffix of four characters."""
    place = folder / name
    while place.exists():
        place = folder / f"{name}_{secrets.token_hex(2)}"
    return place


def claimed(folder: Location, name: str) -> Location:
    """A new folder of that name in a folder, with a suffix when it is taken; on local disk it is made.

    Uploads of one name at the same time get folders of their own. S3 knows no folders that could be made.
    """
    place = unused(folder, name)
    if not place.is_local:
        return place
    place.local.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            place.local.mkdir()
            return place
        except FileExistsError:  # made by another upload meanwhile, or a link that leads nowhere
            place = folder / f"{name}_{secrets.token_hex(2)}"


def write_stream(source: BinaryIO, target: Location, limit: int) -> int:
    """Copy a stream to a file and answer its size; the file appears complete or not at all.

    Raises
    ------
    UploadTooLargeError : beyond `limit` bytes.
    """
    if not target.is_local:
        try:
            with target.filesystem.open_output_stream(target.path) as sink:
                return copy_stream(source, sink, limit)
        except BaseException:
            target.delete()  # closing the stream puts what it got in place
            raise
    with durable.replacement(target.local) as temporary, temporary.open("xb") as sink:
        return copy_stream(source, sink, limit)


def copy_stream(source: _Readable, sink: _Writable, limit: int) -> int:
    """Copy a stream block by block and answer its size.

    Raises
    ------
    UploadTooLargeError : beyond `limit` bytes.
    """
    size = 0
    while block := source.read(_BLOCK):
        size += len(block)
        if size > limit:
            raise UploadTooLargeError(f"the upload is larger than {limit} bytes (BQAT_MAX_UPLOAD)")
        sink.write(block)
    return size
