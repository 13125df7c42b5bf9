"""Running an engine over all files of a data set: in worker processes or on Dask, resumable, incremental.

The names are imported when they are asked for: who takes single modules, as the REST facade, does without the scan.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqat_pipeline.execution.errors import EmptySourceError, ScanError
    from bqat_pipeline.execution.plan import Plan, read_plan
    from bqat_pipeline.execution.scan import Scanner, scan_dataset

__all__ = ["EmptySourceError", "Plan", "ScanError", "Scanner", "read_plan", "scan_dataset"]

_MODULES = {
    "EmptySourceError": "errors",
    "ScanError": "errors",
    "Plan": "plan",
    "read_plan": "plan",
    "Scanner": "scan",
    "scan_dataset": "scan",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
