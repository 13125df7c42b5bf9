"""Small files kept below a folder, the most recently used ones, up to a size."""

import contextlib
import os
import re
import shutil
import threading
import time
from pathlib import Path

# A use is noted in the file's time when that is older than this, s.
_NOTED = 60.0
# What is left when the limit was passed: making room costs a walk over all files.
_LEFT = 0.8
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{3,150}")


class ThumbnailCache:
    """Files by name below a folder; for threads, and for several processes, each of which keeps its own count.

    Parameters
    ----------
    limit : Most bytes, counted in whole blocks of 4 kB; 0: nothing is kept.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._size: int | None = None
        self._lock = threading.Lock()

    def get(self, name: str) -> bytes | None:
        """Content of a name, or None."""
        if not self._limit or not _NAME.fullmatch(name):
            return None
        place = self._place(name)
        try:
            with place.open("rb") as stream:
                content = stream.read()
                if time.time() - os.fstat(stream.fileno()).st_mtime > _NOTED:
                    os.utime(place)
        except OSError:
            return None
        return content or None

    def put(self, name: str, content: bytes) -> None:
        """Keep content; a full or broken disk only means that it is not kept."""
        if not _NAME.fullmatch(name) or _blocks(len(content)) > self._limit:
            return
        place = self._place(name)
        temporary = place.with_name(f".{os.getpid()}-{threading.get_ident()}")
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(place)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            return
        with self._lock:
            if self._size is None:
                self._size = sum(size for _, size, _ in self._files())
            else:
                self._size += _blocks(len(content))
            if self._size > self._limit:
                self._make_room()

    def clear(self) -> None:
        """Remove everything."""
        with self._lock:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._size = 0

    def _make_room(self) -> None:
        files = sorted(self._files())
        left = sum(size for _, size, _ in files)
        for _, size, path in files:
            if left <= self._limit * _LEFT:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                left -= size
        self._size = left

    def _files(self) -> list[tuple[float, int, Path]]:
        """Time of last use, size and path of each file."""
        found: list[tuple[float, int, Path]] = []
        with contextlib.suppress(OSError):
            for folder in self._folder.iterdir():
                with contextlib.suppress(OSError), os.scandir(folder) as entries:
                    for entry in entries:
                        with contextlib.suppress(OSError):
                            status = entry.stat(follow_symlinks=False)
                            found.append((status.st_mtime, _blocks(status.st_size), Path(entry.path)))
        return found

    def _place(self, name: str) -> Path:
        return self._folder / name[:2] / name


def _blocks(size: int) -> int:
    return -(-size // 4096) * 4096
