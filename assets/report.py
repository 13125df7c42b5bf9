"""Asset ``report``: the page that a person reads."""

import time

import dagster as dg
from pydantic import Field

from assets.duplicates import duplicates
from assets.face_profiles import face_profiles
from assets.metadata import api_link, numbers
from assets.outliers import outliers
from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.partitions import datasets
from bqat_pipeline.settings import settings
from resources import DatasetStoreResource


class ReportConfig(dg.Config):
    """How much to put in the report."""

    minimal: bool = Field(False, description="Leave out the expensive sections of the exploratory page.")
    downsample: float = Field(1.0, gt=0, le=1, description="Share of the rows that the exploratory page looks at.")


@dg.asset(
    partitions_def=datasets,
    deps=[face_profiles, outliers, duplicates],
    group_name="face_quality",
    kinds={"html"},
    owners=["team:biometrics"],
    automation_condition=dg.AutomationCondition.eager(),
)
def report(
    context: dg.AssetExecutionContext, config: ReportConfig, store: DatasetStoreResource
) -> dg.MaterializeResult:
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
    if settings().eda and not _has_eda(opened, key):
        _write_eda(context, config, opened)
    opened.discard_uploads(key)  # the report is the last that looks at pictures
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


def _has_eda(store: DatasetStore, key: str) -> bool:
    """Whether there is an exploratory page that was made after the profiles: it takes ten seconds and more."""
    manifest = store.manifest(key)
    page = (store.report(key) / "eda.html").info()
    return manifest is not None and page.mtime is not None and page.mtime > manifest.created


def _write_eda(context: dg.AssetExecutionContext, config: ReportConfig, store: DatasetStore) -> None:
    """Make the exploratory page; the report does not depend on it."""
    from bqat_pipeline.report import EdaError, NothingToReportError, write_eda

    try:
        write_eda(store, context.partition_key, minimal=config.minimal, downsample=config.downsample)
    except (EdaError, NothingToReportError) as error:
        context.log.warning("no exploratory page: %s", error)
