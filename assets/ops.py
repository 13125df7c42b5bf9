"""Ops that serve single requests and are not assets: detection of outliers, report of a table, copies, archives."""

import time
from typing import Any

import dagster as dg
from pydantic import Field

from assets.metadata import numbers
from bqat_pipeline.datasets.report_folder import PAGE
from bqat_pipeline.names import DETECT, EXPLORATION_POOL, PREPROCESS, REPORT_TABLE, UNPACK_ARCHIVE
from resources import DatasetStoreResource


class DetectConfig(dg.Config):
    """Options of a detector that a client of the BQAT API chose."""

    dataset: str = Field(description="Key of the data set.")
    detector: str = "ECOD"
    columns: list[str] = Field(default=[])
    contamination: float = 0.05


@dg.op(name=DETECT, tags={"kind": "parquet"})
def detect(context: dg.OpExecutionContext, config: DetectConfig, store: DatasetStoreResource) -> None:
    """Outliers of a data set by the detector and columns that a client chose; the pipeline's own stay as they are."""
    from bqat_pipeline.outliers import DetectorError, DetectorOptions, write_detections

    opened = store.open()
    profiles, generation = opened.profiles(config.dataset), opened.current(config.dataset)
    if profiles is None or generation is None:
        raise dg.Failure(f"{config.dataset} has no profiles yet", allow_retries=False)
    try:
        options = DetectorOptions(
            detector=config.detector,  # type: ignore[arg-type]
            columns=tuple(config.columns) or None,
            contamination=config.contamination,
        )
        summary = write_detections(profiles, generation, options)
    except DetectorError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.add_output_metadata(numbers(summary))


class TableReportConfig(dg.Config):
    """An uploaded table and the options of its report."""

    task: str = Field(description="Task whose folder holds the table.")
    minimal: bool = False
    downsample: float = 1.0


@dg.op(tags={"kind": "html"}, name=REPORT_TABLE, pool=EXPLORATION_POOL)
def report_table(context: dg.OpExecutionContext, config: TableReportConfig, store: DatasetStoreResource) -> None:
    """Exploratory page of an uploaded comma-separated table."""
    from pathlib import Path

    from bqat_pipeline.datasets.images import scratch_file
    from bqat_pipeline.report import EdaError, write_csv_report

    uploaded = store.open().uploaded_table(config.task)
    table = uploaded.table
    scratch: Path | None = None
    try:
        if table.is_local:
            source = table.local
        else:
            source = scratch = scratch_file(".csv")
            with table.filesystem.open_input_stream(table.path) as stream, scratch.open("wb") as sink:
                while block := stream.read(1 << 20):
                    sink.write(block)
        write_csv_report(source, uploaded.report / PAGE, minimal=config.minimal, downsample=config.downsample)
    except EdaError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)


class PreprocessConfig(dg.Config):
    """Which pictures are copied, and how the copies are changed."""

    source: str = Field(description="Folder below the data root, as clients name it.")
    target: str = Field(description="Folder that the copies get.")
    input_format: list[str] = Field(default=[])
    options: dict[str, Any] = Field(default={})


@dg.op(name=PREPROCESS, tags={"kind": "image"})
def preprocess(context: dg.OpExecutionContext, config: PreprocessConfig) -> None:
    """Copies of the pictures of a folder in another colour space, width, scale or format. The originals stay."""
    from bqat_pipeline.datasets import Location
    from bqat_pipeline.execution.preprocessing import Recipe, preprocess
    from bqat_pipeline.settings import settings

    chosen = config.options
    began = time.monotonic()
    recipe = Recipe(
        scale=chosen.get("scale") or 1.0,
        resize=chosen.get("resize") or None,
        convert=chosen.get("convert"),
        mode=chosen.get("mode") or "rgb",
        crop=chosen.get("crop") or "",
    )
    outcome = preprocess(
        Location.parse(settings().data),
        config.source,
        config.target,
        config.input_format,
        recipe,
        pattern=chosen.get("pattern") or "",
        max_pixels=settings().max_pixels,
        workers=settings().workers,
    )
    for reason in outcome.reasons:
        context.log.warning(reason)
    context.add_output_metadata(
        {"copied": outcome.done, "failed": outcome.failed, "seconds": round(time.monotonic() - began, 3)}
    )


class UnpackConfig(dg.Config):
    """An archive that was dropped into the data root."""

    archive: str = Field(description="Name of the archive in the data root.")


@dg.op(name=UNPACK_ARCHIVE, tags={"kind": "zip"})
def unpack_archive(context: dg.OpExecutionContext, config: UnpackConfig) -> None:
    """Unpack an archive (zip, tar) into a folder of its name, for the sensor to scan. The archive stays."""
    from bqat_pipeline.datasets import Location
    from bqat_pipeline.datasets.archives import unpack
    from bqat_pipeline.datasets.confinement import resolve_within
    from bqat_pipeline.datasets.uploads import Limits, UploadError
    from bqat_pipeline.settings import settings

    root = Location.parse(settings().data)
    archive = resolve_within(root, config.archive)
    try:
        unpacked = unpack(archive.local, root, config.archive, Limits.of(settings()))
    except UploadError as error:
        raise dg.Failure(f"the archive was not unpacked: {error}", allow_retries=False) from error
    for note in unpacked.notes:
        context.log.warning("%s: %s", config.archive, note)
    facts: dict[str, Any] = {
        "folder": dg.MetadataValue.path(str(unpacked.folder)),
        "files": unpacked.files,
        "bytes": unpacked.size,
    }
    context.add_output_metadata(facts | ({"notes": " ".join(unpacked.notes)} if unpacked.notes else {}))


class HousekeepingConfig(dg.Config):
    """Options of the housekeeping."""

    days: int = Field(90, ge=1, description="Finished runs older than this are deleted, with their events.")


@dg.op(tags={"kind": "dagster"})
def delete_old_runs(context: dg.OpExecutionContext, config: HousekeepingConfig, store: DatasetStoreResource) -> None:
    """Delete old finished runs from Dagster's history, on which no result depends, and face templates that expired."""
    from datetime import UTC, datetime, timedelta

    from bqat_pipeline.datasets.identity_files import forget_expired_templates
    from bqat_pipeline.settings import settings

    before = datetime.now(UTC) - timedelta(days=config.days)
    filters = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
        created_before=before,
    )
    deleted = 0
    while records := context.instance.get_run_records(filters, limit=100):
        for record in records:
            context.instance.delete_run(record.dagster_run.run_id)
            deleted += 1
    forgotten = list(forget_expired_templates(store.open(), settings().identity_retention))
    context.add_output_metadata({"deleted": deleted, "data_sets_whose_templates_expired": len(forgotten)})


__all__ = ["delete_old_runs", "detect", "preprocess", "report_table", "unpack_archive"]
