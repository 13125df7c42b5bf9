"""Asset ``report``: the HTML report of a data set."""

import time
from typing import Any

import dagster as dg

from assets.duplicates import duplicates
from assets.face_profiles import face_profiles
from assets.identities import IDENTITIES
from assets.metadata import api_link, numbers
from assets.outliers import outliers
from assets.partitions import datasets
from bqat_pipeline.datasets.report_folder import PAGE
from bqat_pipeline.names import ASSET_GROUP
from bqat_pipeline.settings import settings
from resources import DatasetStoreResource


@dg.asset(
    partitions_def=datasets,
    deps=[face_profiles, outliers, duplicates, *IDENTITIES],
    group_name=ASSET_GROUP,
    kinds={"html"},
    owners=["team:biometrics"],
    automation_condition=dg.AutomationCondition.eager(),
)
def report(context: dg.AssetExecutionContext, store: DatasetStoreResource) -> dg.MaterializeResult:
    """Self-contained HTML report: scorecard, distributions, galleries of the worst, outliers, duplicates, changes."""
    from bqat_pipeline.execution.waiting import while_storage_is_away
    from bqat_pipeline.report import ReportOptions, read_report, scorecard_markdown, write_report

    began = time.monotonic()
    opened = store.open()
    key = context.partition_key

    def make() -> tuple[dict[str, Any], str]:
        if opened.manifest(key) is None:
            raise dg.Failure(f"{key} has no profiles yet: materialize face_profiles first")
        opened.enter_stage(key, "report")
        summary = write_report(opened, key, ReportOptions.from_settings())
        made = read_report(opened, key)
        return summary, scorecard_markdown(made.scorecard) if made else ""

    summary, scorecard = while_storage_is_away(make, settings().storage_timeout)
    try:
        opened.discard_uploads(key)  # the report is the last asset that needs the pictures
    except OSError as error:
        context.log.warning("uploaded pictures are deleted later: %s", error)
    return dg.MaterializeResult(
        metadata={
            **numbers(summary),
            "scorecard": dg.MetadataValue.md(scorecard),
            "seconds": round(time.monotonic() - began, 3),
            "path": dg.MetadataValue.path(str(opened.report(key) / PAGE)),
            "open": api_link(f"scan/{opened.record(key).id}/report"),
        }
    )
