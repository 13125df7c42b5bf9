"""Audit of a folder from Python: scan, outliers, duplicates and report in this process."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from bqat_pipeline.datasets import DatasetStore, Finding, Generation, Location, ScanOptions
from bqat_pipeline.datasets.ownership import creation_lock, folder_source, latest_dataset
from bqat_pipeline.datasets.scan_warnings import scan_warnings
from bqat_pipeline.settings import Settings
from bqat_pipeline.settings import settings as settings_of_environment

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Audit:
    """Result of the audit of a folder.

    Attributes
    ----------
    key : Key of the data set, for `bqat show` and REST.
    counts : Files by status.
    verdicts : Measured faces by verdict.
    warnings : Sentences about what could not be read, was passed over or was not looked for.
    report : Path of the HTML page, or its address on S3.
    """

    key: str
    counts: Mapping[str, int]
    verdicts: Mapping[str, int]
    warnings: tuple[str, ...]
    report: str
    _generation: Generation

    @property
    def profiles(self) -> "pa.Table":
        """The face profiles: one row for each file, sorted by ``row`` (docs/columns.md); read from disk each time."""
        import pyarrow.dataset as ds

        place = self._generation.profiles
        return ds.dataset(place.path, filesystem=place.filesystem, format="parquet").to_table().sort_by("row")

    @property
    def outliers(self) -> "pa.Table":
        """One row for each file, with score, flag and reasons."""
        return self._found("outliers")

    @property
    def duplicates(self) -> "pa.Table":
        """One row for each picture that is a copy or has one: group, kind, and the picture of the group to keep."""
        return self._found("duplicates")

    def _found(self, finding: Finding) -> "pa.Table":
        table = self._generation.found(finding)
        if table is None:
            raise LookupError(f"the {finding} of {self.key} were deleted; audit the folder again")
        return table.to_table()


def audit(
    folder: str | Path,
    *,
    name: str = "",
    requirements: str = "",
    options: ScanOptions | None = None,
    force: bool = False,
    allow_empty: bool = False,
    settings: Settings | None = None,
) -> Audit:
    """Scan a folder of pictures on all cores, look for outliers and duplicates, write the report.

    Resumes a scan that was interrupted, measures only what changed, and shares its results with the command line, REST
    and the Dagster UI (``BQAT_HOME``). It is not a Dagster run: the UI shows the data set, but no run of it.

    Parameters
    ----------
    folder : Everything below it is scanned.
    name : Name of a new data set; default: the folder's.
    requirements : Rule set for the verdicts: shipped name or TOML file; default: that of the settings.
    options : Engine, file name extensions, pattern; default: all pictures, with the engine `bqat`.
    force : Measure every file again, also those that did not change.
    allow_empty : Whether a folder that held files before may hold none now.
    settings : Limits, workers, places; default: those of the environment.

    Raises
    ------
    NotADirectoryError : when ``folder`` is not a folder.
    EmptySourceError : when there are no pictures in it, or none any more.
    ScanError : when the scan failed; another call resumes it.
    RuleSetError : when the rule set cannot be read.
    IdentityError : when ``BQAT_IDENTITY`` is on and the model file cannot be used.
    """
    from bqat_pipeline.datasets.listing import has_images
    from bqat_pipeline.duplicates import write_duplicates
    from bqat_pipeline.execution import EmptySourceError, scan_dataset
    from bqat_pipeline.outliers import OutlierOptions, write_outliers
    from bqat_pipeline.report import ReportOptions, write_report
    from bqat_pipeline.requirements import load_rule_set

    chosen = settings or settings_of_environment()
    place = Path(folder).expanduser().absolute()
    if not place.is_dir():
        raise NotADirectoryError(f"{place} is not a folder")
    rules = requirements or chosen.requirements
    # before anything is written
    load_rule_set(rules)
    if chosen.identity:
        from bqat_pipeline.identity.network import check_model

        check_model(chosen.identity_model)
    options = options or ScanOptions()
    store = DatasetStore(Location.parse(chosen.home))
    with creation_lock(store):
        record = latest_dataset(store, str(place), options)
        if record is None:
            source = folder_source(place, chosen.data)
            if not has_images(source, options):
                raise EmptySourceError(f"there are no pictures in {place}")
            record = store.create(name or place.name, [source], options, requirements=rules)
        elif requirements and record.requirements != rules:
            record = record.model_copy(update={"requirements": rules})
            store.save(record)
    salt = uuid4().hex if force else ""
    manifest = scan_dataset(store, record.key, salt=salt, allow_empty=allow_empty, settings=chosen)
    profiles = store.generation_profiles(record.key, manifest)
    assert profiles is not None  # the scan has just published them
    generation = store.generation(record.key, manifest.generation)
    write_outliers(profiles, generation, OutlierOptions(rate=chosen.outlier_rate))
    write_duplicates(profiles, generation)
    if chosen.identity:
        from bqat_pipeline.identity.running import find_identities_of_scan

        find_identities_of_scan(store, record.key, chosen)
    written = write_report(store, record.key, ReportOptions.from_settings(chosen), chosen)
    return Audit(
        key=record.key,
        counts=manifest.counts,
        verdicts=manifest.verdicts,
        warnings=tuple(scan_warnings(store, record.key, manifest, identities=chosen.identity)),
        report=str(written["page"]),
        _generation=generation,
    )
