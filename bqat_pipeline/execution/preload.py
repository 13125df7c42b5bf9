"""What worker processes need, imported once in the forkserver. Imports only: nothing here may start a thread."""

import contextlib
import os

import numpy  # noqa: F401
import pyarrow.parquet  # noqa: F401

import bqat_pipeline.execution.chunks

with contextlib.suppress(ImportError):
    import cv2  # noqa: F401
with contextlib.suppress(ImportError):
    import bqat_pipeline.face.analysis  # noqa: F401

# A process with another id was forked afterwards.
IMPORTED_BY = os.getpid()
