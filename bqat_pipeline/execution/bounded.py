"""A parallel map that holds only a few futures, however long its input is."""

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
    window: int,
    on_tick: Callable[[], None] | None = None,
) -> Iterator[tuple[T, "Future[R]"]]:
    """Each item with its finished future, in the order in which they finish.

    Parameters
    ----------
    fn : Picklable function of one item.
    items : Taken only when there is room in the window. It is asked again after each result even when it had
        nothing more, so that a caller may add items while results come in.
    window : Most futures held at a time; twice the workers keeps all of them busy.
    on_tick : Called about twice a second while nothing finishes; may raise to end the map.

    Futures that have not started are cancelled when the caller stops early.
    """
    running: dict[Future[R], T] = {}
    try:
        while True:
            while len(running) < window and (item := next(items, None)) is not None:
                running[executor.submit(fn, item)] = item
            if not running:
                return
            finished, _ = wait(running, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
            if not finished and on_tick is not None:
                on_tick()
            for future in finished:
                yield running.pop(future), future
    finally:
        for future in running:
            future.cancel()
