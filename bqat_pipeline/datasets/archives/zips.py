"""Files of a zip archive."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

from bqat_pipeline.datasets.archives.member import Member, checked_parts, shown
from bqat_pipeline.datasets.uploads import Limits, UploadError, UploadTooLargeError

# Bytes of an archive's directory per entry: 46 fixed (APPNOTE 4.3.12), name and extra fields at their usual lengths.
_DIRECTORY_BYTES = 1024
_ENCRYPTED = 0x1  # APPNOTE 4.4.4, bit 0
_UTF8 = 0x800  # APPNOTE 4.4.4, bit 11
_UNICODE_PATH = 0x7075  # APPNOTE 4.6.9, Info-ZIP Unicode Path


@contextmanager
def zip_members(stream: BinaryIO, packed: int, limits: Limits) -> Iterator[Iterator[Member]]:
    """The files of a zip archive. Its directory is judged first: what announces too much is refused unpacked.

    Raises
    ------
    UploadTooLargeError : when the directory announces more than the limits.
    UploadError : for what is no honest zip archive.
    """
    _check_directory(stream, packed, limits)
    with zipfile.ZipFile(stream) as archive:
        entries = [entry for entry in archive.infolist() if not entry.filename.endswith(("/", "\\"))]
        members = [_member(archive, entry) for entry in entries]
        wanted = sum(not member.is_side_file for member in members)
        if wanted > limits.files:
            raise UploadTooLargeError(
                f"the archive holds {wanted} files; the limit is {limits.files} files (BQAT_MAX_UPLOAD_FILES)"
            )
        announced = sum(entry.file_size for entry in entries)
        if announced > limits.size:
            raise UploadTooLargeError(
                f"the archive unpacks to {announced} bytes; the limit is {limits.size} (BQAT_MAX_UPLOAD)"
            )
        yield iter(members)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member:
    name, guessed = entry_name(entry)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UploadError(f"the archive holds a symbolic link: {shown(name)}")
    if entry.flag_bits & _ENCRYPTED:
        raise UploadError("the archive is encrypted")
    return Member(checked_parts(name), partial(archive.open, entry), guessed)


def entry_name(entry: zipfile.ZipInfo) -> tuple[str, bool]:
    """Name of an entry, and whether its encoding was guessed.

    Marked as UTF-8, or given in UTF-8 by Info-ZIP's extra field: certain. Valid UTF-8 is taken for it, as macOS writes
    it unmarked. The rest is what the format says of unmarked names: code page 437.
    """
    if entry.flag_bits & _UTF8:
        return entry.orig_filename, False
    raw = entry.orig_filename.encode("cp437")  # as zipfile decoded it
    if (named := _unicode_path(entry.extra, raw)) is not None:
        return named, False
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return entry.orig_filename, True


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in Info-ZIP's extra field, if it belongs to this name: its checksum says so."""
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        body = extra[position + 4 : position + 4 + size]
        if kind == _UNICODE_PATH and len(body) > 5 and body[0] == 1:
            (checksum,) = struct.unpack_from("<L", body, 1)
            try:
                return body[5:].decode("utf-8") if checksum == zlib.crc32(raw) else None
            except UnicodeDecodeError:
                return None
        position += 4 + size
    return None


def _check_directory(stream: BinaryIO, packed: int, limits: Limits) -> None:
    """Refuse a directory of entries that would fill the memory, before zipfile reads it whole."""
    tail = min(packed, 65_557 + 20)  # end record 22 + longest comment 65,535, and the zip64 locator before it
    stream.seek(packed - tail)
    data = stream.read(tail)
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or end + 22 > len(data):
        raise UploadError("not an archive that can be read: neither zip nor tar")
    (size,) = struct.unpack_from("<L", data, end + 12)
    if size == 0xFFFFFFFF and data[end - 20 : end - 16] == b"PK\x06\x07":
        (offset,) = struct.unpack_from("<Q", data, end - 12)
        stream.seek(min(offset, packed))
        record = stream.read(56)
        size = struct.unpack_from("<Q", record, 40)[0] if len(record) == 56 else packed
    stream.seek(0)
    if size > limits.files * _DIRECTORY_BYTES:
        raise UploadTooLargeError(f"the archive holds more than {limits.files} files (BQAT_MAX_UPLOAD_FILES)")
