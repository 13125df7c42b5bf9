"""Audits the quality of face image data sets: images, face profiles, outlier flags, HTML report."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqat_pipeline.folder_audit import Audit, audit

__version__ = "0.1.0"
__all__ = ["Audit", "__version__", "audit"]

# Arrow reads this once, when it is imported. Its own memory pools keep freed memory, which adds up over the steps of a
# run; the C library's allocator returns it.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def __getattr__(name: str) -> Any:
    """`audit` and `Audit`, imported on first use, so that reading the version imports nothing."""
    if name in {"Audit", "audit"}:
        from bqat_pipeline import folder_audit

        return getattr(folder_audit, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
