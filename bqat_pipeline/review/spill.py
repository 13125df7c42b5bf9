"""Columns on local disk that are read as if they were in memory: the system keeps what is used of them.

A million pictures are 250 MB, of which a window touches a few pages. The files lose their names at once, so that
nothing stays behind however the process ends.
"""

import contextlib
import mmap
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_PREFIX = ".review-"
# Seconds after which a file that still has a name belongs to nobody: it has one while it is written.
_OLD = 3600


class NoSpillError(OSError):
    """The local disk takes no more; columns must stay in memory."""


class NumberColumn:
    """A column of numbers, written batch by batch.

    Parameters
    ----------
    folder : On local disk; None: in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self._parts: list[Numbers] = []
        self._file = None
        if folder is not None:
            with _disk():
                self._file = tempfile.TemporaryFile(prefix=_PREFIX, dir=folder)  # noqa: SIM115 (`finish` closes it)

    def write(self, values: Numbers) -> None:
        """Append numbers.

        Raises
        ------
        NoSpillError : when the disk refuses.
        """
        if self._file is None:
            self._parts.append(values)
            return
        with _disk():
            self._file.write(np.ascontiguousarray(values, np.float64).data)

    def finish(self) -> Numbers:
        """All of them, not to be written to.

        Raises
        ------
        NoSpillError : when the disk refuses.
        """
        if self._file is None:
            whole = np.concatenate(self._parts) if self._parts else np.empty(0, np.float64)
            whole.flags.writeable = False
            return whole
        with self._file, _disk():
            self._file.flush()
            size = os.fstat(self._file.fileno()).st_size
            if not size:
                return np.empty(0, np.float64)
            return np.frombuffer(mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ), np.float64)


def release(values: Numbers) -> None:
    """Let the system take back the memory of a column on disk; it is read again when somebody looks."""
    mapped = getattr(values.base, "obj", values.base)  # numpy holds a view of what it was made from
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


class TextColumns:
    """Columns of text, written batch by batch.

    Parameters
    ----------
    folder : On local disk; None: in memory.
    names : Columns.
    """

    def __init__(self, folder: Path | None, names: Sequence[str]) -> None:
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._batches: list[pa.RecordBatch] = []
        self._place: Path | None = None
        if folder is not None:
            with _disk():
                number, place = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
                self._place = Path(place)
                self._stream = os.fdopen(number, "wb")
                self._writer = pa.ipc.new_file(self._stream, self._schema)

    def write(self, columns: Sequence[pa.Array]) -> None:
        """Append rows.

        Raises
        ------
        NoSpillError : when the disk refuses.
        """
        batch = pa.record_batch(list(columns), schema=self._schema)
        if self._place is None:
            self._batches.append(batch)
            return
        with _disk():
            self._writer.write_batch(batch)

    def finish(self) -> pa.Table:
        """All of them.

        Raises
        ------
        NoSpillError : when the disk refuses.
        """
        if self._place is None:
            return pa.Table.from_batches(self._batches, schema=self._schema)
        with _disk():
            self._writer.close()
            self._stream.close()
            return pa.ipc.open_file(pa.memory_map(str(self._place))).read_all()

    def discard(self) -> None:
        """Take the name from the file; what is mapped of it stays."""
        if self._place is not None:
            with contextlib.suppress(OSError):  # what is left to write has no room either
                self._stream.close()
            self._place.unlink(missing_ok=True)


def prepare(folder: Path) -> None:
    """Make the folder of columns, for this user only, and delete what a killed process left in it."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in folder.glob(f"{_PREFIX}*"):
            if file.stat().st_mtime < time.time() - _OLD:
                file.unlink(missing_ok=True)


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoSpillError(error.errno, str(error)) from error
