"""Parts that are in place, and the gaps between them: the work that is left."""

import io
import json
import logging
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import pyarrow as pa
from pyarrow import fs

from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.images import read_rows
from bqat_pipeline.datasets.stored import is_damage
from bqat_pipeline.execution.chunks import Chunk, ChunkResult, Item

logger = logging.getLogger(__name__)

_PART = re.compile(r"part-(\d{10})-(\d{10})\.arrow")

# Parts read ahead, mostly to wait for S3 in parallel.
_READAHEAD = 8
# Parts looked at together when a scan resumes, and what is read of the end of each: more than the footer has, which
# describes every column (69 kB with 166 of them).
_LOOKED_AT_TOGETHER = 16
_HANDED_OUT_TOGETHER = 1_000  # a future for each of a hundred thousand parts would fill the memory
_TAIL_BYTES = 1 << 17

Range = tuple[int, int]


class DamagedInputError(Exception):
    """Something that profiles are made of was damaged and is thrown away; another round makes it again."""


def finished_parts(folder: Location) -> dict[Range, str]:
    """Range of the work list to path, of every part in place, sorted."""
    found: dict[Range, str] = {}
    selector = fs.FileSelector(folder.path, recursive=False, allow_not_found=True)
    for info in folder.filesystem.get_file_info(selector):
        if match := _PART.fullmatch(info.base_name):
            found[int(match[1]), int(match[2])] = info.path
    return dict(sorted(found.items()))


def intact_parts(folder: Location) -> dict[Range, ChunkResult]:
    """Range of the work list to what it holds, of every part that opens, sorted; one that does not is deleted.

    Only footers are read, several at a time.

    Raises
    ------
    OSError : when the storage does not say.
    """

    def look_at(entry: tuple[Range, str]) -> ChunkResult | None:
        (start, stop), path = entry
        try:
            found = part_summary(folder.filesystem, path)
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            if isinstance(error, OSError) and not is_damage(error):
                raise
            found = None
        if found is None or found.files != stop - start:
            _discard(Location(folder.filesystem, path))
            return None
        return found

    entries = iter(finished_parts(folder).items())
    intact: dict[Range, ChunkResult] = {}
    with ThreadPoolExecutor(_LOOKED_AT_TOGETHER) as readers:
        while some := list(islice(entries, _HANDED_OUT_TOGETHER)):
            found = zip(some, readers.map(look_at, some), strict=True)
            intact.update((part, summary) for (part, _), summary in found if summary is not None)
    return intact


def gaps(covered: list[Range], total: int) -> Iterator[Range]:
    """Ranges within [0, total) that no part covers; `covered` is sorted and may overlap."""
    position = 0
    for start, stop in covered:
        if start > position:
            yield position, min(start, total)
        position = max(position, stop)
    if position < total:
        yield position, total


def pending_chunks(work: Location, covered: list[Range], total: int, size: int) -> Iterator[Chunk]:
    """The work list cut into chunks, without what parts cover. Reads the work list as it goes."""
    open_ranges = gaps(covered, total)
    current = next(open_ranges, None)
    items: list[Item] = []
    start = 0
    for position, item in enumerate(_items(work)):
        while current is not None and position >= current[1]:
            current = next(open_ranges, None)
        if current is None:
            break
        if position >= current[0]:
            if not items:
                start = position
            items.append(item)
            if len(items) == size or position + 1 == current[1]:
                yield Chunk(start, tuple(items))
                items = []


def read_parts(folder: Location) -> Iterator[pa.Table]:
    """The parts in place, in the order of their ranges, read a few ahead.

    Raises
    ------
    DamagedInputError : when one turns out to be damaged; it is deleted.
    """
    paths = list(finished_parts(folder).values())
    ahead: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(_READAHEAD) as readers:
        for path in paths:
            ahead.append(readers.submit(read_part, folder.filesystem, path))
            if len(ahead) > _READAHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def read_part(filesystem: fs.FileSystem, path: str) -> pa.Table:
    """The rows of one part.

    Raises
    ------
    DamagedInputError : when it turns out to be damaged; it is deleted.
    """
    try:
        if isinstance(filesystem, fs.LocalFileSystem):
            with filesystem.open_input_file(path) as stream:
                return pa.ipc.open_file(stream).read_all()
        content = Location(filesystem, path).read_bytes()  # in one request instead of three
        return pa.ipc.open_file(pa.py_buffer(content)).read_all()
    except (OSError, pa.ArrowException) as error:
        if not is_damage(error):
            raise
        _discard(Location(filesystem, path))
        raise DamagedInputError(f"part {path.rsplit('/', 1)[-1]} is damaged") from error


def _discard(part: Location) -> None:
    logger.warning("part %s is damaged: its files are measured again", part.name)
    part.delete()


def part_summary(filesystem: fs.FileSystem, path: str) -> ChunkResult:
    """How many files of a part could not be measured, from its schema."""
    with filesystem.open_input_file(path) as stream:
        file = stream if isinstance(filesystem, fs.LocalFileSystem) else pa.PythonFile(_TailFirst(stream), "r")
        metadata = pa.ipc.open_file(file).schema.metadata or {}
    return ChunkResult(**json.loads(metadata[b"bqat"]))


class _TailFirst(io.RawIOBase):
    """A file of which the end is read at once: on S3 each read is a request, and a footer is read in three."""

    def __init__(self, stream: pa.NativeFile) -> None:
        super().__init__()
        self._stream = stream
        self._size = stream.size()
        self._start = max(0, self._size - _TAIL_BYTES)
        self._tail = stream.read_at(self._size - self._start, self._start)
        self._position = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        rest = self._size - self._position
        count = rest if size is None or size < 0 else min(size, rest)
        if self._position >= self._start:
            begin = self._position - self._start
            content = self._tail[begin : begin + count]
        else:
            content = self._stream.read_at(count, self._position)
        self._position += len(content)
        return content


def _items(work: Location) -> Iterator[Item]:
    for batch in read_rows(work):
        for row in batch.to_pylist():
            yield Item(
                row["row"],
                row["source"],
                row["path"],
                row["file"],
                row["folder"],
                row["file_size"],
                row["modified"],
                row["problem"],
            )
