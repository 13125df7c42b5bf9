"""The entries of one folder, in the order of their bytes, on local disk and on S3. Rules: see ``listing``."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

from bqat_pipeline.datasets.archive_names import has_archive_name
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.passed_over import HEAD, PassedOverTally

_SIDE_FOLDER = b"__MACOSX"
# A file of this name says that a folder holds changed copies of other pictures, made by preprocessing.
COPIES_MARK = b".bqat-copies"

# For each base name, whether it belongs to the listing.
Select = Callable[[list[bytes]], list[bool]]


# Errors of a path that leads nowhere; any other says that the file could not be looked at.
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@dataclass(frozen=True, slots=True)
class FileStat:
    """What a file system says of a file.

    Attributes
    ----------
    size : Bytes.
    modified : Time of last modification, microseconds since 1970 UTC.
    problem : One of ``PROBLEMS`` of the listing when the file must not be opened, else empty.
    changed : Time of last change of the file's properties, microseconds, which no program can set back; None on S3.
    inode : Number of the file on its file system; None on S3.
    """

    size: int = 0
    modified: int = 0
    problem: str = ""
    changed: int | None = None
    inode: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder to go into, or a file that will be a row."""

    name: bytes
    is_folder: bool
    stat: FileStat = FileStat()


@dataclass(frozen=True)
class Folder:
    """What is asked of each folder of a source.

    Attributes
    ----------
    name : Name of the source as clients know it.
    select : Which base names belong to the listing.
    tally : Counts what does not.
    inspect_others : Whether files that do not match are looked at, in case they are pictures.
    """

    name: str
    select: Select
    tally: PassedOverTally
    inspect_others: bool

    def chosen(self, prefix: bytes, files: list[bytes], head: Callable[[bytes], bytes], local: bool) -> list[bool]:
        """For each base name, whether it belongs to the listing; the others are counted."""
        chosen = self.select(files)
        others = (name for name, ok in zip(files, chosen, strict=True) if not ok)
        self.tally.other_files(others, self.label(prefix), head if self.inspect_others else None, local)
        return chosen

    def hidden(self, prefix: bytes, name: bytes) -> None:
        """Count a file whose name begins with a dot when it may hold pictures."""
        if has_archive_name(name):
            self.tally.archive(self.label(prefix + name))

    def label(self, path: bytes) -> str:
        """A relative path as clients know it."""
        return f"{self.name}/{path.decode('utf-8', 'backslashreplace')}".removeprefix("/")


def local_entries(root: Path, prefix: bytes, folder: Folder) -> Iterator[Entry]:
    """Folders and matching files directly below ``root/prefix``. Holds their names, and looks at each file when asked.

    Parameters
    ----------
    root : The scanned folder.
    prefix : Relative path with a slash at its end, or empty.

    Raises
    ------
    OSError : when it cannot be listed; before any entry.
    """
    place = os.path.join(os.fsencode(root), prefix)  # noqa: PTH118 - bytes
    folders, files = [], []
    with os.scandir(place) as listing:
        for item in listing:
            if item.name == COPIES_MARK and prefix:
                folder.tally.copies()
                return
            if item.name.startswith(b"."):
                folder.hidden(prefix, item.name)
                continue
            if item.is_dir(follow_symlinks=False):
                if item.name != _SIDE_FOLDER:
                    folders.append(item.name + b"/")  # the slash is part of the order
            elif item.is_symlink() and _leads_to_folder(item):
                folder.tally.linked_folder()
            else:
                files.append(item.name)
    kept = folder.chosen(prefix, files, lambda name: _local_head(place + name), local=True)
    chosen = [name for name, ok in zip(files, kept, strict=True) if ok]
    for name in sorted(folders + chosen):
        yield Entry(name[:-1], True) if name.endswith(b"/") else Entry(name, False, stat_file(root, prefix + name))


def stat_file(root: Path, path: bytes, *, resolve: bool = False) -> FileStat:
    """What the file system says of a file below the root; it is never opened.

    Parameters
    ----------
    resolve : Whether folders on the way may be links that lead out, as in a path that somebody gave.
    """
    full = os.path.join(os.fsencode(root), path)  # noqa: PTH118 - bytes
    try:
        status = os.lstat(full)
        if resolve or stat.S_ISLNK(status.st_mode):
            real = os.path.realpath(full, strict=True)
            if not _is_below(real, root):
                return FileStat(problem="link_outside")
            status = os.stat(real)  # noqa: PTH116 - bytes
    except PermissionError:
        return FileStat(problem="no_permission")
    except OSError as error:
        if error.errno not in ABSENT:
            return FileStat(problem="stat_failed")
        return FileStat(problem="broken_link" if os.path.lexists(full) else "not_found")
    problem = "" if stat.S_ISREG(status.st_mode) else "not_a_file"
    return FileStat(status.st_size, status.st_mtime_ns // 1000, problem, status.st_ctime_ns // 1000, status.st_ino)


def _local_head(path: bytes) -> bytes:
    """First bytes of a regular file; empty for anything else."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return b""
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            return os.read(handle, HEAD)
        finally:
            os.close(handle)
    except OSError:
        return b""


def remote_entries(root: Location, prefix: bytes, folder: Folder) -> Iterator[Entry]:
    """Folders and matching files directly below ``root/prefix`` on S3; parameters as for ``local_entries``."""
    place = f"{root.path}/{prefix.decode()}".rstrip("/")
    found = []
    for info in root.filesystem.get_file_info(fs.FileSelector(place, recursive=False, allow_not_found=True)):
        name = info.base_name.encode()
        if name == COPIES_MARK and prefix:
            folder.tally.copies()
            return
        if not name or name.startswith(b".") or name == _SIDE_FOLDER:
            folder.hidden(prefix, name)
            continue
        if info.type == fs.FileType.Directory:
            found.append((name + b"/", 0, 0))
        else:
            found.append((name, info.size or 0, (info.mtime_ns or 0) // 1000))
    files = [entry for entry in found if not entry[0].endswith(b"/")]
    kept = folder.chosen(
        prefix, [name for name, _, _ in files], lambda name: _remote_head(root, prefix + name), local=False
    )
    chosen = [entry for entry, ok in zip(files, kept, strict=True) if ok]
    for name, size, modified in sorted([entry for entry in found if entry[0].endswith(b"/")] + chosen):
        yield Entry(name[:-1], True) if name.endswith(b"/") else Entry(name, False, FileStat(size, modified))


def _remote_head(root: Location, path: bytes) -> bytes:
    try:
        with root.filesystem.open_input_file(f"{root.path}/{path.decode()}") as stream:
            return stream.read(HEAD)
    except OSError:
        return b""


def _leads_to_folder(item: "os.DirEntry[bytes]") -> bool:
    try:
        return item.is_dir()
    except OSError:
        return False


def _is_below(real: bytes, root: Path) -> bool:
    base = os.path.realpath(os.fsencode(root))
    return os.path.commonpath([real, base]) == base
