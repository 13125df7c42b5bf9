"""Jobs that people, sensors and the REST facade launch."""

from typing import Any

import dagster as dg

from assets import ops
from assets.partitions import datasets
from bqat_pipeline import names

scan = dg.define_asset_job(
    names.SCAN,
    selection=dg.AssetSelection.groups(names.ASSET_GROUP) - dg.AssetSelection.tag(names.ON_DEMAND_TAG, "true"),
    partitions_def=datasets,
    tags={names.KIND_TAG: "scan"},
    description="A data set from its files to its report. Resumes an interrupted scan; unchanged files keep their row.",
)

make_report = dg.define_asset_job(
    names.MAKE_REPORT,
    selection=dg.AssetSelection.assets(names.REPORT),
    partitions_def=datasets,
    tags={names.KIND_TAG: "report"},
    description="The report of a data set, written again from its profiles.",
)

explore = dg.define_asset_job(
    names.EXPLORE,
    selection=dg.AssetSelection.assets(names.EXPLORATION),
    partitions_def=datasets,
    tags={names.KIND_TAG: "exploration"},
    description="The exploratory page of a data set. It is not drawn again while it shows the published profiles.",
)

export_review = dg.define_asset_job(
    names.EXPORT_REVIEW,
    selection=dg.AssetSelection.assets(names.REVIEW),
    partitions_def=datasets,
    tags={names.KIND_TAG: "review"},
    description="The result of a review as a list: every file with the decisions about it.",
)


@dg.job(name=names.DETECT_OUTLIERS, tags={names.KIND_TAG: "outlier"}, executor_def=dg.in_process_executor)
def detect_outliers() -> None:
    """Outliers of a data set by one of the detectors of the BQAT API."""
    ops.detect()


@dg.job(name=names.CSV_REPORT, tags={names.KIND_TAG: "report"}, executor_def=dg.in_process_executor)
def csv_report() -> None:
    """Exploratory page of an uploaded table."""
    ops.report_table()


@dg.job(name=names.PREPROCESSING, tags={names.KIND_TAG: "preprocessing"}, executor_def=dg.in_process_executor)
def preprocessing() -> None:
    """Copies of the pictures of a folder in another size, colour space or format."""
    ops.preprocess()


@dg.job(name=names.INGEST_ARCHIVE, executor_def=dg.in_process_executor)
def ingest_archive() -> None:
    """Unpack an archive that was dropped into the data root; the sensor then scans its folder."""
    ops.unpack_archive()


@dg.job(name=names.HOUSEKEEPING, executor_def=dg.in_process_executor)
def housekeeping() -> None:
    """Delete old finished runs from Dagster's history, and face templates whose time is over."""
    ops.delete_old_runs()


ALL: list[Any] = [
    scan,
    make_report,
    explore,
    export_review,
    detect_outliers,
    csv_report,
    preprocessing,
    ingest_archive,
    housekeeping,
]
