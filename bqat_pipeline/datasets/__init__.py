"""The data-set folder: where rows live on disk. The only code that knows how a data set is laid out."""

from bqat_pipeline.datasets.errors import (
    DamagedDatasetError,
    StorageError,
    UnknownDatasetError,
    UnreadableDatasetError,
    UnwritableDatasetError,
)
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.generation import Finding, Generation
from bqat_pipeline.datasets.records import DatasetRecord, Manifest, Progress, ScanOptions, Source
from bqat_pipeline.datasets.store import DatasetStore

__all__ = [
    "DamagedDatasetError",
    "DatasetRecord",
    "DatasetStore",
    "Finding",
    "Generation",
    "Location",
    "Manifest",
    "Progress",
    "ScanOptions",
    "Source",
    "StorageError",
    "UnknownDatasetError",
    "UnreadableDatasetError",
    "UnwritableDatasetError",
]
