"""The scan that a report is compared with: a chosen data set, or the data set's own previous scan."""

from collections.abc import Sequence

import pyarrow.dataset as ds

from bqat_pipeline.datasets import DamagedDatasetError, DatasetRecord, DatasetStore, Manifest, UnknownDatasetError
from bqat_pipeline.report.aggregates import aggregate
from bqat_pipeline.report.comparison import Baseline
from bqat_pipeline.report.measures import Measure
from bqat_pipeline.requirements import Profile


def find_baseline(
    store: DatasetStore,
    record: DatasetRecord,
    manifest: Manifest,
    measures: Sequence[Measure],
    profile: Profile,
    notes: list[str],
) -> Baseline | None:
    """The other scan, counted with the same measures and limits; None where there is none.

    A baseline that was asked for and cannot be read becomes a note.
    """
    if record.baseline:
        return _chosen(store, record.baseline, measures, profile, notes)
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
    found = aggregate(profiles, _available(measures, profiles), profile)
    return Baseline("previous", "the previous scan", None, found)


def _chosen(
    store: DatasetStore, key: str, measures: Sequence[Measure], profile: Profile, notes: list[str]
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
    found = aggregate(profiles, _available(measures, profiles), profile)
    return Baseline("baseline", record.name, manifest.created, found)


def _available(measures: Sequence[Measure], profiles: ds.Dataset) -> list[Measure]:
    return [m for m in measures if m.is_in(profiles.schema.names)]
