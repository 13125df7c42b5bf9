"""What a worker does: a chunk of listed files becomes one part."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pyarrow as pa

from bqat_pipeline.columns import MEASURED, ROW_FIELD, SCHEMA_VERSION, columns_for
from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.datasets.listing import PROBLEMS
from bqat_pipeline.engines import ENGINES, Engine, EngineSpec
from bqat_pipeline.execution.judging import judged
from bqat_pipeline.execution.pool import note_position, time_limit
from bqat_pipeline.execution.presence import Presence, UnseenFile, UnseenFilesError, is_unopened
from bqat_pipeline.requirements import RuleSet

# Where engines come from, asked in each process that takes part: picklable; equal ones are one to `functools.cache`.
EngineOpener = Callable[[EngineSpec], Engine]


class EngineMismatchError(RuntimeError):
    """The engine of a worker is not that of the scan."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file to measure: a row of the image table."""

    row: int
    source: int
    path: bytes
    file: str
    folder: str
    size: int
    modified: datetime
    problem: str = ""


def part_name(start: int, stop: int) -> str:
    """File name of the part that holds a range of the work list."""
    return f"part-{start:010d}-{stop:010d}.arrow"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive files of the work list.

    Attributes
    ----------
    start : Position of the first item in the work list; the part is named by the range.
    """

    start: int
    items: tuple[Item, ...]

    @property
    def stop(self) -> int:
        return self.start + len(self.items)

    @property
    def part(self) -> str:
        return part_name(self.start, self.stop)

    def with_problem(self, position: int, problem: str) -> "Chunk":
        """The same chunk, one file of which is not opened any more."""
        items = list(self.items)
        items[position] = replace(items[position], problem=problem)
        return Chunk(self.start, tuple(items))

    def singles(self) -> list["Chunk"]:
        """One chunk for each file."""
        return [Chunk(self.start + i, (item,)) for i, item in enumerate(self.items)]


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What a worker reports of a part that it put in place."""

    files: int
    failed: int


@dataclass(frozen=True)
class ScanContext:
    """What all chunks of a scan share; goes to the worker with each chunk.

    Attributes
    ----------
    fingerprint : That the engine must have; another one on a worker would mix versions in one data set.
    roots : Folder of each source.
    generation : Whose parts are made.
    image_timeout : Seconds for one file, after which the worker is ended; 0 where a worker must not be.
    """

    engines: EngineOpener
    spec: EngineSpec
    fingerprint: str
    rules: RuleSet
    roots: tuple[Location, ...]
    generation: Generation
    image_timeout: float

    @property
    def in_batches(self) -> bool:
        """Whether whole chunks are given to the engine, which then answers for single files itself."""
        return ENGINES[self.spec.name].in_batches

    @property
    def schema(self) -> pa.Schema:
        """Schema of parts: ``row``, then the engine's columns."""
        return _schema(self.spec)


@cache  # few and small; building a schema of 140 fields takes a millisecond
def _schema(spec: EngineSpec) -> pa.Schema:
    schema = columns_for(spec.name, spec.fusion).arrow_schema()
    return pa.schema([ROW_FIELD, *schema], metadata={"schema_version": str(SCHEMA_VERSION)})


# Problems found while scanning, beside those that the listing finds.
_DIED = {
    "crashed": "the file ended its worker process three times (memory limit or fault of a decoder)",
    "timeout": "analysing the file took longer than the limit (BQAT_IMAGE_TIMEOUT)",
}
_BUSY = threading.Lock()
# Times the limit of one picture that an engine has for each picture of a batch, and to start.
_BATCH_GRACE = 4

_Row = dict[str, Any]


def process_chunk(context: ScanContext, chunk: Chunk, *, may_be_blind: bool = False) -> ChunkResult:
    """Measure the files of a chunk and put their rows in place as one part.

    Parameters
    ----------
    may_be_blind : Whether this process may not see files that the scan sees, so that none vanishes by its word alone.

    Raises
    ------
    UnseenFilesError : when such a process does not find files; no part is written then.
    OSError : when the part cannot be written (disk full, no permission, storage gone).
    SourceGoneError : when a source as a whole is not there; no part is written then.
    """
    sources = Presence.of([context.roots[number] for number in sorted({item.source for item in chunk.items})])
    with _BUSY:  # models and the time limit belong to the process; Dask may run several threads in one
        engine = _engine(context.engines, context.spec)
        if engine.fingerprint != context.fingerprint:
            raise EngineMismatchError("a worker runs another version of the engine or its models than the scan")
        measured = _in_one_batch if context.in_batches else _one_by_one
        rows = [_completed(item, row) for item, row in measured(context, engine, chunk.items)]
    note_position(None)
    if any(is_unopened(row["status"], row.get("reason_code")) for row in rows):
        sources.check()
    if may_be_blind and (unseen := tuple(_unseen(context, chunk, rows))):
        raise UnseenFilesError(unseen)
    schema = context.schema
    table = pa.Table.from_pylist(rows, schema)
    if "verdict" in schema.names:
        table = judged(table, context.rules)
    failed = sum(row["status"] not in MEASURED for row in rows)
    summary = json.dumps({"files": len(rows), "failed": failed})
    metadata = {**(schema.metadata or {}), b"bqat": summary.encode()}
    write_part(table.replace_schema_metadata(metadata), context.generation.parts / chunk.part)
    return ChunkResult(len(rows), failed)


def write_part(table: pa.Table, place: Location) -> None:
    """Put a part in place as an Arrow file, in one step.

    Not Parquet: parts are small and read once, and the footer of 140 columns costs more than their rows.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    place.write_bytes(sink.getvalue().to_pybytes(), sync_folder=False)  # a part that is lost is measured again


def _unseen(context: ScanContext, chunk: Chunk, rows: Sequence[_Row]) -> Iterator[UnseenFile]:
    """Files on local disk that were not found. S3 is the same for everybody."""
    for position, (item, row) in enumerate(zip(chunk.items, rows, strict=True)):
        root = context.roots[item.source]
        if row["status"] == "vanished" and not item.problem and root.is_local:
            yield UnseenFile(position, local_path(root, item.path), item.file, row.get("reason_code") or "vanished")


def _source(context: ScanContext, item: Item) -> str | bytes:
    """What an engine is given: a local path, or the bytes of a file on S3."""
    root = context.roots[item.source]
    return local_path(root, item.path) if root.is_local else (root / item.path.decode()).read_bytes()


def local_path(root: Location, path: bytes) -> str:
    """A listed path as Python opens it."""
    return f"{root.path}/{path.decode('utf-8', 'surrogateescape')}"


@cache
def _engine(engines: EngineOpener, spec: EngineSpec) -> Engine:
    """The engine of this process, ready: what it lacks ends the scan, not one picture after the other."""
    engine = engines(spec)
    engine.analyse_batch([])
    return engine


def _one_by_one(context: ScanContext, engine: Engine, items: Sequence[Item]) -> Iterator[tuple[Item, _Row]]:
    for position, item in enumerate(items):
        note_position(position)
        with time_limit(context.image_timeout):
            row = _no_row(item.problem) if item.problem else _analyse(context, engine, item)
        if not item.problem and is_unopened(row["status"], row.get("reason_code")):
            _check_remote_source(context, item)
        yield item, row


def _check_remote_source(context: ScanContext, item: Item) -> None:
    """End the chunk at once when it is not one file that cannot be read but S3: each further one would take seconds."""
    root = context.roots[item.source]
    if not root.is_local:
        Presence.of([root]).check()


def _in_one_batch(context: ScanContext, engine: Engine, items: Sequence[Item]) -> Iterator[tuple[Item, _Row]]:
    note_position(0 if len(items) == 1 else None)
    rows: dict[int, _Row] = {item.row: _no_row(item.problem) for item in items if item.problem}
    sources: list[tuple[Item, str | bytes]] = []
    for item in items:
        if item.row not in rows:
            try:
                sources.append((item, _source(context, item)))
            except OSError as error:
                rows[item.row] = _unopened(error)
                _check_remote_source(context, item)
    # The engine limits its own programs; this ends what escapes it.
    with time_limit(context.image_timeout * (_BATCH_GRACE + _BATCH_GRACE * len(sources))):
        answers = engine.analyse_batch([source for _, source in sources]) if sources else []
    rows |= {item.row: dict(answer) for (item, _), answer in zip(sources, answers, strict=True)}
    for item in items:
        yield item, rows[item.row]


def _completed(item: Item, row: _Row) -> _Row:
    """The row with what is known of the file."""
    row.update(
        row=item.row,
        file=item.file,
        folder=item.folder,
        file_size=item.size,
        modified=item.modified.astimezone(UTC),
    )
    return row


def _analyse(context: ScanContext, engine: Engine, item: Item) -> _Row:
    try:
        if item.size > context.spec.max_file_size:
            return _no_row("file_too_large")
        return dict(engine.analyse(_source(context, item)))
    except OSError as error:
        return _unopened(error)
    except MemoryError:
        return _no_row("out_of_memory")
    except Exception as error:  # noqa: BLE001 - the engine promises not to raise; a row must exist all the same
        return {"status": "crashed", "reason_code": "engine_error", "reason": f"{type(error).__name__}: {error}"[:500]}


def _unopened(error: OSError) -> _Row:
    """The row of a file that could not be opened: only one that does not exist has vanished."""
    if isinstance(error, FileNotFoundError):
        return _no_row("vanished")
    code = "permission_denied" if isinstance(error, PermissionError) or "ACCESS_DENIED" in str(error) else "read_failed"
    reason = f"the file cannot be read: {error.strerror or error}"[:500]
    return {"status": "unreadable", "reason_code": code, "reason": reason}


def _no_row(problem: str) -> _Row:
    """The row of a file that was not measured."""
    match problem:
        case "crashed" | "timeout":
            return {"status": problem, "reason_code": problem, "reason": _DIED[problem]}
        case "vanished" | "file_not_found" | "not_found":
            reason = "the file was listed and could not be opened any more"
            return {"status": "vanished", "reason_code": problem, "reason": reason}
        case "file_too_large":
            reason = "the file is beyond the limit (BQAT_MAX_FILE_SIZE)"
            return {"status": "too_large", "reason_code": problem, "reason": reason}
        case "out_of_memory":
            reason = "analysing the file needs more memory than a worker has (BQAT_WORKER_MEMORY)"
            return {"status": "crashed", "reason_code": problem, "reason": reason}
    return {"status": "unreadable", "reason_code": problem, "reason": PROBLEMS[problem]}
