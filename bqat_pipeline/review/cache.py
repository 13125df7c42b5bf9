"""Things kept in memory up to a number of bytes; computed once, also when several threads ask at once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class BoundedCache(Generic[_T]):
    """The most recently used values; the oldest go first. The newest stays, however large it is.

    Parameters
    ----------
    limit : Bytes of all values together.
    size : Bytes of a value; asked again at each look, for values that grow.
    """

    def __init__(self, limit: int, size: Callable[[_T], int]) -> None:
        self._limit, self._size = limit, size
        self._values: OrderedDict[Hashable, _T] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def peek(self, key: Hashable) -> _T | None:
        """The value of a key where it is kept; computes nothing."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def get(self, key: Hashable, compute: Callable[[], _T]) -> _T:
        """The value of a key, computed by the first who asks; others wait for it."""
        found = self.peek(key)
        if found is not None:
            return found
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                found = self.peek(key)
                if found is None:
                    found = compute()
                    with self._lock:
                        self._values[key] = found
                        self._trim()
            return found
        finally:
            with self._lock:
                self._making.pop(key, None)

    def drop(self, unwanted: Callable[[Any], bool]) -> None:
        """Let go of the values of some keys."""
        with self._lock:
            for key in [key for key in self._values if unwanted(key)]:
                del self._values[key]

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._values

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        with self._lock:
            return sum(self._size(value) for value in self._values.values())

    def _trim(self) -> None:
        total = sum(self._size(value) for value in self._values.values())
        while total > self._limit and len(self._values) > 1:
            _, oldest = self._values.popitem(last=False)
            total -= self._size(oldest)
