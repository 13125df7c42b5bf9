"""Asset ``duplicates``: which pictures are copies of each other."""

import dagster as dg

from assets.face_profiles import face_profiles
from assets.findings import materialize_finding
from assets.partitions import datasets
from bqat_pipeline.names import ASSET_GROUP
from resources import DatasetStoreResource


@dg.asset(
    partitions_def=datasets,
    deps=[face_profiles],
    group_name=ASSET_GROUP,
    kinds={"parquet"},
    owners=["team:biometrics"],
    automation_condition=dg.AutomationCondition.eager(),
)
def duplicates(context: dg.AssetExecutionContext, store: DatasetStoreResource) -> dg.MaterializeResult:
    """Groups of pictures that are byte-identical, or the same picture scaled, recompressed or slightly changed."""
    from bqat_pipeline.duplicates import write_duplicates

    return materialize_finding(store.open(), context.partition_key, "duplicates", write_duplicates)
