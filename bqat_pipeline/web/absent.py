"""Optional libraries left out of a process that does not use them, where others import what they find installed."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Absent:
    """Import finder that reports one library as not installed."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == self._library:
            raise ModuleNotFoundError(f"{name} is not used in this process", name=name)
        return None


@contextmanager
def without(library: str) -> Iterator[None]:
    """Make imports in the block find a library missing."""
    finder = _Absent(library)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def arrow_without_pandas() -> None:
    """Import Arrow without pandas: 0.4 s of CPU and 54 MB. Later imports and ``to_pandas`` find pandas nevertheless."""
    with without("pandas"):
        arrow = importlib.import_module("pyarrow")
        arrow.scalar(0)  # Arrow looks for pandas here, once per process
