"""What changed below the data root since the last check, which is cheap enough for every half minute.

A folder's state is a digest of the modification times of all folders in it, which change when a file is added, removed
or renamed. Files are only looked at when the folder is new or changed, to see whether somebody still writes to them.
A file rewritten in place goes unseen here; the rescan schedule finds it.
"""

import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bqat_pipeline.datasets.archive_names import has_archive_name
from bqat_pipeline.datasets.folders import COPIES_MARK
from bqat_pipeline.datasets.stored import warn_once

logger = logging.getLogger(__name__)

# Where the REST facade puts uploads: it scans them when it is asked to.
RESERVED = frozenset({"uploaded", "temp"})
_FUTURE = 3600.0  # a time stamp further ahead than this is a wrong clock, not somebody writing


@dataclass
class FolderWatch:
    """Remembers the folders it has seen, so that an unchanged one costs one look at its time stamp.

    One instance per process; what it remembers is only a cache.
    """

    _seen: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)

    def state(self, folder: Path) -> str:
        """Digest of the times of a folder and all folders in it.

        Raises
        ------
        OSError : when the storage does not say; a folder that is gone or closed to us does.
        """
        digest = hashlib.blake2b(digest_size=6)
        stack = [str(folder)]
        while stack:
            path = stack.pop()
            try:
                modified = os.stat(path).st_mtime_ns  # noqa: PTH116 - once for each folder of the data root
                known = self._seen.get(path)
                if known is None or known[0] != modified:
                    known = (modified, _subfolders(path))
                    self._seen[path] = known
            except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
                self._seen.pop(path, None)
                if isinstance(error, PermissionError):  # which lasts: the scan names the folder
                    digest.update(f"{path}\0unreadable\n".encode("utf-8", "surrogateescape"))
                continue
            digest.update(f"{path}\0{modified}\n".encode("utf-8", "surrogateescape"))
            stack.extend(reversed(known[1]))
        return digest.hexdigest()

    def forget(self, folder: Path) -> None:
        """Drop what is remembered of a folder that is gone."""
        prefix = f"{folder}/"
        for path in [p for p in self._seen if p == str(folder) or p.startswith(prefix)]:
            del self._seen[path]


def top_folders(root: Path) -> Iterator[Path]:
    """Folders directly below the data root that are data sets to be, by name.

    Links and hidden folders are not, nor those for uploads and those of changed copies.

    Raises
    ------
    OSError : when the data root cannot be read.
    """
    for entry in _entries(root):
        if entry.is_dir(follow_symlinks=False) and entry.name not in RESERVED and not is_copies(Path(entry.path)):
            yield Path(entry.path)


def is_copies(folder: Path) -> bool:
    """Whether a folder holds copies that preprocessing made. One that is closed to us does not: its scan names it."""
    try:
        return (folder / os.fsdecode(COPIES_MARK)).exists()
    except PermissionError:
        return False


def archives(root: Path) -> Iterator[Path]:
    """Archives directly below the data root, by name; those that cannot be unpacked too: somebody has to be told.

    Hidden ones are named in the log, once, and left out.
    """
    for entry in _entries(root, hidden=True):
        if not has_archive_name(os.fsencode(entry.name)) or not entry.is_file(follow_symlinks=False):
            continue
        if entry.name.startswith("."):
            shown = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
            warn_once(logger, f"{shown} is hidden by its first character; rename it to have it unpacked")
        elif _is_text(entry.name):
            yield Path(entry.path)


def file_state(path: Path) -> str:
    """Size and time of a file as a short text; empty when it is gone.

    Raises
    ------
    OSError : when the storage does not say.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return ""
    return f"{status.st_size:x}-{status.st_mtime_ns:x}"


def is_settled(path: Path, seconds: float) -> bool:
    """Whether nothing in a folder, or a file, changed for so long. Looks at every file of the folder.

    Raises
    ------
    OSError : when the storage does not say.
    """
    limit = time.time() - seconds
    return not any(limit < moment < time.time() + _FUTURE for moment in _times(path))


def _times(path: Path) -> Iterator[float]:
    """Times at which a file, or anything in a folder, was modified or moved there."""
    stack = [path]
    while stack:
        current = stack.pop()
        try:
            status = current.stat(follow_symlinks=False)
        except (FileNotFoundError, PermissionError):
            continue
        # The time of status change as well: copies that keep the time of modification have an old one.
        yield max(status.st_mtime, status.st_ctime)
        if stat.S_ISDIR(status.st_mode):
            with suppress(FileNotFoundError, PermissionError):
                stack.extend(Path(entry.path) for entry in _entries(current))


@lru_cache(maxsize=1_000)
def _is_text(name: str) -> bool:
    """Whether a name is UTF-8, as one must be that is written down; said once when it is not."""
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    if shown == name:
        return True
    logger.warning("the name of %s is not UTF-8; rename it to have it unpacked", shown)
    return False


def _entries(folder: Path, *, hidden: bool = False) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((e for e in entries if hidden or not e.name.startswith(".")), key=lambda e: e.name)


def _subfolders(path: str) -> tuple[str, ...]:
    with os.scandir(path) as entries:
        return tuple(sorted(e.path for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)))
