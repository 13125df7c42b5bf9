"""The C library's allocator of this process."""

import ctypes
import sys

# Parameters of mallopt(3), from malloc.h of the GNU C library.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def set_thresholds(own_mapping_from: int, kept: int) -> None:
    """Say what is returned to the system when it is freed; does nothing without the GNU C library.

    Parameters
    ----------
    own_mapping_from : Bytes from which an array is returned at once.
    kept : Most free bytes that stay with the process of what is smaller.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_MMAP_THRESHOLD, own_mapping_from)
    mallopt(_TRIM_THRESHOLD, kept)
