"""Duplicates: which pictures are copies of which, and which one to keep."""

from bqat_pipeline.duplicates.table import DUPLICATES_SCHEMA, NEAR_BITS, DuplicateOptions, write_duplicates

__all__ = ["DUPLICATES_SCHEMA", "NEAR_BITS", "DuplicateOptions", "write_duplicates"]
