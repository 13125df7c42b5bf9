"""What a report is made from: the current generation of a data set, its profile of limits, its measures."""

from dataclasses import dataclass, field

import pyarrow.dataset as ds

from bqat_pipeline.columns import ColumnSet, columns_for
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Generation, Manifest
from bqat_pipeline.report.labels import Labels
from bqat_pipeline.report.measures import Measure, choose_measures
from bqat_pipeline.report.options import ReportOptions
from bqat_pipeline.requirements import Profile, load_profile


class NothingToReportError(LookupError):
    """The data set has no finished scan, so there is nothing to report on."""


@dataclass
class Material:
    """What the sections of one report are made from."""

    store: DatasetStore
    record: DatasetRecord
    manifest: Manifest
    profiles: ds.Dataset
    profile: Profile
    columns: ColumnSet
    measures: list[Measure]
    options: ReportOptions
    labels: Labels
    notes: list[str] = field(default_factory=list)

    @property
    def generation(self) -> Generation:
        """The generation that is reported on."""
        return self.store.generation(self.record.key, self.manifest.generation)


def gather(store: DatasetStore, key: str, options: ReportOptions) -> Material:
    """The current generation of a data set.

    Raises
    ------
    UnknownDatasetError : when there is no such data set.
    NothingToReportError : before the first finished scan.
    ProfileError : when the requirement profile cannot be read.
    """
    record = store.record(key)
    manifest, profiles = store.manifest(key), store.profiles(key)
    if manifest is None or profiles is None:
        raise NothingToReportError(f"{key} has no finished scan yet; scan it first")
    profile = load_profile(record.requirements)
    columns = columns_for(record.options.engine, record.options.fusion or 6)
    measures = choose_measures(columns, profiles.schema.names, profile)
    return Material(store, record, manifest, profiles, profile, columns, measures, options, Labels(options.names))
