"""Settings of the C library's memory allocator."""

import ctypes
import sys
from typing import Any

# Parameters of mallopt(3), from malloc.h of the GNU C library.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def set_thresholds(own_mapping_from: int, kept: int) -> None:
    """Set which freed memory of this process is returned to the system; does nothing without the GNU C library.

    Parameters
    ----------
    own_mapping_from : Blocks of at least this many bytes are returned as soon as they are freed.
    kept : Most freed bytes of smaller blocks, at the end of the heap, that stay with the process.
    """
    mallopt = _function("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, own_mapping_from)
        mallopt(_TRIM_THRESHOLD, kept)


def return_free_pages() -> None:
    """Return to the system what is free now, between what is in use too; does nothing without the GNU C library."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(ctypes.c_size_t(0))


def _function(name: str) -> Any:
    """A function of the C library, or nothing where it has none of this name."""
    if sys.platform != "linux":
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
