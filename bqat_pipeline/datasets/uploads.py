"""Uploaded files and zip archives, put below the data root without trusting a single name or number in them."""

import re
import secrets
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from bqat_pipeline.datasets import durable
from bqat_pipeline.datasets.confinement import PathNotAllowedError, clean_parts
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.settings import Settings

_BLOCK = 1 << 20
# Below this many unpacked bytes a large ratio is harmless, and usual for plain bitmaps.
_RATIO_FLOOR = 50_000_000
# Bytes of an archive's directory per entry: 46 fixed (APPNOTE 4.3.12), name and extra fields at their usual lengths.
_DIRECTORY_BYTES = 1024
_SIDE_FILES = {"thumbs.db", "desktop.ini"}
_ENCRYPTED = 0x1  # APPNOTE 4.4.4, bit 0


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Writable(Protocol):
    def write(self, data: bytes, /) -> Any: ...


class UploadError(ValueError):
    """The upload cannot be taken as it is; the message says why."""


class UploadTooLargeError(UploadError):
    """The upload is beyond a limit; the message names limit and setting."""


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


@dataclass(frozen=True)
class Unpacked:
    """What became of an archive.

    Attributes
    ----------
    folder : Where its files are.
    files : Number of files.
    size : Bytes of the files.
    ignored : Side files of other systems that were left out.
    """

    folder: Location
    files: int
    size: int
    ignored: int


def safe_name(text: str, fallback: str = "upload") -> str:
    """A plain file or folder name made of a client's words: last component, at most 100 characters, never hidden."""
    last = unicodedata.normalize("NFC", text).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    plain = re.sub(r"[^\w.() +-]", "_", last).strip(" .")
    if len(plain) > 100:
        stem, dot, extension = plain.rpartition(".")
        plain = stem[: 99 - len(extension)] + dot + extension if dot and len(extension) < 10 else plain[:100]
    return plain or fallback


def unused(folder: Location, name: str) -> Location:
    """A place of that name in a folder; when it is taken, with a suffix of four characters."""
    place = folder / name
    while place.exists():
        place = folder / f"{name}_{secrets.token_hex(2)}"
    return place


def write_stream(source: BinaryIO, target: Location, limit: int) -> int:
    """Copy a stream to a file and answer its size; the file appears whole or not at all.

    Raises
    ------
    UploadTooLargeError : beyond `limit` bytes.
    """
    if not target.is_local:
        try:
            with target.filesystem.open_output_stream(target.path) as sink:
                return _copy(source, sink, limit)
        except BaseException:
            target.delete()  # closing the stream puts what it got in place
            raise
    with durable.replacement(target.local) as temporary, temporary.open("xb") as sink:
        return _copy(source, sink, limit)


def unpack_zip(archive: Path | BinaryIO, uploads: Location, name: str, limits: Limits) -> Unpacked:
    """The files of a zip archive in a new folder below `uploads`, which appears only when all of them are there.

    Parameters
    ----------
    archive : The archive on local disk, or an open file.
    uploads : Folder that the new folder is made in.
    name : The client's name for the archive; the folder gets what stands before its first dot.
    limits : Beyond them nothing is kept.

    Raises
    ------
    UploadTooLargeError : when size, number of files or ratio is beyond its limit.
    UploadError : for anything that is not a readable, honest zip archive.
    """
    with _opened(archive) as stream:
        packed = _length(stream)
        _check_directory(stream, packed, limits)
        target = unused(uploads, safe_name(safe_name(name).split(".", 1)[0]))
        workplace = uploads / f".unpacking-{secrets.token_hex(4)}" if uploads.is_local else target
        try:
            with zipfile.ZipFile(stream) as opened:
                files, size, ignored = _extract(opened, workplace, packed, limits)
            if not files:
                raise UploadError("the archive holds no files")
            if uploads.is_local:
                durable.move_folder(workplace.local, target.local)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError) as error:
            _remove(workplace)
            raise UploadError(f"the archive cannot be read: {error}") from error
        except BaseException:
            _remove(workplace)
            raise
    return Unpacked(target, files, size, ignored)


def _extract(archive: zipfile.ZipFile, target: Location, packed: int, limits: Limits) -> tuple[int, int, int]:
    files = size = ignored = 0
    allowed = min(limits.size, max(_RATIO_FLOOR, int(packed * limits.ratio)))
    seen: set[str] = set()
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        parts = _entry_parts(entry)
        if _is_side_file(parts):
            ignored += 1
            continue
        path = "/".join(parts)
        if path in seen:
            raise UploadError(f"the archive holds {path!r} twice")
        seen.add(path)
        files += 1
        if files > limits.files:
            raise UploadTooLargeError(f"the archive holds more than {limits.files} files (BQAT_MAX_UPLOAD_FILES)")
        place = target / path
        with archive.open(entry) as source:
            size += _write_entry(source, place, allowed - size, packed, limits)
    return files, size, ignored


def _write_entry(source: _Readable, place: Location, allowed: int, packed: int, limits: Limits) -> int:
    try:
        if place.is_local:
            place.local.parent.mkdir(parents=True, exist_ok=True)
            with place.local.open("xb") as sink:
                return _copy(source, sink, allowed)
        with place.filesystem.open_output_stream(place.path) as sink:
            return _copy(source, sink, allowed)
    except UploadTooLargeError as error:
        raise UploadTooLargeError(
            f"the archive of {packed} bytes unpacks to more than {limits.size} bytes (BQAT_MAX_UPLOAD) "
            f"or {limits.ratio:g} times its size (BQAT_MAX_ARCHIVE_RATIO)"
        ) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UploadError(f"the archive uses {place.name!r} both as file and as folder") from error


def _entry_parts(entry: zipfile.ZipInfo) -> list[str]:
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UploadError(f"the archive holds a symbolic link: {entry.filename!r}")
    if entry.flag_bits & _ENCRYPTED:
        raise UploadError("the archive is encrypted")
    try:
        parts = clean_parts(entry.filename)
    except PathNotAllowedError as error:
        raise UploadError(f"the archive holds a name that is not allowed: {entry.filename!r}") from error
    if not parts or any(len(part.encode()) > 255 for part in parts):
        raise UploadError(f"the archive holds a name that is not allowed: {entry.filename[:300]!r}")
    return parts


def _is_side_file(parts: list[str]) -> bool:
    return parts[0] == "__MACOSX" or any(p.startswith(".") for p in parts) or parts[-1].lower() in _SIDE_FILES


def _check_directory(stream: BinaryIO, packed: int, limits: Limits) -> None:
    """Refuse a directory of entries that would fill the memory, before zipfile reads it whole."""
    if packed > limits.size:
        raise UploadTooLargeError(f"the upload has {packed} bytes; the limit is {limits.size} (BQAT_MAX_UPLOAD)")
    tail = min(packed, 65_557 + 20)  # end record 22 + longest comment 65,535, and the zip64 locator before it
    stream.seek(packed - tail)
    data = stream.read(tail)
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or end + 22 > len(data):
        raise UploadError("the upload is not a zip archive")
    (size,) = struct.unpack_from("<L", data, end + 12)
    if size == 0xFFFFFFFF and data[end - 20 : end - 16] == b"PK\x06\x07":
        (offset,) = struct.unpack_from("<Q", data, end - 12)
        stream.seek(min(offset, packed))
        record = stream.read(56)
        size = struct.unpack_from("<Q", record, 40)[0] if len(record) == 56 else packed
    stream.seek(0)
    if size > limits.files * _DIRECTORY_BYTES:
        raise UploadTooLargeError(f"the archive holds more than {limits.files} files (BQAT_MAX_UPLOAD_FILES)")


@contextmanager
def _opened(archive: Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(archive, Path):
        with archive.open("rb") as stream:
            yield stream
    else:
        yield archive


def _length(stream: BinaryIO) -> int:
    return stream.seek(0, 2)


def _copy(source: _Readable, sink: _Writable, limit: int) -> int:
    size = 0
    while block := source.read(_BLOCK):
        size += len(block)
        if size > limit:
            raise UploadTooLargeError(f"the upload is larger than {limit} bytes (BQAT_MAX_UPLOAD)")
        sink.write(block)
    return size


def _remove(folder: Location) -> None:
    if folder.is_local:
        shutil.rmtree(folder.local, ignore_errors=True)
    else:
        folder.delete_dir()
