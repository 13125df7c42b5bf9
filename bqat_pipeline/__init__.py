"""Audits the quality of face image data sets: images, face profiles, outlier flags, HTML report."""

import os

__version__ = "0.1.0"

# Arrow reads this once, when it is imported. Its own memory pools keep what they once had, which adds up over the steps
# of a run; the C library's gives it back.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
