"""Unpacking of an archive into a folder: completely and confined to it, or not at all."""

import errno
import lzma
import os
import secrets
import shutil
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from bqat_pipeline.datasets import durable
from bqat_pipeline.datasets.archive_names import ARCHIVES
from bqat_pipeline.datasets.archives.member import Member, Readable, shown
from bqat_pipeline.datasets.archives.tars import is_tar, tar_members
from bqat_pipeline.datasets.archives.zips import zip_members
from bqat_pipeline.datasets.confinement import MAX_PATH_BYTES
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.listing import EXTENSIONS
from bqat_pipeline.datasets.uploads import (
    Limits,
    NoRoomError,
    UploadError,
    UploadTooLargeError,
    claimed,
    copy_stream,
    safe_name,
    unused,
)

# Known by their first bytes, and named in the refusal.
_OTHER_FORMATS = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard"}
_ZIP = b"PK\x03\x04"
_NESTED = {name.rpartition(".")[2] for name in ARCHIVES} | {"7z", "rar", "zst", "gz"}
# Below this many unpacked bytes a large ratio is harmless, and usual for plain bitmaps.
_RATIO_FLOOR = 50_000_000
# Longest name of the folder that an archive becomes, with what is added to it.
_FOLDER_BYTES = 420
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # zipfile, of a compression or a version that it does not know
    UnicodeError,
)


@dataclass(frozen=True)
class Unpacked:
    """What became of an archive.

    Attributes
    ----------
    folder : Where its files are.
    files : Number of files.
    size : Bytes of the files.
    ignored : Side files of other systems that were left out.
    notes : What its sender should know, in sentences.
    """

    folder: Location
    files: int
    size: int
    ignored: int
    notes: tuple[str, ...] = ()


def is_archive(path: Path) -> bool:
    """Whether a file begins as an archive does, readable here or not."""
    with path.open("rb") as stream:
        head = stream.read(512)
    return head.startswith((_ZIP, *_OTHER_FORMATS)) or is_tar(head)


def unpack(archive: Path | BinaryIO, uploads: Location, name: str, limits: Limits) -> Unpacked:
    """The files of a zip or tar archive in a new folder below `uploads`, which appears only when all of them are there.

    Parameters
    ----------
    archive : The archive on local disk, or an open file.
    uploads : Folder that the new folder is made in.
    name : The client's name for the archive; the folder gets what stands before its first dot.
    limits : Beyond them nothing is kept.

    Raises
    ------
    UploadTooLargeError : when size, number of files or ratio is beyond its limit.
    NoRoomError : when the disk is full.
    UploadError : for anything that is not a readable, honest archive with pictures in it.
    """
    with _opened(archive) as stream:
        packed = stream.seek(0, 2)
        if packed > limits.size:
            raise UploadTooLargeError(f"the upload has {packed} bytes; the limit is {limits.size} (BQAT_MAX_UPLOAD)")
        folder = safe_name(safe_name(name).split(".", 1)[0])
        target = unused(uploads, folder)
        workplace = uploads / f".unpacking-{secrets.token_hex(4)}" if uploads.is_local else target
        try:
            with _members(stream, packed, limits) as members:
                content = _extract(members, workplace, packed, limits)
            content.check()
            if uploads.is_local:
                target = _moved(workplace, uploads, folder)
        except BaseException as error:
            _remove(workplace)
            refusal = _refusal(error)
            if refusal is None:
                raise
            raise type(refusal)(f"{safe_name(name)}: {refusal}") from error
    return Unpacked(target, content.files, content.size, content.ignored, tuple(content.notes()))


def _moved(workplace: Location, uploads: Location, name: str) -> Location:
    """Where the complete folder was put: another upload may have taken the name that was free when this one began."""
    target = claimed(uploads, name)
    try:
        durable.move_folder(workplace.local, target.local)  # in place of the empty one
    except OSError:
        _remove(target)  # also where it has its name, but not durably
        raise
    return target


def _members(stream: BinaryIO, packed: int, limits: Limits) -> AbstractContextManager[Iterator[Member]]:
    stream.seek(0)
    head = stream.read(512)
    for magic, form in _OTHER_FORMATS.items():
        if head.startswith(magic):
            raise UploadError(f"{form} archives are not read; send a zip or tar archive")
    if is_tar(head):
        return tar_members(stream, _allowed(packed, limits), limits)
    return zip_members(stream, packed, limits)


def _allowed(packed: int, limits: Limits) -> int:
    """Most bytes that an archive of a size may unpack to."""
    return min(limits.size, max(_RATIO_FLOOR, int(packed * limits.ratio)))


@dataclass
class _Content:
    """What an archive turned out to hold."""

    files: int = 0
    size: int = 0
    ignored: int = 0
    guessed: int = 0
    a_guessed_name: str = ""
    kinds: Counter[str] = field(default_factory=Counter)  # by extension

    def add(self, member: Member) -> None:
        """Count a file that is kept."""
        self.files += 1
        self.guessed += member.guessed
        if member.guessed and not self.a_guessed_name:
            self.a_guessed_name = "/".join(member.parts)
        stem, dot, extension = member.parts[-1].rpartition(".")
        self.kinds[extension.lower()[:20] if stem and dot else ""] += 1

    def check(self) -> None:
        """Refuse an archive that nothing would come of.

        Raises
        ------
        UploadError : that says what it holds.
        """
        if not self.files:
            raise UploadError("the archive holds no files")
        if any(kind in EXTENSIONS for kind in self.kinds):
            return
        held = ", ".join(f"{n} {f'.{kind}' if kind else 'without extension'}" for kind, n in self.kinds.most_common(5))
        reason = f"the archive holds no pictures, but {_files(self.files)}: {held}"
        if self._nested():
            reason += ". Archives in archives are not unpacked: put the pictures themselves into one archive"
        raise UploadError(reason)

    def notes(self) -> Iterator[str]:
        """What the sender should know."""
        if self.guessed:
            yield (
                f"the names of {_files(self.guessed)} are not marked as UTF-8 and were read in code page 437, "
                f"for example {shown(self.a_guessed_name)}"
            )
        if self._nested():
            yield f"{_files(self._nested())} in the archive are archives themselves and were not unpacked"

    def _nested(self) -> int:
        return sum(count for kind, count in self.kinds.items() if kind in _NESTED)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _extract(members: Iterator[Member], target: Location, packed: int, limits: Limits) -> _Content:
    content = _Content()
    allowed = _allowed(packed, limits)
    room = MAX_PATH_BYTES - len(os.fsencode(target.parent.path)) - _FOLDER_BYTES
    seen: set[str] = set()
    for member in members:
        if member.is_side_file:
            content.ignored += 1
            continue
        path = "/".join(member.parts)
        if len(os.fsencode(path)) > room:
            raise UploadError(f"the archive holds a path of more than {room} bytes: {shown(path)}")
        if path in seen:
            raise UploadError(f"the archive holds {shown(path)} twice")
        seen.add(path)
        content.add(member)
        if content.files > limits.files:
            raise UploadTooLargeError(f"the archive holds more than {limits.files} files (BQAT_MAX_UPLOAD_FILES)")
        with member.open() as source:
            try:
                content.size += _write(source, target / path, allowed - content.size)
            except UploadTooLargeError as error:
                raise UploadTooLargeError(
                    f"the archive of {packed} bytes unpacks to more than {limits.size} bytes (BQAT_MAX_UPLOAD) "
                    f"or {limits.ratio:g} times its size (BQAT_MAX_ARCHIVE_RATIO)"
                ) from error
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise UploadError(f"the archive uses {shown(path)} both as file and as folder") from error
    return content


def _write(source: Readable, place: Location, allowed: int) -> int:
    if place.is_local:
        place.local.parent.mkdir(parents=True, exist_ok=True)
        with place.local.open("xb") as sink:
            return copy_stream(source, sink, allowed)
    with place.filesystem.open_output_stream(place.path) as sink:
        return copy_stream(source, sink, allowed)


def _refusal(error: BaseException) -> UploadError | None:
    """What an error while unpacking says to the sender; None when it is none of the archive's."""
    if isinstance(error, UploadError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return NoRoomError("there is no room left on the server's disk")
        if error.errno in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL):
            return UploadError(f"the archive holds a name that the server's disk does not take: {error.strerror}")
        return None
    # zipfile and tarfile raise ValueError and OSError without a number for numbers that make no sense.
    if isinstance(error, (*_DAMAGED, OSError, ValueError)):
        return UploadError(f"the archive cannot be read: {error or type(error).__name__}")
    return None


@contextmanager
def _opened(archive: Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(archive, Path):
        with archive.open("rb") as stream:
            yield stream
    else:
        yield archive


def _remove(folder: Location) -> None:
    if folder.is_local:
        shutil.rmtree(folder.local, ignore_errors=True)
    else:
        folder.delete_dir()
