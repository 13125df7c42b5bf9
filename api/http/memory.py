"""How the facade's process handles memory."""

import ctypes
import sys

# Parameters of mallopt(3), from malloc.h of the GNU C library.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_OWN_MAPPING_FROM = 512 << 10
_KEPT = 8 << 20


def return_freed_memory() -> None:
    """Give arrays of half a megabyte and more back to the system when they are freed.

    Left to itself, the C library keeps the room of arrays as large as those of a million rows for later ones, once in
    every thread: 100 MB. Only with the GNU C library; elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_MMAP_THRESHOLD, _OWN_MAPPING_FROM)
    mallopt(_TRIM_THRESHOLD, _KEPT)
