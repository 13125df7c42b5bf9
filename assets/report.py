"""Asset ``report``: the page that a person reads."""

import time

import dagster as dg

from assets.duplicates import duplicates
from assets.face_profiles import face_profiles
from assets.metadata import api_link, numbers
from assets.outliers import outliers
from bqat_pipeline.partitions import datasets
from resources import DatasetStoreResource


@dg.asset(
    partitions_def=datasets,
    deps=[face_profiles, outliers, duplicates],
    group_name="face_quality",
    kinds={"html"},
    owners=["team:biometrics"],
    automation_condition=dg.AutomationCondition.eager(),
)
def report(context: dg.AssetExecutionContext, store: DatasetStoreResource) -> dg.MaterializeResult:
    """Self-contained HTML report: scorecard, distributions, galleries of the worst, outliers, copies, changes."""
    from bqat_pipeline.report import ReportOptions, read_report, scorecard_markdown, write_report

    began = time.monotonic()
    opened = store.open()
    key = context.partition_key
    if opened.manifest(key) is None:
        raise dg.Failure(f"{key} has no profiles yet: materialize face_profiles first")
    opened.enter_stage(key, "report")
    options = ReportOptions.from_settings()
    summary = write_report(opened, key, options)
    try:
        opened.discard_uploads(key)  # the report is the last that looks at pictures
    except OSError as error:
        context.log.warning("uploaded pictures are deleted later: %s", error)
    made = read_report(opened, key)
    return dg.MaterializeResult(
        metadata={
            **numbers(summary),
            "scorecard": dg.MetadataValue.md(scorecard_markdown(made.scorecard) if made else ""),
            "seconds": round(time.monotonic() - began, 3),
            "path": dg.MetadataValue.path(str(opened.report(key) / "index.html")),
            "open": api_link(f"scan/{opened.record(key).id}/report"),
        }
    )
