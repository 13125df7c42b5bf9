"""The entries of one folder, in the order of their bytes, on local disk and on S3. Rules: see ``listing``."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

from bqat_pipeline.datasets.filesystem import Location

_SIDE_FOLDER = b"__MACOSX"

# For each base name, whether it belongs to the listing.
Select = Callable[[list[bytes]], list[bool]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder to go into, or a file that will be a row; fields as in ``ListedFile``."""

    name: bytes
    is_folder: bool
    size: int = 0
    modified: int = 0
    problem: str = ""


def local_entries(root: Path, prefix: bytes, select: Select, skipped: "Counter[str]") -> Iterator[Entry]:
    """Folders and matching files directly below ``root/prefix``. Holds their names, and looks at each file when asked.

    Parameters
    ----------
    root : The scanned folder.
    prefix : Relative path with a slash at its end, or empty.
    skipped : Counts folders that are not entered, by reason.
    """
    folders, files = [], []
    try:
        with os.scandir(os.path.join(os.fsencode(root), prefix)) as listing:  # noqa: PTH118 - bytes
            for item in listing:
                if item.name.startswith(b"."):
                    continue
                if item.is_dir(follow_symlinks=False):
                    if item.name != _SIDE_FOLDER:
                        folders.append(item.name + b"/")  # the slash is part of the order
                elif item.is_symlink() and _leads_to_folder(item):
                    skipped["linked_folder"] += 1
                else:
                    files.append(item.name)
    except OSError:
        skipped["unreadable_folder"] += 1
        return
    chosen = [name for name, ok in zip(files, select(files), strict=True) if ok]
    for name in sorted(folders + chosen):
        yield Entry(name[:-1], True) if name.endswith(b"/") else Entry(name, False, *look_at(root, prefix + name))


def look_at(root: Path, path: bytes, *, resolve: bool = False) -> tuple[int, int, str]:
    """Size, time of modification (microseconds) and problem of a file below the root; it is never opened.

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
                return 0, 0, "link_outside"
            status = os.stat(real)  # noqa: PTH116 - bytes
    except PermissionError:
        return 0, 0, "no_permission"
    except OSError:
        return 0, 0, "broken_link" if os.path.lexists(full) else "not_found"
    problem = "" if stat.S_ISREG(status.st_mode) else "not_a_file"
    return status.st_size, status.st_mtime_ns // 1000, problem


def remote_entries(root: Location, prefix: bytes, select: Select, skipped: "Counter[str]") -> Iterator[Entry]:
    """Folders and matching files directly below ``root/prefix`` on S3; parameters as for ``local_entries``."""
    place = f"{root.path}/{prefix.decode()}".rstrip("/")
    found = []
    for info in root.filesystem.get_file_info(fs.FileSelector(place, recursive=False, allow_not_found=True)):
        name = info.base_name.encode()
        if not name or name.startswith(b".") or name == _SIDE_FOLDER:
            continue
        if info.type == fs.FileType.Directory:
            found.append((name + b"/", 0, 0))
        else:
            found.append((name, info.size or 0, (info.mtime_ns or 0) // 1000))
    chosen = select([name for name, _, _ in found])
    for (name, size, modified), ok in sorted(zip(found, chosen, strict=True)):
        if name.endswith(b"/"):
            yield Entry(name[:-1], True)
        elif ok:
            yield Entry(name, False, size, modified)


def _leads_to_folder(item: "os.DirEntry[bytes]") -> bool:
    try:
        return item.is_dir()
    except OSError:
        return False


def _is_below(real: bytes, root: Path) -> bool:
    base = os.path.realpath(os.fsencode(root))
    return os.path.commonpath([real, base]) == base
