"""One picture at once: an engine that stays loaded in worker processes beside the caller.

The caller never imports the engine. A picture that ends its worker, or takes too long, costs its own answer only.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import Any

from bqat_pipeline.execution.pool import WorkerDiedError, WorkerPool, time_limit
from bqat_pipeline.settings import Settings

# Of a picture whose worker ended, after the one that a scan gives.
_ENDED = {
    "timeout": "the picture took longer than the limit (BQAT_IMAGE_TIMEOUT)",
    "crashed": "the picture ended its worker",
}


class QueueFullError(RuntimeError):
    """The queue of pictures is full.

    Attributes
    ----------
    retry_after : Seconds after which there should be room.
    """

    def __init__(self, waiting: int, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"{waiting} pictures wait for assessment already; try again in {retry_after:.0f} s")


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was found in one picture.

    Attributes
    ----------
    row : Every column of the engine, as in a face profile; ``file`` is None.
    verdict : ``pass``, ``borderline``, ``fail`` or ``not_assessed``.
    reasons : What to change, most important first.
    requirements : ``requirement_outcomes`` of the rule set.
    recognition : The second verdict (``requirements.Recognition``): whether recognition will work with the picture.
    seconds : What the engine took.
    """

    row: dict[str, Any]
    verdict: str
    reasons: tuple[str, ...]
    requirements: tuple[Any, ...]
    recognition: Any
    seconds: float


class Assessor:
    """Worker processes that measure and judge single pictures, in the order in which they come.

    Parameters
    ----------
    settings : ``assess_workers`` (0: none), ``assess_queue``, and the limits of a scan on time, memory and size.
    """

    def __init__(self, settings: Settings) -> None:
        self.workers = settings.assess_workers
        self._most = self.workers + settings.assess_queue
        self._timeout = float(settings.image_timeout)
        self._limits = (settings.max_pixels, int(settings.max_file_size))
        self._lock = threading.Lock()
        self._open = 0
        self._mean = 0.1  # seconds a picture, of the last ones
        # A single worker is not without a picture; of several, a free one takes what waits.
        ahead = 1 if self.workers == 1 else 0
        self._pool = WorkerPool(self.workers, int(settings.worker_memory), ahead) if self.workers else None

    @property
    def waiting(self) -> int:
        """Pictures that wait or are measured now."""
        return self._open

    @property
    def processes(self) -> list[int]:
        """Process ids of the workers that run."""
        return self._pool.processes if self._pool else []

    def warm_up(self) -> None:
        """Start the workers and load their engines; returns at once."""
        for _ in range(self.workers):
            if self._pool:
                self._pool.submit(_load, *self._limits)

    def check_room(self) -> None:
        """Look whether another picture may wait.

        Raises
        ------
        QueueFullError : when too many do already.
        """
        if self._open >= self._most:
            raise QueueFullError(self._open, max(1.0, self._open * self._mean / self.workers))

    def submit(self, content: bytes, rules: str) -> "Future[Assessment]":
        """Measure and judge the bytes of a picture file; bad ones become a row with status and reason.

        A future that is cancelled before its turn costs no worker's time, unless a single worker has the picture
        already as its next one; its place is free at once.

        Parameters
        ----------
        rules : Shipped name of a rule set, or a path that the operator chose.

        Raises
        ------
        QueueFullError : when too many wait already.
        """
        began = time.monotonic()

        def ended(error: WorkerDiedError) -> Assessment:
            return _ended(content, rules, error, time.monotonic() - began)

        return self._submit(_assess, content, rules, ended=ended)

    def marks(self, content: bytes) -> "Future[Any]":
        """Landmarks and light zones of a picture file: `bqat_pipeline.face.drawing.marks.Marks`, or a sentence why not.

        Raises
        ------
        QueueFullError : when too many pictures wait already.
        """

        def ended(error: WorkerDiedError) -> str:
            return _ENDED["timeout" if error.timed_out else "crashed"]

        return self._submit(_marks, content, ended=ended)

    def compute(self, call: Callable[..., Any], content: bytes, *arguments: Any, ended: Any) -> "Future[Any]":
        """What a function says of a picture file, in a worker.

        Parameters
        ----------
        call : Picklable; is given content, arguments, the seconds of ``time_limit``, and the limits in px and bytes.
        ended : The answer where the picture ends its worker.

        Raises
        ------
        QueueFullError : when too many pictures wait already.
        """
        return self._submit(call, content, *arguments, ended=lambda error: ended)

    def _submit(self, call: Callable[..., Any], *arguments: Any, ended: Callable[[WorkerDiedError], Any]) -> Any:
        """A future of what a worker answers; `ended` says what is answered for a worker that has ended."""
        assert self._pool is not None, "there are no workers (BQAT_ASSESS_WORKERS=0)"
        with self._lock:
            self.check_room()
            self._open += 1
        answer: Future[Any] = Future()
        future = self._pool.submit(call, *arguments, self._timeout, *self._limits)

        def settle(finished: "Future[Any]") -> None:
            with self._lock:
                self._open -= 1
            if finished.cancelled():
                answer.cancel()
                return
            if not answer.set_running_or_notify_cancel():
                return
            try:
                found = finished.result()
                self._mean += (getattr(found, "seconds", self._mean) - self._mean) / 8
                answer.set_result(found)
            except WorkerDiedError as error:
                answer.set_result(ended(error))
            except BaseException as error:  # noqa: BLE001 - belongs to the future
                answer.set_exception(error)

        future.add_done_callback(settle)
        answer.add_done_callback(lambda given: given.cancelled() and future.cancel())
        return answer

    def close(self) -> None:
        """End the workers; whoever waits gets an exception."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)


def _ended(content: bytes, rules: str, error: WorkerDiedError, seconds: float) -> Assessment:
    from bqat_pipeline.columns import FACE
    from bqat_pipeline.requirements import load_rule_set, recognition, requirement_outcomes

    status = "timeout" if error.timed_out else "crashed"
    facts = {"status": status, "reason_code": status, "reason": _ENDED[status], "warnings": []}
    row = dict.fromkeys(FACE.names) | facts | {"sha256": hashlib.sha256(content).hexdigest()}
    outcomes = requirement_outcomes(load_rule_set(rules), row)
    return Assessment(row, "not_assessed", (), tuple(outcomes), recognition(row), seconds)


# in the worker


@cache
def _engine(max_pixels: int, max_file_size: int) -> Any:
    from bqat_pipeline.face import EngineOptions, FaceEngine

    return FaceEngine(EngineOptions(max_pixels=max_pixels, max_file_size=max_file_size))


@cache
def _rules(name: str) -> Any:
    from bqat_pipeline.requirements import load_rule_set

    return load_rule_set(name)


def _load(max_pixels: int, max_file_size: int) -> None:
    import numpy as np

    # A picture without a face loads the detector only; the landmark net is loaded by a region of any picture.
    _engine(max_pixels, max_file_size).analyse(np.full((64, 64, 3), 127, np.uint8))


def _assess(content: bytes, rules: str, seconds: float, max_pixels: int, max_file_size: int) -> Assessment:
    from bqat_pipeline.requirements import evaluate_row, recognition, requirement_outcomes

    engine = _engine(max_pixels, max_file_size)
    chosen = _rules(rules)
    with time_limit(seconds):
        began = time.perf_counter()
        row = engine.analyse(content)
        took = time.perf_counter() - began
    verdict = evaluate_row(chosen, row)
    outcomes = tuple(requirement_outcomes(chosen, row))
    return Assessment(row, verdict.overall, verdict.reasons, outcomes, recognition(row), took)


def _marks(content: bytes, seconds: float, max_pixels: int, max_file_size: int) -> Any:
    from bqat_pipeline.face.drawing.marks import face_marks
    from bqat_pipeline.face.errors import SourceError

    engine = _engine(max_pixels, max_file_size)
    try:
        with time_limit(seconds):
            found = face_marks(engine.context(content))
    except SourceError as error:
        return str(error)
    return found or "no landmarks were found in the picture"
