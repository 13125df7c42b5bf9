"""Work that clients of the REST facade ask for with options of their own; its results are no assets of the pipeline.

Detection with a chosen detector goes beside the pipeline's outliers; preprocessing makes copies below the data root;
the report of an uploaded table has no data set behind it.
"""

from pathlib import Path

import dagster as dg

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.settings import settings


class DetectionConfig(dg.Config):
    """Options of `POST /scan/{dataset_id}/outliers/detect`."""

    dataset: str
    detector: str = "ECOD"
    columns: list[str] = []  # noqa: RUF012 - a dagster Config copies defaults
    contamination: float = 0.05


class TableReportConfig(dg.Config):
    """Options of `POST /scan/report/remote`."""

    task: str
    minimal: bool = False
    downsample: float = 1.0


class PreprocessingConfig(dg.Config):
    """Options of `POST /scan/preprocessing`."""

    source: str
    target: str
    input_format: list[str]
    scale: float = 1.0
    resize: int = 0
    convert: str = ""
    mode: str = "rgb"
    pattern: str = ""


def _store() -> DatasetStore:
    return DatasetStore(Location.parse(settings().home))


@dg.op(description="Outliers of a data set by a detector of the BQAT API, as its clients read them.")
def detect(context: dg.OpExecutionContext, config: DetectionConfig) -> None:
    """Write `detections.parquet` of the current generation."""
    from bqat_pipeline.outliers import DetectorOptions, write_detections

    store = _store()
    manifest, profiles = store.manifest(config.dataset), store.profiles(config.dataset)
    if manifest is None or profiles is None:
        raise dg.Failure(f"data set {config.dataset} has no profiles", allow_retries=False)
    options = DetectorOptions(
        detector=config.detector,  # type: ignore[arg-type]  # checked by DetectorOptions
        columns=tuple(config.columns) or None,
        contamination=config.contamination,
    )
    summary = write_detections(profiles, store.generation(config.dataset, manifest.generation), options)
    context.log.info("%(outliers)d outliers, %(unscored)d rows without a score", summary)


@dg.op(description="Changed copies of the pictures of a folder; the originals stay as they are.")
def copy_pictures(context: dg.OpExecutionContext, config: PreprocessingConfig) -> None:
    """Write copies to the target folder."""
    from bqat_pipeline.preprocessing import Recipe, preprocess

    outcome = preprocess(
        Location.parse(settings().data),
        config.source,
        config.target,
        config.input_format,
        Recipe(
            scale=config.scale or 1.0, resize=config.resize or None, convert=config.convert or None, mode=config.mode
        ),
        pattern=config.pattern,
        max_pixels=settings().max_pixels,
        workers=settings().workers,
    )
    context.log.info("%d copies made, %d pictures left out", outcome.done, outcome.failed)
    for reason in outcome.reasons:
        context.log.warning("%s", reason)


@dg.op(description="Report of an uploaded table.")
def table_report(context: dg.OpExecutionContext, config: TableReportConfig) -> None:
    """Write `report/index.html` beside the table."""
    from bqat_pipeline.report.eda import write_table_report

    folder = _store().home / "external" / config.task
    write_table_report(
        folder / "table.csv",
        folder / "report",
        minimal=config.minimal,
        downsample=config.downsample,
        workplace=Path(settings().state),
    )


@dg.job(name="detect_outliers", executor_def=dg.in_process_executor)
def detection_job() -> None:
    """Outlier detection with options of a client."""
    detect()


@dg.job(name="preprocessing", executor_def=dg.in_process_executor)
def preprocessing_job() -> None:
    """Changed copies of a folder."""
    copy_pictures()


@dg.job(name="csv_report", executor_def=dg.in_process_executor)
def csv_report_job() -> None:
    """Report of an uploaded table."""
    table_report()


REQUEST_JOBS = [detection_job, preprocessing_job, csv_report_job]
