"""Writes the report of a data set: page, numbers and lists, put in place together."""

import logging
from collections.abc import Iterable
from typing import Any

from bqat_pipeline.datasets import DamagedDatasetError, DatasetStore, Location
from bqat_pipeline.datasets.report_folder import EXPLORATION, NUMBERS, PAGE, SCHEMA_VERSION
from bqat_pipeline.datasets.stored import read_model
from bqat_pipeline.report.aggregates import Rows
from bqat_pipeline.report.assemble import assemble
from bqat_pipeline.report.document import Report
from bqat_pipeline.report.inputs import ReportOptions, read_inputs
from bqat_pipeline.report.page import render, with_eda_link
from bqat_pipeline.report.staging import Staging
from bqat_pipeline.report.thumbnails import Thumbnailer
from bqat_pipeline.settings import Settings, settings

logger = logging.getLogger(__name__)

# The first line of an EDA page: which profiles it shows. Times of files do not tell: drawing takes a minute.
_EDA_STAMP = "<!-- profiles of generation {} -->\n"


def write_report(
    store: DatasetStore, key: str, options: ReportOptions | None = None, chosen: Settings | None = None
) -> dict[str, Any]:
    """Write ``index.html``, ``report.json`` and the lists of a data set's current generation; returns the essentials.

    Costs one pass over the profiles (two when there is a scan to compare with) and the decoding of the pictures shown.
    The old report stays readable until the new page replaces it in one step.

    Parameters
    ----------
    store, key : The data set.
    options : How the page is to look; None: as the environment asks.
    chosen : Settings of this process by default; for limits on file size and pixels.

    Returns
    -------
    dict : see ``summary``.

    Raises
    ------
    UnknownDatasetError, NothingToReportError, RuleSetError : as ``read_inputs``.
    """
    chosen = chosen or settings()
    options = options or ReportOptions.from_settings(chosen)
    inputs = read_inputs(store, key, options)
    target = store.report(key)
    with Staging(target) as staging:
        report, rows = assemble(inputs, staging)
        thumbnailer = Thumbnailer(inputs.record, options.thumbnails, options.max_thumbnails, chosen)
        thumbnails = _thumbnails(report, rows, thumbnailer)
        eda = _shows(target / EXPLORATION, inputs.manifest.generation)
        page = render(report, thumbnails, eda=eda)
        staging.write(NUMBERS, report.model_dump_json(indent=1))
        staging.write(PAGE, page)
        staging.publish(PAGE, keep=(EXPLORATION,) if eda else ())
    return summary(report) | {
        "page": str(target / PAGE),
        "page_bytes": len(page.encode()),
        "thumbnails": len(thumbnails),
    }


def has_current_eda(store: DatasetStore, key: str) -> bool:
    """Whether the EDA page of a data set is there and shows the published profiles."""
    manifest = store.manifest(key)
    return manifest is not None and _shows(store.report(key) / EXPLORATION, manifest.generation)


def put_eda(store: DatasetStore, key: str, generation: str, html: str) -> Location:
    """Put the EDA page of a generation in place and link it from the report; returns where it is.

    Raises
    ------
    UnknownDatasetError : when the data set was deleted while the page was drawn.
    """
    store.record(key)
    target = store.report(key) / EXPLORATION
    target.write_bytes((_EDA_STAMP.format(generation) + html).encode())
    link_eda(store, key)
    return target


def _shows(page: Location, generation: str) -> bool:
    stamp = _EDA_STAMP.format(generation).encode()
    try:
        with page.filesystem.open_input_stream(page.path) as stream:
            return stream.read(len(stamp)) == stamp
    except FileNotFoundError:
        return False


def _thumbnails(report: Report, rows: Rows, thumbnailer: Thumbnailer) -> dict[int, str]:
    """Row to data URI, for all pictures on the page; the galleries come first when there are too many."""
    made: dict[int, str] = {}
    for row in dict.fromkeys(_shown(report)):
        uri = thumbnailer.of(rows[row]) if row in rows else None
        if uri is not None:
            made[row] = uri
    return made


def _shown(report: Report) -> Iterable[int]:
    yield from (picture.row for picture in report.worst)
    yield from (picture.row for picture in report.unusual.pictures)
    yield from (picture.row for group in report.duplicates.groups for picture in group.pictures)
    yield from (worst.row for measure in report.measures if measure.limits for worst in measure.worst)
    yield from (worst.row for measure in report.measures if not measure.limits for worst in measure.worst)


def summary(report: Report) -> dict[str, Any]:
    """The essentials, as plain JSON data: for logs, Dagster metadata and the command line."""
    standing, difference = report.standing, report.comparison
    overall = standing.outcomes
    return {
        "dataset": report.dataset.key,
        "profile": standing.profile,
        "files": standing.files,
        "measured": standing.measured,
        "usable_rate": standing.usable.value,
        "passed": overall.passed,
        "borderline": overall.borderline,
        "failed": overall.failed,
        "not_assessed": overall.not_assessed,
        "pass_rate": overall.pass_rate.value,
        "pass_rate_low": overall.pass_rate.low,
        "pass_rate_high": overall.pass_rate.high,
        "headline": standing.headline,
        "causes": standing.causes,
        "advice": standing.advice,
        "unusual": report.unusual.flagged if report.unusual.available else None,
        "spare_copies": report.duplicates.spare if report.duplicates.available else None,
        "pass_rate_change": difference.change.value if difference and difference.change else None,
        "group_differences": report.by_group.sentences if report.by_group else [],
        "shifted": [s.name for s in difference.shifts if s.flagged] if difference else [],
        "notes": report.notes,
    }


def read_report(store: DatasetStore, key: str) -> Report | None:
    """The numbers of the current report, or None where there is none that this version reads."""
    try:
        report = read_model(store.report(key) / NUMBERS, Report, f"{NUMBERS} of {key}", "make the report again")
    except DamagedDatasetError as error:  # or of another version
        logger.warning("%s", error)
        return None
    return report if report is not None and report.schema_version == SCHEMA_VERSION else None


def delete_report(store: DatasetStore, key: str) -> bool:
    """Delete the report with all its files; whether there was one."""
    existed = wire_report(store, key) is not None
    (store.report(key) / PAGE).delete()  # first: it is what readers look for
    store.report(key).delete_dir()
    return existed


def link_eda(store: DatasetStore, key: str) -> None:
    """Add the link to an EDA page that was made after the report; nothing happens where there is no report."""
    page = wire_report(store, key)
    if page is not None:
        page.write_bytes(with_eda_link(page.read_bytes().decode()).encode())


def wire_report(store: DatasetStore, key: str) -> Location | None:
    """The page that ``GET /scan/{id}/report`` serves, or None while there is none.

    Its links (``./failures.csv``) name files of the same folder.
    """
    page = store.report(key) / PAGE
    return page if page.is_file() else None
