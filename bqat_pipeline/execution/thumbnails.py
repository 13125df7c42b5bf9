"""Small versions of pictures: from a cache on disk, else made by worker processes, whatever the file holds."""

import hashlib
import io
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.datasets.pictures import is_there, open_picture
from bqat_pipeline.execution.pool import WorkerDiedError, WorkerPool, time_limit
from bqat_pipeline.execution.thumbnail_cache import ThumbnailCache
from bqat_pipeline.face.picture.thumbnail import PictureError, thumbnail_bytes
from bqat_pipeline.settings import Settings

# Enough for a page that is scrolled through; a scan has the other cores.
_WORKERS = 2
# Pictures that ended their worker are not tried again by this process; so many are remembered.
_REMEMBERED = 10_000

T = TypeVar("T")


class Thumbnails:
    """Makes and keeps small versions of pictures; for threads. Its processes start with the first picture.

    Parameters
    ----------
    settings : Mode (`thumbnails`), limits, and the state folder below which the cache lies.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = Path(settings.state) / "thumbnails"
        self._cache = ThumbnailCache(self._root / settings.thumbnails, int(settings.thumbnail_cache))
        self._pool: WorkerPool | None = None
        self._fatal: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Remove what was made for another mode: faces must not lie where the operator now lets none be shown."""
        kept = (
            self._settings.thumbnails if self._settings.thumbnail_cache and self._settings.thumbnails != "none" else ""
        )
        for folder in self._root.glob("*"):
            if folder.name != kept:
                shutil.rmtree(folder, ignore_errors=True)

    def small(self, record: DatasetRecord, file: str, sha256: str | None, size: int) -> bytes:
        """WebP of an upright picture with at most `size` px a side, as the mode lets it be shown.

        Parameters
        ----------
        file, sha256 : As its row says; without a hash, or when the file has other bytes now, the result is not kept.

        Raises
        ------
        FileNotFoundError, OSError : when the picture is gone or cannot be read.
        PictureError : when it cannot be shown.
        """
        if self._settings.thumbnails == "none":
            raise PictureError("pictures are not shown (BQAT_THUMBNAILS=none)")
        kept = self._cache.get(_name(sha256, size)) if sha256 else None
        if kept is not None and is_there(record, file):
            return kept
        content = open_picture(record, file, int(self._settings.max_file_size))
        found = hashlib.sha256(content).hexdigest()
        made = self._made(found, content, size)
        if found == sha256:
            self._cache.put(_name(sha256, size), made)
        return made

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Result of another picklable call about pictures, in one of the same processes.

        Raises
        ------
        WorkerDiedError : when the call ended its process.
        """
        return self._workers().submit(function, *arguments).result()

    def forget(self) -> None:
        """Remove all that is kept."""
        self._cache.clear()

    def close(self) -> None:
        """End the processes; what they work on fails."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def _made(self, digest: str, content: bytes, size: int) -> bytes:
        if (why := self._fatal.get(digest)) is not None:
            raise PictureError(why)
        limits = (float(self._settings.image_timeout), self._settings.max_pixels)
        try:
            return self.run(_make, content, size, self._settings.thumbnails == "blurred", *limits)
        except WorkerDiedError as error:
            why = "decoding it took too long" if error.timed_out else "it ended the process that decoded it"
            self._remember(digest, why)
            raise PictureError(why) from error

    def _workers(self) -> WorkerPool:
        with self._lock:
            if self._pool is None:
                self._pool = WorkerPool(_WORKERS, int(self._settings.worker_memory))
            return self._pool

    def _remember(self, digest: str, why: str) -> None:
        with self._lock:
            self._fatal[digest] = why
            while len(self._fatal) > _REMEMBERED:
                self._fatal.popitem(last=False)


def _name(sha256: str, size: int) -> str:
    return f"{sha256}-{size}.webp"


def _make(content: bytes, size: int, blurred: bool, seconds: float, max_pixels: int) -> bytes:
    """In the worker. What is there of a picture that was cut off is shown, as the engine measures it."""
    from PIL import ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = True
    with time_limit(seconds):
        return thumbnail_bytes(io.BytesIO(content), size, max_pixels, blurred=blurred)[0]
