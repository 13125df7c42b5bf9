"""Asset ``images``: which files a data set holds."""

import time

import dagster as dg
from pydantic import Field

from assets.metadata import numbers, preview
from bqat_pipeline.partitions import datasets
from resources import ComputeResource, DatasetStoreResource


class ListConfig(dg.Config):
    """How to list."""

    force: bool = Field(False, description="Measure every file again, also those that did not change.")
    allow_empty: bool = Field(False, description="Go on when a source that held files before holds none.")


@dg.asset(partitions_def=datasets, group_name="face_quality", kinds={"parquet"}, owners=["team:biometrics"])
def images(
    context: dg.AssetExecutionContext, config: ListConfig, store: DatasetStoreResource, compute: ComputeResource
) -> dg.MaterializeResult:
    """The files of the data set: path, size, time, and why a file must not be opened. Only names are read here."""
    from bqat_pipeline.datasets.images import read_rows
    from bqat_pipeline.execution import Scanner

    began = time.monotonic()
    opened = store.open()
    salt = (context.run.root_run_id or context.run.run_id) if config.force else ""
    plan = Scanner(opened, compute.settings()).list(context.partition_key, salt=salt, allow_empty=config.allow_empty)
    table = opened.generation(context.partition_key, plan.generation) / "images.parquet"
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
