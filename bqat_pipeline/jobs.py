"""Jobs that people, sensors and the REST facade launch."""

import dagster as dg

from assets import duplicates, face_profiles, images, outliers, report
from assets.requests import REQUEST_JOBS
from bqat_pipeline.partitions import datasets

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

ALL = [scan, make_report, *REQUEST_JOBS]
