"""Asset ``images``: the list of files of a data set."""

import time
from typing import NoReturn

import dagster as dg
from pydantic import Field

from assets.metadata import numbers, preview
from assets.partitions import datasets
from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.names import ASSET_GROUP, PARTITIONS
from resources import ComputeResource, DatasetStoreResource


class ListConfig(dg.Config):
    """Options of the listing."""

    force: bool = Field(False, description="Measure every file again, also those that did not change.")
    allow_empty: bool = Field(False, description="Go on when a source that held files before holds none.")


@dg.asset(partitions_def=datasets, group_name=ASSET_GROUP, kinds={"parquet"}, owners=["team:biometrics"])
def images(
    context: dg.AssetExecutionContext, config: ListConfig, store: DatasetStoreResource, compute: ComputeResource
) -> dg.MaterializeResult:
    """The files of the data set: path, size, time, and why a file must not be opened. No file is opened here."""
    from bqat_pipeline.datasets.images import read_rows
    from bqat_pipeline.execution import Scanner
    from bqat_pipeline.execution.unmeasured import is_unmeasured

    began = time.monotonic()
    opened = store.open()
    salt = (context.run.root_run_id or context.run.run_id) if config.force else ""
    key = context.partition_key
    try:
        plan = Scanner(opened, compute.settings()).list(key, salt=salt, allow_empty=config.allow_empty)
    except FileNotFoundError as error:
        if is_unmeasured(opened, key):
            _undo(context, opened, str(error))
        raise
    if not plan.files and not config.allow_empty and is_unmeasured(opened, key):
        places = ", ".join(source.prefix for source in opened.record(key).sources)
        reasons = "; ".join([f"there are no pictures in {places}", *plan.passed_over.instead_of_pictures()])
        _undo(context, opened, reasons)
    table = opened.generation(context.partition_key, plan.generation).images
    batch = next(read_rows(table, ["file", "file_size", "modified", "problem"]), None)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": plan.files,
            "megabytes": round(plan.size / 1e6, 3),
            **numbers(plan.passed_over.model_dump()),
            "warnings": dg.MetadataValue.text("; ".join(plan.passed_over.warnings()) or "none"),
            "seconds": round(time.monotonic() - began, 3),
            "generation": plan.generation,
            "path": dg.MetadataValue.path(str(table)),
            "first_files": preview(batch.slice(0, 5).to_pylist() if batch is not None else []),
        }
    )


def _undo(context: dg.AssetExecutionContext, store: DatasetStore, reason: str) -> NoReturn:
    """Delete a data set without files, and its partition, and fail its first scan.

    Raises
    ------
    Failure : always.
    """
    key = context.partition_key
    store.delete(key)
    context.instance.delete_dynamic_partition(PARTITIONS, key)
    raise dg.Failure(
        f"{reason}; the data set {key}, of which nothing was ever measured, was deleted again", allow_retries=False
    )
