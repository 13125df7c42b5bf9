"""What a scan must know of the executor that its chunks run in."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass


def _never(error: BaseException) -> bool:
    return False


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Compute:
    """An executor with what a scan must know of it.

    Attributes
    ----------
    workers : Calls that run at the same time.
    lost_worker : Whether an exception of a call means that its worker process ended.
    lost_scheduler : Whether it means that nobody can take calls any more.
    check : Called about twice a second while nothing finishes; raises when nothing ever will.
    """

    executor: Executor
    workers: int
    lost_worker: Callable[[BaseException], bool] = _never
    lost_scheduler: Callable[[BaseException], bool] = _never
    check: Callable[[], None] = _nothing
