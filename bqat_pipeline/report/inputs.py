"""What a report is made from: the current generation of a data set, its rule set, its measures."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bqat_pipeline.columns import ColumnSet, columns_for
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Generation, Manifest
from bqat_pipeline.report.measures import Measure, choose_measures
from bqat_pipeline.requirements import RuleSet, load_rule_set
from bqat_pipeline.settings import Settings, settings

Thumbnails = Literal["full", "blurred", "none"]
Names = Literal["path", "hashed"]


@dataclass(frozen=True)
class ReportOptions:
    """How a report is to look.

    Attributes
    ----------
    thumbnails : Faces as they are, blurred, or none.
    names : ``path``, or ``hashed``: no file and folder names on the page, in report.json and in the lists.
    worst, unusual : Most pictures in the two galleries.
    worst_per_measure : Pictures shown at each measure.
    duplicate_groups : Most groups of duplicates shown.
    max_thumbnails : Most different pictures on the page; keeps it below 6 MB.
    group_by : Columns of the metadata CSV to group by; empty: all with 2 to 50 different values.
    max_groups : Most groups in one table; the rest is counted as one.
    min_group : Groups with fewer pictures are not shown on their own.
    min_compared : The same where failure rates are compared by group, each with its interval.
    """

    thumbnails: Thumbnails = "full"
    names: Names = "path"
    worst: int = 24
    unusual: int = 36
    worst_per_measure: int = 4
    duplicate_groups: int = 24
    max_thumbnails: int = 300
    group_by: tuple[str, ...] = ()
    max_groups: int = 40
    min_group: int = 20
    min_compared: int = 5

    @classmethod
    def from_settings(cls, chosen: Settings | None = None) -> "ReportOptions":
        """The options that the environment (``BQAT_THUMBNAILS``, ``BQAT_REPORT_NAMES``) asks for."""
        chosen = chosen or settings()
        return cls(thumbnails=chosen.thumbnails, names=chosen.report_names)

    def with_choices(self, *, thumbnails: str = "", names: str = "") -> "ReportOptions":
        """The same with other words for thumbnails and names; empty: unchanged.

        Raises
        ------
        ValueError : for a word that there is not.
        """
        for option, word, known in (("thumbnails", thumbnails, Thumbnails), ("names", names, Names)):
            if word and word not in get_args(known):
                raise ValueError(f"{option} is {word!r}; it must be one of {', '.join(get_args(known))}")
        return replace(
            self,
            thumbnails=cast(Thumbnails, thumbnails or self.thumbnails),
            names=cast(Names, names or self.names),
        )


class Labels:
    """Names for pictures and folders.

    With ``hashed``, a picture is called by the first twelve characters of the SHA-256 of its content, which the
    profiles hold, and by its row alone where it could not be read; folders are numbered. A hash of the name itself
    would not hide it: names can be guessed and tried.

    Parameters
    ----------
    names : ``path`` or ``hashed``.
    """

    def __init__(self, names: Names) -> None:
        self.hashed = names == "hashed"
        self._folders: dict[str, str] = {}

    def picture(self, row: Mapping[str, Any]) -> str:
        """Name of the picture of a row with ``file``, ``sha256`` and ``row``."""
        if not self.hashed:
            return str(row.get("file") or "")
        digest = row.get("sha256")
        return f"picture {digest[:12]}, row {row.get('row')}" if digest else f"picture in row {row.get('row')}"

    def folder(self, name: str | None) -> str:
        """Name of a folder; the top folder of the data set is called so."""
        if not name:
            return "(top folder)"
        if not self.hashed:
            return name
        return self._folders.setdefault(name, f"folder {len(self._folders) + 1}")

    def pictures(self, batch: pa.RecordBatch) -> pa.Array:
        """Names of all pictures of a batch, as ``picture`` gives them one by one."""
        if not self.hashed:
            return pc.fill_null(batch.column("file"), "")
        number = pc.cast(batch.column("row"), pa.string())
        by_row = pc.binary_join_element_wise("picture in row", number, " ")
        if "sha256" not in batch.schema.names:
            return by_row
        digest = pc.binary_join_element_wise("picture", pc.utf8_slice_codeunits(batch.column("sha256"), 0, 12), " ")
        return pc.coalesce(pc.binary_join_element_wise(digest, number, ", row "), by_row)


class NothingToReportError(LookupError):
    """The data set has no finished scan, so there is nothing to report on."""


@dataclass
class ReportInputs:
    """What the sections of one report are made from."""

    store: DatasetStore
    record: DatasetRecord
    manifest: Manifest
    profiles: "ds.Dataset"
    rules: RuleSet
    columns: ColumnSet
    measures: list[Measure]
    options: ReportOptions
    labels: Labels
    notes: list[str] = field(default_factory=list)

    @property
    def generation(self) -> Generation:
        """The generation that is reported on."""
        return self.store.generation(self.record.key, self.manifest.generation)


def read_inputs(store: DatasetStore, key: str, options: ReportOptions) -> ReportInputs:
    """The current generation of a data set.

    Raises
    ------
    UnknownDatasetError : when there is no such data set.
    NothingToReportError : before the first finished scan.
    RuleSetError : when the rule set cannot be read.
    """
    record = store.record(key)
    manifest, profiles = store.manifest(key), store.profiles(key)
    if manifest is None or profiles is None:
        raise NothingToReportError(f"{key} has no finished scan yet; scan it first")
    rules = load_rule_set(record.requirements)
    columns = columns_for(record.options.engine, record.options.fusion)
    measures = choose_measures(columns, profiles.schema.names, rules)
    return ReportInputs(store, record, manifest, profiles, rules, columns, measures, options, Labels(options.names))
