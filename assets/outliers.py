"""Asset ``outliers``: pictures with unusual measures, and the reasons."""

import dagster as dg

from assets.face_profiles import face_profiles
from assets.findings import materialize_finding
from assets.metadata import api_link
from assets.partitions import datasets
from bqat_pipeline.names import ASSET_GROUP
from bqat_pipeline.settings import settings
from resources import DatasetStoreResource


@dg.asset(
    partitions_def=datasets,
    deps=[face_profiles],
    group_name=ASSET_GROUP,
    kinds={"parquet"},
    owners=["team:biometrics"],
    automation_condition=dg.AutomationCondition.eager(),
)
def outliers(context: dg.AssetExecutionContext, store: DatasetStoreResource) -> dg.MaterializeResult:
    """Pictures whose measures are unusual within the data set, with a score and reasons as text."""
    from bqat_pipeline.outliers import OutlierOptions, write_outliers

    opened, key = store.open(), context.partition_key
    options = OutlierOptions(rate=settings().outlier_rate)
    return materialize_finding(
        opened,
        key,
        "outliers",
        lambda profiles, generation: write_outliers(profiles, generation, options),
        {"api": api_link(f"scan/{opened.record(key).id}/outliers")},
    )
