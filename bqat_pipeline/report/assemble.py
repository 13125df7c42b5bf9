"""A data set's report as numbers: reads the tables, counts once, and puts the sections together."""

from typing import Any

import pyarrow as pa

from bqat_pipeline import __version__
from bqat_pipeline.columns import STATUS_TITLES
from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.datasets.records import now
from bqat_pipeline.report.aggregates import Aggregates, Codes, Rows, aggregate
from bqat_pipeline.report.changed_pictures import changed_pictures
from bqat_pipeline.report.comparison import comparison, find_baseline
from bqat_pipeline.report.distributions import measure_result
from bqat_pipeline.report.document import (
    Comparison,
    DatasetInfo,
    GroupTable,
    Report,
    UnusableGroup,
)
from bqat_pipeline.report.duplicates import duplicates
from bqat_pipeline.report.galleries import SHOWN, worst_pictures
from bqat_pipeline.report.lists import Lists, write_tables
from bqat_pipeline.report.material import Labels, Material, NothingToReportError, ReportOptions, gather
from bqat_pipeline.report.metadata import Metadata, load_metadata
from bqat_pipeline.report.outliers import unusual
from bqat_pipeline.report.page import render_comparison
from bqat_pipeline.report.provenance import Fingerprint, caveats, provenance
from bqat_pipeline.report.reviewed import reviewed
from bqat_pipeline.report.scorecard import group_table, scorecard, standing, statuses
from bqat_pipeline.report.staging import Staging

_EXAMPLES = 8  # file names shown for each reason


def assemble(material: Material, staging: Staging) -> tuple[Report, Rows]:
    """The report's numbers, and the rows of all pictures that it shows; lists are written to ``staging``."""
    m, options = material, material.options
    m.notes.extend(_passed_over(m))
    metadata = load_metadata(m.record, m.profiles, options.group_by, m.notes)
    strange, copies = unusual(m, staging.path), duplicates(m, staging.path)
    fingerprint = Fingerprint()
    with Lists(staging.path, m.labels, m.rules) as lists:

        def visit(batch: pa.RecordBatch, codes: Codes) -> None:
            lists.visit(batch, codes)
            fingerprint.add(batch)

        found = aggregate(
            m.profiles,
            m.measures,
            m.rules,
            worst=options.worst,
            worst_per_measure=options.worst_per_measure,
            reason_examples=_EXAMPLES,
            metadata=metadata.join if metadata else None,
            metadata_columns=metadata.columns if metadata else (),
            visit=visit,
            extra_columns=(*Lists.columns, *SHOWN, *m.rules.columns),
            keep=strange.rows | copies.rows,
        )
    baseline = find_baseline(m.store, m.record, m.manifest, m.measures, m.rules, m.notes)
    rows = found.rows_kept
    before = baseline.aggregates.scorecard if baseline else None
    difference = comparison(found, baseline, m.measures, m.columns, m.manifest) if baseline else None
    measures = [measure_result(measure, found, rows, m.labels) for measure in m.measures]
    report = Report(
        product_version=__version__,
        created=now(),
        dataset=_dataset(m),
        standing=standing(found, m.rules),
        statuses=statuses(found),
        scorecard=scorecard(found.scorecard, m.columns, m.measures, before),
        measures=measures,
        worst=worst_pictures(found.worst, rows, m.rules, m.labels),
        unusual=strange.section(rows, m.labels),
        duplicates=copies.section(rows, m.labels),
        unusable=_unusable(found, rows, m.labels),
        groups=_groups(m, found, metadata),
        comparison=difference,
        review=reviewed(m.store, m.record.key, m.profiles, m.notes),
        provenance=provenance(m.record, m.manifest, m.rules, fingerprint.value, show_paths=not m.labels.hashed),
        caveats=caveats(m.columns, m.rules),
        notes=m.notes,
        downloads=[],
    )
    counts = lists.rows | strange.files | copies.files
    return report.model_copy(update={"downloads": write_tables(report, staging.path, counts)}), rows


def _passed_over(m: Material) -> list[str]:
    """What the listing could not read or did not take up, as sentences."""
    passed_over = m.manifest.passed_over
    names = not m.labels.hashed
    lines = [*passed_over.warnings(names=names), *passed_over.notes(names=names)]
    return [f"{line}." for line in lines]


def _dataset(m: Material) -> DatasetInfo:
    return DatasetInfo(
        id=str(m.record.id),
        key=m.record.key,
        name=m.record.name,
        engine=m.manifest.engine,
        generation=m.manifest.generation,
        scanned=m.manifest.created,
        thumbnails=m.options.thumbnails,
        names=m.options.names,
    )


def _unusable(found: Aggregates, rows: Rows, labels: Labels) -> list[UnusableGroup]:
    unmeasured = found.scorecard.unmeasured
    return [
        UnusableGroup(
            status=status,
            code=code,
            title=STATUS_TITLES.get(status, status),
            # A sentence may name the file.
            sentence="" if labels.hashed else found.reason_words.get((status, code), ""),
            count=count,
            examples=[labels.picture(rows[row]) for row in found.reason_rows[status, code] if row in rows],
        )
        for (status, code), count in found.reasons.most_common()
        if status in unmeasured
    ]


def _groups(m: Material, found: Aggregates, metadata: Metadata | None) -> list[GroupTable]:
    tables = [group_table(found.scorecard, "Folder", m.options, m.labels.folder)]
    tables += [group_table(card, str(card.group_by), m.options) for card in found.by_metadata]
    return [table for table in tables if table is not None]


def compare_datasets(store: DatasetStore, first: str, second: str) -> Comparison:
    """The second data set against the first, both judged by the second one's rule set.

    The same one twice: its last scan against the one before.

    Raises
    ------
    UnknownDatasetError, NothingToReportError, RuleSetError : as ``gather``.
    """
    m = gather(store, second, ReportOptions())
    gather(store, first, ReportOptions())
    chosen = m.record.model_copy(update={"baseline": None if first == second else first})
    baseline = find_baseline(store, chosen, m.manifest, m.measures, m.rules, m.notes)
    if baseline is None:  # of another data set gather has found a finished scan
        raise NothingToReportError(f"{m.record.name} has no scan before its last one, or it is damaged")
    found = aggregate(m.profiles, m.measures, m.rules)
    result = comparison(found, baseline, m.measures, m.columns, m.manifest if first == second else None)
    return result.model_copy(update={"pictures": changed_pictures(store, first, second, m.rules)})


def compare(store: DatasetStore, first: str, second: str) -> dict[str, Any]:
    """The second data set against the first, as plain JSON data; see ``Comparison`` for the fields.

    Both are judged by the second one's rule set.

    Raises
    ------
    UnknownDatasetError : when there is no such data set.
    NothingToReportError : when one of them has no finished scan.
    """
    return compare_datasets(store, first, second).model_dump(mode="json")


def comparison_page(store: DatasetStore, first: str, second: str) -> str:
    """The same comparison as a self-contained HTML page."""
    title = f"{store.record(second).name} against {store.record(first).name}"
    return render_comparison(compare_datasets(store, first, second), title)
