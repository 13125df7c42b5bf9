"""Archives from outside, unpacked without trusting a single name or number in them."""

from bqat_pipeline.datasets.archives.unpacking import Unpacked, is_archive, unpack

__all__ = ["Unpacked", "is_archive", "unpack"]
