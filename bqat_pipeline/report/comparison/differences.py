"""What changed against another scan: pass rate, requirements, and how far each measure moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Literal

import pyarrow.dataset as ds

from bqat_pipeline.columns import ColumnSet
from bqat_pipeline.datasets import DamagedDatasetError, DatasetRecord, DatasetStore, Manifest, UnknownDatasetError
from bqat_pipeline.report.aggregates import Aggregates, aggregate
from bqat_pipeline.report.charts import FLAG
from bqat_pipeline.report.document import Comparison, Shift
from bqat_pipeline.report.measures import Measure
from bqat_pipeline.report.rates import change
from bqat_pipeline.report.scorecard import outcomes, scorecard
from bqat_pipeline.requirements import RuleSet

# Below this many pictures nothing is flagged.
_ENOUGH = 1000
# Shift that sampling alone makes, in units of sqrt(1/n + 1/m): median 1.2, largest of 20 draws 3.0
# (benchmarks/report.py --drift).
_CHANCE = 4.0


@dataclass(frozen=True)
class Baseline:
    """The scan to compare with, counted with the same rule set."""

    kind: Literal["previous", "baseline"]
    name: str
    created: datetime | None
    aggregates: Aggregates


def comparison(
    now: Aggregates,
    before: Baseline,
    measures: Sequence[Measure],
    columns: ColumnSet,
    manifest: Manifest | None = None,
) -> Comparison:
    """Differences between two scans, the most shifted measure first.

    Parameters
    ----------
    now : The current scan.
    before : The scan to compare with.
    manifest : Of the current scan, for new and gone files; only sensible against the previous scan.
    """
    rates = [outcomes(a.scorecard.overall).pass_rate for a in (now, before.aggregates)]
    enough = min(now.scorecard.measured, before.aggregates.scorecard.measured) >= _ENOUGH
    changes = manifest.changes if manifest is not None and before.kind == "previous" else None
    shifts = [_shift(measure, now, before.aggregates, flags=enough) for measure in measures]
    return Comparison(
        kind=before.kind,
        name=before.name,
        created=before.created,
        measured_before=before.aggregates.scorecard.measured,
        measured_now=now.scorecard.measured,
        pass_rate_before=rates[1],
        pass_rate_now=rates[0],
        change=change(*rates),
        requirements=scorecard(now.scorecard, columns, measures, before.aggregates.scorecard),
        shifts=sorted((s for s in shifts if s is not None), key=lambda s: -(s.shift or 0.0)),
        flags=enough,
        new_files=changes.new if changes else None,
        changed_files=changes.changed if changes else None,
        gone_files=changes.vanished if changes else None,
    )


def _shift(measure: Measure, now: Aggregates, before: Aggregates, *, flags: bool) -> Shift | None:
    current, earlier = now.sketches.get(measure.name), before.sketches.get(measure.name)
    if current is None or earlier is None or not current.n or not earlier.n:
        return None
    shift = current.shift_from(earlier)
    boolean = measure.quantity.boolean
    return Shift(
        name=measure.name,
        title=measure.quantity.title,
        unit=measure.quantity.unit,
        median_before=earlier.mean if boolean else earlier.quantile(0.5)[0],
        median_now=current.mean if boolean else current.quantile(0.5)[0],
        shift=shift,
        flagged=flags and shift is not None and shift >= max(FLAG, _CHANCE * sqrt(1 / current.n + 1 / earlier.n)),
    )


def find_baseline(
    store: DatasetStore,
    record: DatasetRecord,
    manifest: Manifest,
    measures: Sequence[Measure],
    rules: RuleSet,
    notes: list[str],
) -> Baseline | None:
    """The other scan, counted with the same measures and limits; None where there is none.

    A baseline that was asked for and cannot be read becomes a note.
    """
    if record.baseline:
        return _chosen(store, record.baseline, measures, rules, notes)
    if not manifest.previous or manifest.previous == manifest.generation:
        return None
    try:
        previous = store.generation(record.key, manifest.previous).manifest()
        profiles = store.generation_profiles(record.key, previous) if previous else None
    except DamagedDatasetError as error:
        notes.append(f"The comparison with the previous scan is missing: {error.what} is damaged.")
        return None
    if profiles is None:
        return None
    found = aggregate(profiles, _available(measures, profiles), rules)
    return Baseline("previous", "the previous scan", None, found)


def _chosen(
    store: DatasetStore, key: str, measures: Sequence[Measure], rules: RuleSet, notes: list[str]
) -> Baseline | None:
    try:
        record = store.record(key)
    except UnknownDatasetError as error:
        notes.append(f"The comparison is missing: {error}.")
        return None
    manifest, profiles = store.manifest(key), store.profiles(key)
    if manifest is None or profiles is None:
        notes.append(f"The comparison is missing: {key} has no finished scan yet.")
        return None
    found = aggregate(profiles, _available(measures, profiles), rules)
    return Baseline("baseline", record.name, manifest.created, found)


def _available(measures: Sequence[Measure], profiles: "ds.Dataset") -> list[Measure]:
    return [m for m in measures if m.is_in(profiles.schema.names)]
