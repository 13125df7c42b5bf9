"""Parts that are in place, and the gaps between them: the work that is left."""

import json
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa
from pyarrow import fs

from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.images import read_rows
from bqat_pipeline.execution.chunks import Chunk, ChunkResult, Item

_PART = re.compile(r"part-(\d{10})-(\d{10})\.arrow")

# Parts read ahead, mostly to wait for S3 in parallel.
_READAHEAD = 8

Range = tuple[int, int]


def finished_parts(folder: Location) -> dict[Range, str]:
    """Range of the work list to path, of every part in place, sorted."""
    found: dict[Range, str] = {}
    selector = fs.FileSelector(folder.path, recursive=False, allow_not_found=True)
    for info in folder.filesystem.get_file_info(selector):
        if match := _PART.fullmatch(info.base_name):
            found[int(match[1]), int(match[2])] = info.path
    return dict(sorted(found.items()))


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
    """The parts in place, in the order of their ranges, read a few ahead."""
    paths = list(finished_parts(folder).values())
    ahead: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(_READAHEAD) as readers:
        for path in paths:
            ahead.append(readers.submit(_read_part, folder.filesystem, path))
            if len(ahead) > _READAHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _read_part(filesystem: fs.FileSystem, path: str) -> pa.Table:
    with filesystem.open_input_file(path) as stream:
        return pa.ipc.open_file(stream).read_all()


def part_summary(filesystem: fs.FileSystem, path: str) -> ChunkResult:
    """How many files of a part could not be measured, from its schema."""
    with filesystem.open_input_file(path) as stream:
        metadata = pa.ipc.open_file(stream).schema.metadata or {}
    return ChunkResult(**json.loads(metadata[b"bqat"]))


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
