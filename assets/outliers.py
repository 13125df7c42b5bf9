"""Asset ``outliers``: which faces are unusual, and why."""

import time
from typing import Any

import dagster as dg

from assets.face_profiles import face_profiles
from assets.metadata import api_link, numbers, preview
from bqat_pipeline.partitions import datasets
from bqat_pipeline.settings import settings
from resources import DatasetStoreResource


@dg.asset(
    partitions_def=datasets,
    deps=[face_profiles],
    group_name="face_quality",
    kinds={"parquet"},
    owners=["team:biometrics"],
    automation_condition=dg.AutomationCondition.eager(),
)
def outliers(context: dg.AssetExecutionContext, store: DatasetStoreResource) -> dg.MaterializeResult:
    """Pictures whose measures are unusual within the data set, with a score and reasons in words."""
    from bqat_pipeline.execution.waiting import while_storage_is_away
    from bqat_pipeline.outliers import OutlierOptions, write_outliers

    began = time.monotonic()
    opened = store.open()
    key = context.partition_key

    def make() -> tuple[dict[str, Any], str, list[dict[str, Any]]]:
        profiles, place = opened.profiles(key), opened.current(key)
        if profiles is None or place is None:
            raise dg.Failure(f"{key} has no profiles yet: materialize face_profiles first")
        opened.enter_stage(key, "outliers")
        summary = write_outliers(profiles, place, OutlierOptions(rate=settings().outlier_rate))
        table = opened.table(key, "outliers")
        return summary, str(place / "outliers.parquet"), table.head(5).to_pylist() if table is not None else []

    summary, place, rows = while_storage_is_away(make, settings().storage_timeout)
    return dg.MaterializeResult(
        metadata={
            **numbers(summary),
            "seconds": round(time.monotonic() - began, 3),
            "path": dg.MetadataValue.path(place),
            "api": api_link(f"scan/{opened.record(key).id}/outliers"),
            "first_rows": preview(rows),
        }
    )
