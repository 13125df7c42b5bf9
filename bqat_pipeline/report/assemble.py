"""A data set's report as numbers: reads the tables, counts once, and puts the sections together."""

from typing import Any

import pyarrow as pa

from bqat_pipeline import __version__
from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.datasets.records import now
from bqat_pipeline.report.aggregates import Codes, Rows, aggregate
from bqat_pipeline.report.comparison.changed_pictures import changed_pictures
from bqat_pipeline.report.comparison.differences import comparison, find_baseline
from bqat_pipeline.report.document import (
    Comparison,
    DatasetInfo,
    Report,
)
from bqat_pipeline.report.duplicates import read_duplicates
from bqat_pipeline.report.galleries import SHOWN
from bqat_pipeline.report.inputs import NothingToReportError, ReportInputs, ReportOptions, read_inputs
from bqat_pipeline.report.lists import Lists, write_tables
from bqat_pipeline.report.metadata import load_metadata
from bqat_pipeline.report.outliers import read_outliers
from bqat_pipeline.report.page import render_comparison
from bqat_pipeline.report.provenance import Fingerprint
from bqat_pipeline.report.reviewed import reviewed
from bqat_pipeline.report.scorecard import statuses
from bqat_pipeline.report.sections import EXAMPLES, SECTIONS, Counted
from bqat_pipeline.report.staging import Staging


def assemble(inputs: ReportInputs, staging: Staging) -> tuple[Report, Rows]:
    """The report's numbers, and the rows of all pictures that it shows; lists are written to ``staging``."""
    inputs, options = inputs, inputs.options
    inputs.notes.extend(_passed_over(inputs))
    metadata = load_metadata(inputs.record, inputs.profiles, options.group_by, inputs.notes)
    outliers, duplicates = read_outliers(inputs, staging.path), read_duplicates(inputs, staging.path)
    fingerprint = Fingerprint()
    with Lists(staging.path, inputs.labels, inputs.rules) as lists:

        def visit(batch: pa.RecordBatch, codes: Codes) -> None:
            lists.visit(batch, codes)
            fingerprint.add(batch)

        found = aggregate(
            inputs.profiles,
            inputs.measures,
            inputs.rules,
            worst=options.worst,
            worst_per_measure=options.worst_per_measure,
            reason_examples=EXAMPLES,
            metadata=metadata.join if metadata else None,
            metadata_columns=metadata.columns if metadata else (),
            visit=visit,
            extra_columns=(*Lists.columns, *SHOWN, *inputs.rules.columns),
            keep=outliers.rows | duplicates.rows,
            advise=True,
        )
    baseline = find_baseline(inputs.store, inputs.record, inputs.manifest, inputs.measures, inputs.rules, inputs.notes)
    counted = Counted(inputs, found, outliers, duplicates, baseline, fingerprint.value)
    report = Report(
        product_version=__version__,
        created=now(),
        dataset=_dataset(inputs),
        statuses=statuses(found),
        review=reviewed(inputs.store, inputs.record.key, inputs.profiles, inputs.notes),
        notes=inputs.notes,
        **{section.field: section.build(counted) for section in SECTIONS},
    )
    counts = lists.rows | outliers.files | duplicates.files
    return report.model_copy(update={"downloads": write_tables(report, staging.path, counts)}), found.kept_rows


def _passed_over(inputs: ReportInputs) -> list[str]:
    """What the listing could not read or did not take up, as sentences."""
    passed_over = inputs.manifest.passed_over
    names = not inputs.labels.hashed
    lines = [*passed_over.warnings(names=names), *passed_over.notes(names=names)]
    return [f"{line}." for line in lines]


def _dataset(inputs: ReportInputs) -> DatasetInfo:
    return DatasetInfo(
        id=str(inputs.record.id),
        key=inputs.record.key,
        name=inputs.record.name,
        engine=inputs.manifest.engine,
        generation=inputs.manifest.generation,
        scanned=inputs.manifest.created,
        thumbnails=inputs.options.thumbnails,
        names=inputs.options.names,
    )


def compare_datasets(store: DatasetStore, first: str, second: str, *, or_itself: bool = False) -> Comparison:
    """The second data set against the first, both judged by the second one's rule set.

    The same one twice: its last scan against the one before.

    Parameters
    ----------
    or_itself : Compare a scan that has none before it with itself, which shows no change.

    Raises
    ------
    UnknownDatasetError, NothingToReportError, RuleSetError : as ``read_inputs``.
    """
    inputs = read_inputs(store, second, ReportOptions())
    read_inputs(store, first, ReportOptions())
    chosen = inputs.record.model_copy(update={"baseline": None if first == second else first})
    baseline = find_baseline(store, chosen, inputs.manifest, inputs.measures, inputs.rules, inputs.notes)
    if baseline is None and or_itself:
        chosen = chosen.model_copy(update={"baseline": first})
        baseline = find_baseline(store, chosen, inputs.manifest, inputs.measures, inputs.rules, inputs.notes)
    if baseline is None:  # of another data set read_inputs has found a finished scan
        raise NothingToReportError(f"{inputs.record.name} has no scan before its last one, or it is damaged")
    found = aggregate(inputs.profiles, inputs.measures, inputs.rules)
    result = comparison(found, baseline, inputs.measures, inputs.columns, inputs.manifest if first == second else None)
    return result.model_copy(update={"pictures": changed_pictures(store, first, second, inputs.rules)})


def compare(store: DatasetStore, first: str, second: str, *, or_itself: bool = False) -> dict[str, Any]:
    """The second data set against the first, as plain JSON data; see ``Comparison`` for the fields.

    Both are judged by the second one's rule set.

    Raises
    ------
    UnknownDatasetError : when there is no such data set.
    NothingToReportError : when one of them has no finished scan.
    """
    return compare_datasets(store, first, second, or_itself=or_itself).model_dump(mode="json")


def comparison_page(store: DatasetStore, first: str, second: str, *, or_itself: bool = False) -> str:
    """The same comparison as a self-contained HTML page."""
    title = f"{store.record(second).name} against {store.record(first).name}"
    return render_comparison(compare_datasets(store, first, second, or_itself=or_itself), title)
