"""What the assets ``outliers``, ``duplicates`` and ``review`` share: each writes a table beside the profiles."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.metadata import numbers, preview
from bqat_pipeline.datasets import DatasetStore, Finding, Generation
from bqat_pipeline.settings import settings

if TYPE_CHECKING:
    import pyarrow.dataset as ds


def materialize_finding(
    store: DatasetStore,
    key: str,
    finding: Finding,
    write: Callable[["ds.Dataset", Generation], Mapping[str, Any]],
    metadata: Mapping[str, Any] | None = None,
    *,
    in_scan: bool = True,
) -> dg.MaterializeResult:
    """Write the table of a finding, waiting while the storage is away, and return the metadata for Dagster.

    Parameters
    ----------
    key : Key of the data set.
    finding : Name of the table.
    write : Writes the table from profiles and generation, and returns counts.
    metadata : Further entries besides counts, duration, path and first rows.
    in_scan : Whether it is a stage of a scan, to be shown in the scan's progress.

    Raises
    ------
    dagster.Failure : when there are no profiles yet.
    """
    from bqat_pipeline.execution.waiting import while_storage_is_away

    began = time.monotonic()

    def make() -> tuple[Mapping[str, Any], str, list[dict[str, Any]]]:
        profiles, generation = store.profiles(key), store.current(key)
        if profiles is None or generation is None:
            raise dg.Failure(f"{key} has no profiles yet: materialize face_profiles first")
        if in_scan:
            store.enter_stage(key, finding)
        summary = write(profiles, generation)
        table = generation.found(finding)
        rows = table.head(5).to_pylist() if table is not None else []
        return summary, str(generation.table(finding)), rows

    summary, path, rows = while_storage_is_away(make, settings().storage_timeout)
    return dg.MaterializeResult(
        metadata={
            **numbers(summary),
            "seconds": round(time.monotonic() - began, 3),
            "path": dg.MetadataValue.path(path),
            "first_rows": preview(rows),
            **(metadata or {}),
        }
    )
