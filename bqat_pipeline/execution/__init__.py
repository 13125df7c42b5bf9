"""Running an engine over all files of a data set: in worker processes or on Dask, resumable, incremental."""

from bqat_pipeline.execution.errors import EmptySourceError, ScanError
from bqat_pipeline.execution.plan import Plan, read_plan
from bqat_pipeline.execution.scan import Scanner, scan_dataset

__all__ = ["EmptySourceError", "Plan", "ScanError", "Scanner", "read_plan", "scan_dataset"]
