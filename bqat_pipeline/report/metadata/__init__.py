"""A table that people keep about their pictures, joined to the profiles by file names."""

from bqat_pipeline.report.metadata.join import (
    NO_VALUE,
    Metadata,
    check_metadata,
    join_coverage,
    load_metadata,
    read_metadata,
)
from bqat_pipeline.report.metadata.table import MetadataError

__all__ = ["NO_VALUE", "Metadata", "MetadataError", "check_metadata", "join_coverage", "load_metadata", "read_metadata"]
