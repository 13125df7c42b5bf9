"""What a scan must know of the executor that its chunks run in."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Compute:
    """An executor with what a scan must know of it.

    Attributes
    ----------
    capacity : Calls that run at the same time; may change while a scan runs.
    check : Called about twice a second; raises when the executor is of no use any more.
    calls_per_second : Calls that it can hand out, whatever the number of workers; 0: more than any scan has.
    elsewhere : Whether calls run on other hosts, which may not see every file that the scan sees.
    """

    executor: Executor
    capacity: Callable[[], int]
    check: Callable[[], None] = _nothing
    calls_per_second: float = 0
    elsewhere: bool = False

    @property
    def workers(self) -> int:
        """Calls that run at the same time, at least one."""
        return max(1, self.capacity())

    def window(self) -> int:
        """Most calls to hold at a time: twice the workers keeps all of them busy."""
        return 2 * self.workers
