"""Asset ``duplicates``: which pictures are copies of each other."""

import time
from typing import Any

import dagster as dg

from assets.face_profiles import face_profiles
from assets.metadata import numbers, preview
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
def duplicates(context: dg.AssetExecutionContext, store: DatasetStoreResource) -> dg.MaterializeResult:
    """Groups of pictures that are byte-identical, or the same picture scaled, recompressed or slightly changed."""
    from bqat_pipeline.duplicates import write_duplicates
    from bqat_pipeline.execution.waiting import while_storage_is_away

    began = time.monotonic()
    opened = store.open()
    key = context.partition_key

    def make() -> tuple[dict[str, Any], str, list[dict[str, Any]]]:
        profiles, place = opened.profiles(key), opened.current(key)
        if profiles is None or place is None:
            raise dg.Failure(f"{key} has no profiles yet: materialize face_profiles first")
        opened.enter_stage(key, "duplicates")
        summary = write_duplicates(profiles, place)
        table = opened.table(key, "duplicates")
        return summary, str(place / "duplicates.parquet"), table.head(5).to_pylist() if table is not None else []

    summary, place, rows = while_storage_is_away(make, settings().storage_timeout)
    return dg.MaterializeResult(
        metadata={
            **numbers(summary),
            "seconds": round(time.monotonic() - began, 3),
            "path": dg.MetadataValue.path(place),
            "first_rows": preview(rows),
        }
    )
