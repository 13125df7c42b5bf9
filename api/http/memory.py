"""How the facade's process handles memory."""

from bqat_pipeline.allocator import set_thresholds

# Bytes: arrays of this size and more are returned to the system at once; of smaller ones this much is kept.
_OWN_MAPPING_FROM = 512 << 10
_KEPT = 8 << 20


def return_freed_memory() -> None:
    """Return arrays of half a megabyte and more to the system when they are freed.

    By default the GNU C library keeps the memory of freed arrays for later ones, in every thread: with data sets of a
    million rows about 100 MB. Without the GNU C library nothing changes.
    """
    set_thresholds(_OWN_MAPPING_FROM, _KEPT)
