"""Jobs that people, sensors and the REST facade launch."""

from typing import Any

import dagster as dg

from assets import duplicates, exploration, face_profiles, images, outliers, report, requests
from assets.partitions import datasets

scan = dg.define_asset_job(
    "scan",
    selection=dg.AssetSelection.assets(images, face_profiles, outliers, duplicates, report),
    partitions_def=datasets,
    tags={"bqat/kind": "scan"},
    description="A data set from its files to its report. Resumes what was interrupted; unchanged files keep rows.",
)

make_report = dg.define_asset_job(
    "make_report",
    selection=dg.AssetSelection.assets(report),
    partitions_def=datasets,
    tags={"bqat/kind": "report"},
    description="The report of a data set, made again from its profiles.",
)


explore = dg.define_asset_job(
    "explore",
    selection=dg.AssetSelection.assets(exploration),
    partitions_def=datasets,
    tags={"bqat/kind": "exploration"},
    description="The exploratory page of a data set. A page that shows the published profiles is left as it is.",
)


@dg.job(name="detect_outliers", tags={"bqat/kind": "outlier"}, executor_def=dg.in_process_executor)
def detection() -> None:
    """Outliers of a data set by one of the detectors of the BQAT API."""
    requests.detect()


@dg.job(name="csv_report", tags={"bqat/kind": "report"}, executor_def=dg.in_process_executor)
def table_report() -> None:
    """Exploratory page of an uploaded table."""
    requests.report_table()


@dg.job(tags={"bqat/kind": "preprocessing"}, executor_def=dg.in_process_executor)
def preprocessing() -> None:
    """Changed copies of the pictures of a folder."""
    requests.preprocess()


@dg.job(executor_def=dg.in_process_executor)
def ingest_archive() -> None:
    """Unpack an archive that was dropped into the data root; the sensor then scans its folder."""
    requests.unpack_archive()


@dg.job(executor_def=dg.in_process_executor)
def housekeeping() -> None:
    """Delete finished runs of long ago from Dagster's history."""
    requests.delete_old_runs()


ALL: list[Any] = [scan, make_report, explore, detection, table_report, preprocessing, ingest_archive, housekeeping]
