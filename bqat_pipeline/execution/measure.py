"""Work through the chunks of a generation, whatever single files do to the workers."""

import logging
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from functools import partial
from math import ceil

import pyarrow as pa

from bqat_pipeline.datasets import Location
from bqat_pipeline.execution.bounded import bounded_map
from bqat_pipeline.execution.chunks import Chunk, ChunkResult, ScanContext, process_chunk
from bqat_pipeline.execution.compute import Compute
from bqat_pipeline.execution.errors import ScanError
from bqat_pipeline.execution.parts import Range, finished_parts, gaps, intact_parts, pending_chunks
from bqat_pipeline.execution.pool import WorkerDiedError
from bqat_pipeline.execution.presence import UnseenFilesError
from bqat_pipeline.execution.progress import ProgressWriter

logger = logging.getLogger(__name__)

_DEATHS_OF_A_FILE = 3
# A machine that stood still (a suspended host, a stopped process) makes any file late once.
_TIMEOUTS_OF_A_FILE = 2
_DEATHS_OUTSIDE_FILES = 3
# Every worker gets at least this many chunks, so that all of them end at about the same time.
_CHUNKS_PER_WORKER = 4
# What a worker measures at most, to choose chunks that are not finished too fast to be handed out.
_FILES_PER_SECOND = 60
_ROUNDS = 3


def measure(
    context: ScanContext, work: Location, total: int, compute: Compute, chunk_size: int, progress: ProgressWriter
) -> None:
    """Put in place all parts of a work list that are not there yet.

    Parameters
    ----------
    work : Table of files in the form of the image table.
    total : Number of files in it.
    chunk_size : Most files in one unit of work; more where the executor could not hand out so many.

    Raises
    ------
    ScanError : when workers end before they open any file, the cluster is gone, or parts do not arrive.
    OSError : when a part cannot be written.
    """
    size = _chunk_size(chunk_size, total, compute)
    covered = _count_finished(context, progress)
    for _ in range(_ROUNDS):
        _work_through(context, pending_chunks(work, covered, total, size), compute, progress)
        covered = list(finished_parts(context.generation.parts))
        missing = sum(stop - start for start, stop in gaps(covered, total))
        if not missing:
            return
        logger.warning(
            "%d files have no part in %s, though it was reported; once more", missing, context.generation.parts
        )
        progress.skip(-missing)
    raise ScanError(
        f"{missing} files have no part in {context.generation.parts}, though workers say that they wrote it; "
        "do all of them write to these results (BQAT_HOME), and does anything else delete files there?"
    )


def _chunk_size(most: int, total: int, compute: Compute) -> int:
    size = most
    if compute.calls_per_second:
        size = max(most, ceil(compute.workers * _FILES_PER_SECOND / compute.calls_per_second))
    return min(size, max(1, total // (compute.workers * _CHUNKS_PER_WORKER)))


def _count_finished(context: ScanContext, progress: ProgressWriter) -> list[Range]:
    """Ranges of the parts that are there, which count as done."""
    parts = intact_parts(context.generation.parts)
    covered = 0
    for (start, stop), summary in parts.items():
        fresh = stop - max(start, covered)
        if fresh > 0:
            covered = stop
            progress.skip(fresh, summary.failed)
    return list(parts)


def _work_through(context: ScanContext, chunks: Iterator[Chunk], compute: Compute, progress: ProgressWriter) -> None:
    queue = _Queue(chunks, context.in_batches)

    def tick() -> None:
        progress.refresh()
        compute.check()

    function = partial(process_chunk, context, may_be_blind=compute.elsewhere)
    for chunk, future in bounded_map(function, queue, compute.executor, window=compute.window, on_tick=tick):
        result = queue.settle(chunk, future)
        if result is not None:
            progress.add(result.files, result.failed)


class _Queue(Iterator[Chunk]):
    """Chunks to do: those that come again after a worker died, then those of the work list."""

    def __init__(self, chunks: Iterator[Chunk], in_batches: bool) -> None:
        self._in_batches = in_batches
        self._chunks = chunks
        self._again: deque[Chunk] = deque()
        self._deaths: Counter[int] = Counter()
        self._timeouts: Counter[int] = Counter()
        self._deaths_outside_files: Counter[int] = Counter()

    def __next__(self) -> Chunk:
        if self._again:
            return self._again.popleft()
        return next(self._chunks)

    def settle(self, chunk: Chunk, future: "Future[ChunkResult]") -> ChunkResult | None:
        """The result of a chunk, or None when it, or what is left of it, goes back into the queue."""
        try:
            return future.result()
        except CancelledError as error:
            raise ScanError("the workers were taken away; what is done is kept: run the scan again") from error
        except MemoryError as error:  # outside of any file, which would be a row
            raise ScanError("a worker has too little memory for its rows (BQAT_WORKER_MEMORY)") from error
        except pa.ArrowException as error:
            if type(error) is not pa.ArrowException:
                raise
            # Of no kind of its own: what the system refused to Arrow, such as a thread beyond the limit of memory.
            raise ScanError(f"a worker cannot work ({error}); is BQAT_WORKER_MEMORY too small?") from error
        except UnseenFilesError as error:  # nor does the scan find them, or its executor would have tried elsewhere
            for file in error.files:
                chunk = chunk.with_problem(file.position, file.reason_code)
            self._again.append(chunk)
        except WorkerDiedError as error:
            logger.warning("%s at file %s of chunk %d-%d", error, error.position, chunk.start, chunk.stop)
            self._again.append(self._after_death(chunk, error))
        return None

    def _after_death(self, chunk: Chunk, error: WorkerDiedError) -> Chunk:
        position = error.position
        if position is None:
            if self._in_batches and len(chunk.items) > 1:
                self._again.extend(chunk.singles()[1:])
                return chunk.singles()[0]
            self._deaths_outside_files[chunk.start] += 1
            if self._deaths_outside_files[chunk.start] >= _DEATHS_OUTSIDE_FILES:
                raise ScanError(
                    f"worker processes end before or after their files, not because of one ({error}); "
                    "is BQAT_WORKER_MEMORY too small, or the installation damaged?"
                ) from error
            return chunk
        row = chunk.items[position].row
        if error.timed_out:
            self._timeouts[row] += 1
            if self._timeouts[row] >= _TIMEOUTS_OF_A_FILE:
                del self._timeouts[row]
                return chunk.with_problem(position, "timeout")
            return chunk
        self._deaths[row] += 1
        if self._deaths[row] >= _DEATHS_OF_A_FILE:
            del self._deaths[row]
            return chunk.with_problem(position, "crashed")
        return chunk
