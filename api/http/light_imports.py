"""Imports of the facade's process: unused optional libraries left out, modules that read tables loaded on first use.

pandas, which Arrow imports where it is installed, costs 54 MB and 0.4 s; rich, which the command-line program of httpx
imports, 3 MB; watchfiles, with which uvicorn restarts a server whose source changes, 2 MB.
Arrow's data sets, Parquet and compute functions cost 15 MB: the first request that reads a table loads them. Its S3
client costs 3 MB: the first address that begins with s3 loads it.
"""

import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType

LATER = ("pyarrow.compute", "pyarrow.parquet", "pyarrow.dataset")

_loading = threading.RLock()


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
def _without(library: str) -> Iterator[None]:
    """Make imports in the block find a library missing."""
    finder = _Absent(library)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _LoadedOnFirstUse(ModuleType):
    """A module that is executed when one of its names is first used.

    ``importlib.util.LazyLoader`` does the same, but until Python 3.11.9 another thread could meet the module half
    executed.
    """

    def __getattribute__(self, name: str) -> object:
        if name.startswith("__") and name.endswith("__"):  # read by the import system itself
            return ModuleType.__getattribute__(self, name)
        with _loading:
            if type(self) is _LoadedOnFirstUse and not getattr(self.__spec__, "_initializing", False):
                _execute(self)
        return ModuleType.__getattribute__(self, name)


def _execute(module: ModuleType) -> None:
    spec = module.__spec__
    assert spec is not None and spec.loader is not None
    spec._initializing = True  # type: ignore[attr-defined]  # as the import system marks a module that it executes
    try:
        spec.loader.exec_module(module)
    finally:
        spec._initializing = False  # type: ignore[attr-defined]
    module.__class__ = ModuleType


def import_libraries() -> None:
    """Import Arrow, httpx and uvicorn without what the facade never uses; call it before anything else imports them."""
    with _without("pandas"):
        arrow = importlib.import_module("pyarrow")
        arrow.scalar(0)  # Arrow looks for pandas here, once per process
    for name in LATER:
        _load_on_first_use(name)
    with _without("rich"):
        importlib.import_module("httpx")
    with _without("watchfiles"):
        importlib.import_module("uvicorn")


def _load_on_first_use(name: str) -> None:
    spec = find_spec(name)
    if name in sys.modules or spec is None:
        return
    module = module_from_spec(spec)
    module.__class__ = _LoadedOnFirstUse
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    setattr(sys.modules[package], last, module)
