"""How the facade's process handles memory."""

from bqat_pipeline.allocator import set_thresholds

_OWN_MAPPING_FROM = 512 << 10
_KEPT = 8 << 20


def return_freed_memory() -> None:
    """Give arrays of half a megabyte and more back to the system when they are freed.

    Left to itself, the C library keeps the room of arrays as large as those of a million rows for later ones, once in
    every thread: 100 MB. Only with the GNU C library; elsewhere nothing happens.
    """
    set_thresholds(_OWN_MAPPING_FROM, _KEPT)
