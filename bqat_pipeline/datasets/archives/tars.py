"""Files of a tar archive, plain or compressed with gzip, bzip2 or xz."""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import IO, Any, BinaryIO, cast

from bqat_pipeline.datasets.archives.member import Member, Readable, checked_parts, shown
from bqat_pipeline.datasets.uploads import Limits, UploadError, UploadTooLargeError

_COMPRESSED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_MAGIC_AT = 257  # of a plain tar archive (POSIX ustar and GNU)
# Largest single read: headers that hold long names are read whole, and must not fill the memory.
_LARGEST_READ = 2_000_000
# Bytes of headers and padding that each file may add to what it holds.
_FRAMING = 20_000


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar archive, or a compressed one."""
    return head[_MAGIC_AT : _MAGIC_AT + 5] == b"ustar" or any(head.startswith(magic) for magic in _COMPRESSED)


@contextmanager
def tar_members(stream: BinaryIO, allowed: int, limits: Limits) -> Iterator[Iterator[Member]]:
    """The files of a tar archive, as they come: each is to be read before the next one is asked for.

    Parameters
    ----------
    allowed : Most bytes that may come out of the compression, beside headers.

    Raises
    ------
    UploadTooLargeError : beyond the limits.
    UploadError : for links, devices and names that lead out.
    """
    stream.seek(0)
    head = stream.read(8)
    stream.seek(0)
    opener = next((opener for magic, opener in _COMPRESSED.items() if head.startswith(magic)), nullcontext)
    with cast(AbstractContextManager[IO[bytes]], opener(stream)) as plain:
        counted = _Counted(plain, allowed + _FRAMING * limits.files)
        with tarfile.open(fileobj=cast(IO[bytes], counted), mode="r:", errorlevel=0) as archive:
            yield _members(archive, limits)


def _members(archive: tarfile.TarFile, limits: Limits) -> Iterator[Member]:
    number = 0
    while (entry := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep all of them
        number += 1
        if number > 3 * limits.files + 1000:  # folders and side files among them
            raise UploadTooLargeError(f"the archive holds more than {limits.files} files (BQAT_MAX_UPLOAD_FILES)")
        if entry.isdir():
            continue
        if not entry.isreg():
            what = "a link" if entry.issym() or entry.islnk() else "something that is no file"
            raise UploadError(f"the archive holds {what}: {shown(entry.name)}")
        yield Member(checked_parts(entry.name), partial(_opened, archive, entry))


def _opened(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> AbstractContextManager[Readable]:
    content = archive.extractfile(entry)
    if content is None:
        raise UploadError(f"the archive holds something that is no file: {shown(entry.name)}")
    return content


class _Counted:
    """A stream that raises beyond a number of bytes, whether they are read or skipped."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._limit = limit

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST_READ:
            raise UploadError("the archive's headers are too large")
        self._check(self.tell() + size)
        return self._stream.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        self._check(position)
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def _check(self, position: int) -> None:
        if position > self._limit + _LARGEST_READ:
            raise UploadTooLargeError("the archive unpacks to more than is allowed (BQAT_MAX_UPLOAD)")
