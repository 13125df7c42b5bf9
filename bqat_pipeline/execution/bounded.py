"""A parallel map that holds only a few futures, however long its input is."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_TICK_SECONDS = 0.5


def bounded_map(
    fn: Callable[[T], R],
    items: Iterator[T],
    executor: Executor,
    *,
    window: int | Callable[[], int],
    on_tick: Callable[[], None] | None = None,
) -> Iterator[tuple[T, "Future[R]"]]:
    """Each item with its finished future, in the order in which they finish.

    Parameters
    ----------
    fn : Picklable function of one item.
    items : Taken only when there is room in the window. It is asked again after each result even when it had
        nothing more, so that a caller may add items while results come in.
    window : Most futures held at a time, or what answers that; twice the workers keeps all of them busy.
    on_tick : Called at least about twice a second; may raise to end the map.

    Futures that have not started are cancelled when the caller stops early.
    """
    running: dict[Future[R], T] = {}
    limit = window if callable(window) else lambda: window
    ticked = time.monotonic()
    try:
        while True:
            while len(running) < limit() and (item := next(items, None)) is not None:
                running[executor.submit(fn, item)] = item
            if not running:
                return
            finished, _ = wait(running, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
            if on_tick is not None and (not finished or time.monotonic() - ticked >= _TICK_SECONDS):
                on_tick()
                ticked = time.monotonic()
            for future in finished:
                yield running.pop(future), future
    finally:
        for future in running:
            future.cancel()
