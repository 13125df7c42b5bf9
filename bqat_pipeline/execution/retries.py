"""Rows whose status was caused by the machine at that time, not by the file: the next scan measures them again."""

import pyarrow.compute as pc
import pyarrow.dataset as ds

from bqat_pipeline.datasets import Generation

_STATUSES = ("timeout", "crashed", "vanished")
# `not_found` is what the listing said; it says so again, or it does not.
_FINAL = ("not_found",)
# Reasons for which a file of another status is tried again as well.
_REASONS = ("out_of_memory", "analysis_failed", "engine_error", "read_failed", "permission_denied")


def retried_sql() -> str:
    """SQL condition on ``status`` and ``reason_code`` of a profile; never null."""
    return (
        f"(coalesce(status IN ({_quoted(_STATUSES)}) AND reason_code IS DISTINCT FROM '{_FINAL[0]}', false) "
        f"OR coalesce(reason_code IN ({_quoted(_REASONS)}), false))"
    )


def has_retried_rows(generation: Generation) -> bool:
    """Whether the profiles of a complete generation hold rows that the next scan tries again."""
    status, reason = pc.field("status"), pc.field("reason_code")
    wanted = (status.isin(_STATUSES) & ~reason.isin(_FINAL)) | reason.isin(_REASONS)
    profiles = ds.dataset(generation.profiles.path, filesystem=generation.profiles.filesystem, format="parquet")
    return profiles.count_rows(filter=wanted) > 0


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)
