"""The JSON files of a data-set folder: dataset.json, manifest.json, progress.json."""

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from bqat_pipeline.columns import MEASURED, EngineName
from bqat_pipeline.face.options import EngineOptions

_SHOWN = 5  # names in a sentence


def now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ScanOptions(_Record):
    """How the pictures of a data set are chosen and measured. Names as in the BQAT API."""

    engine: EngineName = "bqat"
    mode: Literal["face"] = "face"
    confidence: float | None = Field(EngineOptions.confidence, description="Lowest detector score of a face, 0..1.")
    source: list[str] | None = Field(None, description="File extensions to pick up, without dot; null: all known ones.")
    pattern: str | None = Field(
        None, description="Regular expression, searched in the file's base name up to its first dot."
    )
    type: str | None = None
    batch: int | None = None
    fusion: int | None = Field(None, description="Engines of `fusion`: 4 bqat + 2 ofiq + 1 biqt.")
    cpu: float | None = 0.8
    temp: bool | None = None


class Source(_Record):
    """One folder (or list of files in it) whose pictures belong to a data set."""

    uri: str = Field(description="Real place: absolute local path or s3://bucket/prefix.")
    prefix: str = Field(description="What `file` begins with in rows: `data/helen`.")
    files: list[str] | None = Field(None, description="Only these files, relative to uri; null: everything below it.")
    temporary: bool = Field(False, description="Uploaded for one scan; deleted after it.")


class DatasetRecord(_Record):
    """dataset.json: what a data set is. Written before the first run, changed only by its owner."""

    id: UUID = Field(description="`collection` on the wire.")
    key: str = Field(description="Partition key and folder name.")
    name: str
    sources: list[Source]
    options: ScanOptions = ScanOptions()
    requirements: str = Field("icao-tr-portrait", description="Rule set: shipped name or path of a TOML file.")
    baseline: str | None = Field(None, description="Key of the data set to compare with; null: the previous scan.")
    metadata_csv: str | None = Field(
        None, description="CSV of further columns, joined by file name, for groups in the report."
    )
    automatic: bool = Field(False, description="Made by the folder sensor, which rescans it when its folder changes.")
    created: datetime = Field(default_factory=now)


class PassedOver(_Record):
    """What a listing saw and did not take up. Counts are exact; of the names only the first few are kept."""

    unreadable_folders: int = Field(0, description="Folders that could not be listed; what is below them is not known.")
    unreadable_folder_names: list[str] = []
    unreadable_folder_reasons: list[str] = Field([], description="What the system said of them, each once.")
    kept_files: int = Field(
        0, description="Files below them that an earlier scan found; they are rows without measures."
    )
    linked_folders: int = Field(0, description="Links to folders, which are not followed.")
    folders_of_copies: int = Field(
        0, description="Folders of changed copies that preprocessing made; they are scanned when they are named."
    )
    archives: int = Field(0, description="Archives, by their names; their pictures are no rows.")
    archive_names: list[str] = []
    other_files: int = Field(0, description="Files whose name does not match.")
    other_files_looked_at: int = Field(0, description="Of them, files whose first bytes were read; there is a limit.")
    other_pictures: int = Field(0, description="Of those looked at, files that begin like a picture.")
    other_picture_names: list[str] = []

    def warnings(self, *, names: bool = True) -> list[str]:
        """Warnings for whoever takes the data set to be complete.

        Parameters
        ----------
        names : Whether folders and files may be named.
        """
        found = []
        if self.unreadable_folders:
            which = _some(self.unreadable_folder_names, self.unreadable_folders) if names else ""
            kept = (
                f"; {_files(self.kept_files)} of an earlier scan below them stay as unreadable"
                if self.kept_files
                else ""
            )
            noun = "folder" if self.unreadable_folders == 1 else "folders"
            why = f" ({'; '.join(self.unreadable_folder_reasons)})" if self.unreadable_folder_reasons else ""
            found.append(f"{self.unreadable_folders} {noun} could not be read{why}{which}{kept}")
        if self.other_pictures:
            which = _some(self.other_picture_names, self.other_pictures) if names else ""
            least = "at least " if self.other_files_looked_at < self.other_files else ""
            verb = "begins" if self.other_pictures == 1 else "begin"
            found.append(
                f"{self._others}, of which {least}{self.other_pictures} {verb} like a picture{which}; "
                "give them an extension that is taken up"
            )
        return found

    def instead_of_pictures(self) -> list[str]:
        """What there is in a folder in which no picture was found, for somebody who expected some."""
        found = self.warnings()
        if self.archives:
            found.append(
                f"{self._archives_left}{_some(self.archive_names, self.archives)}; unpack them first (zip and tar "
                "archives directly in the data root are unpacked by the sensor, unless their name begins with a dot)"
            )
        return found

    def notes(self, *, names: bool = True) -> list[str]:
        """What is good to know beside the warnings; parameters as for ``warnings``."""
        found = [self._others] if self.other_files and not self.other_pictures else []
        if self.folders_of_copies:
            noun = "folder" if self.folders_of_copies == 1 else "folders"
            found.append(f"{self.folders_of_copies} {noun} of copies made by preprocessing left out")
        if self.archives:
            found.append(f"{self._archives_left}{_some(self.archive_names, self.archives) if names else ''}")
        return found

    @property
    def _archives_left(self) -> str:
        return f"{self.archives} {'archive is' if self.archives == 1 else 'archives are'} not unpacked"

    @property
    def _others(self) -> str:
        verb = "was" if self.other_files == 1 else "were"
        return f"{self.other_files} other {'file' if self.other_files == 1 else 'files'} {verb} passed over"


class Changes(_Record):
    """What a rescan found, in files."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: int = 0
    vanished: int = 0
    unreadable: int = Field(0, description="Files below folders that could not be listed this time.")


class Manifest(_Record):
    """manifest.json: the generation that readers see. Replaced last, in one step."""

    generation: str
    schema_version: int
    engine: str
    engine_fingerprint: str
    background: bool = Field(True, description="Whether the person was told from the background (BQAT_BACKGROUND).")
    rows: int
    counts: dict[str, int] = Field(default_factory=dict, description="Rows by status.")
    verdicts: dict[str, int] = Field(
        default_factory=dict, description="Rows by verdict; `not_assessed` without a measured face."
    )
    changes: Changes = Changes()
    passed_over: PassedOver = PassedOver()
    run_id: str = ""
    seconds: float = Field(0.0, description="Time of work of the scan, summed over resumes.")
    created: datetime = Field(default_factory=now)
    previous: str | None = Field(None, description="The generation before, kept for comparison.")

    @property
    def measured(self) -> int:
        """Files whose face was measured."""
        return sum(self.counts.get(status, 0) for status in MEASURED)

    @property
    def assessed(self) -> int:
        """Files that pass, fail or are borderline; `verdicts` counts all others as `not_assessed`, measured or not."""
        return sum(count for verdict, count in self.verdicts.items() if verdict != "not_assessed")


class Progress(_Record):
    """progress.json: where a running scan stands."""

    stage: str = "face_profiles"
    done: int = 0
    total: int = 0
    failed: int = Field(0, description="Files among `done` that could not be measured.")
    rate: float = Field(0.0, description="Files per second, over the last seconds.")
    started: datetime = Field(default_factory=now)
    updated: datetime = Field(default_factory=now)
    run_id: str = ""
    generation: str = ""
    seconds: float = Field(0.0, description="Time of work in this generation, summed over resumes.")

    @property
    def eta(self) -> int | None:
        """Seconds to go, or None while the rate is not known."""
        if self.rate <= 0:
            return None
        return round((self.total - self.done) / self.rate)


def _files(number: int) -> str:
    return f"{number} {'file' if number == 1 else 'files'}"


def _some(names: list[str], count: int) -> str:
    """Names after a colon, and how many more there are."""
    shown = names[:_SHOWN]
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return f": {', '.join(shown)}{more}" if shown else ""
