"""Asset ``review``: the decisions of people as a list."""

import dagster as dg

from assets.duplicates import duplicates
from assets.face_profiles import face_profiles
from assets.findings import materialize_finding
from assets.metadata import api_link
from assets.outliers import outliers
from assets.partitions import datasets
from bqat_pipeline.names import ASSET_GROUP, ON_DEMAND_TAG
from resources import DatasetStoreResource


@dg.asset(
    partitions_def=datasets,
    deps=[face_profiles, outliers, duplicates],
    group_name=ASSET_GROUP,
    tags={ON_DEMAND_TAG: "true"},
    kinds={"parquet", "csv"},
    owners=["team:biometrics"],
)
def review(context: dg.AssetExecutionContext, store: DatasetStoreResource) -> dg.MaterializeResult:
    """Every file with what people decided: accept, retake, look again or undecided, by whom, when and why.

    Written on demand, with the decisions made until then; scans and reports do not depend on it.
    """
    from bqat_pipeline.review.export import write_review

    opened, key = store.open(), context.partition_key
    return materialize_finding(
        opened,
        key,
        "review",
        lambda profiles, generation: write_review(opened, key, profiles, generation),
        {
            "csv": api_link(f"v1/datasets/{key}/review.csv"),
            "parquet": api_link(f"v1/datasets/{key}/review.parquet"),
            "decisions": api_link(f"v1/datasets/{key}/decisions"),
        },
        in_scan=False,
    )
