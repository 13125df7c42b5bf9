"""Imports of the facade's process: unused optional libraries left out, modules that read tables loaded on first use.

pandas costs 54 MB and 0.4 s; rich, which the command-line program of httpx
imports, 3 MB; watchfiles, with which uvicorn restarts a server whose source changes, 2 MB.
Arrow's data sets, Parquet and compute functions cost 15 MB: the first request that reads a table loads them. Its S3
client costs 3 MB: the first address that begins with s3 loads it.
"""

import importlib
import sys
import threading
from importlib.util import find_spec, module_from_spec
from types import ModuleType

from bqat_pipeline.web.absent import arrow_without_pandas, without

LATER = ("pyarrow.compute", "pyarrow.parquet", "pyarrow.dataset")

_loading = threading.RLock()


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
    arrow_without_pandas()
    for name in LATER:
        _load_on_first_use(name)
    with without("rich"):
        importlib.import_module("httpx")
    with without("watchfiles"):
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
