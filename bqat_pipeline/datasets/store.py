"""All data sets under one home folder: create, find, read, publish, delete.

Reads give three answers: None or ``UnknownDatasetError`` for what is absent, ``UnreadableDatasetError`` for what cannot
be read now, ``DamagedDatasetError`` for what makes no sense.
"""

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from pyarrow import fs

from bqat_pipeline.datasets import decision_parts, record_files
from bqat_pipeline.datasets.deletions import Deletion, Deletions
from bqat_pipeline.datasets.errors import DamagedDatasetError, UnknownDatasetError
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.generation import Finding, Generation
from bqat_pipeline.datasets.keys import is_key, make_key
from bqat_pipeline.datasets.profile_tables import ProfileTables
from bqat_pipeline.datasets.records import DatasetRecord, Manifest, Progress, ScanOptions, Source, now
from bqat_pipeline.datasets.stored import SCAN_AGAIN, read_model, warn_once, write_model
from bqat_pipeline.datasets.uploaded_tables import UploadedTable

if TYPE_CHECKING:
    import pyarrow.dataset as ds

logger = logging.getLogger(__name__)

_GENERATION = re.compile(r"[0-9a-f]{16}")
_MANIFEST, _PROGRESS, _PLAN, _LOCK = "manifest.json", "progress.json", "plan.json", ".lock"
# What stays when the results of a data set are deleted.
_KEPT = {record_files.NAME, record_files.COPY, _LOCK, decision_parts.FOLDER, decision_parts.PAIRS_FOLDER}


class DatasetStore:
    """The data sets below a home folder.

    Parameters
    ----------
    home : Folder of all results (``BQAT_HOME``).
    """

    def __init__(self, home: Location) -> None:
        self.home = home
        self._deletions = Deletions(home / "deleted")
        self._tables = ProfileTables()

    def prepare(self) -> None:
        """Make the home folder, for this user only: results are about people."""
        self.home.create_dir(0o700)

    # places

    def folder(self, key: str) -> Location:
        """Folder of one data set, whether it exists or not.

        Raises
        ------
        UnknownDatasetError : when the text cannot be a key.
        """
        if not is_key(key):
            raise UnknownDatasetError(f"{key!r} is not the key of a data set")
        return self.home / "datasets" / key

    def generation(self, key: str, name: str) -> Generation:
        """A generation of a data set, whether it exists or not."""
        return Generation(key, self.folder(key) / name)

    def plan(self, key: str) -> Location:
        """File of the plan that the last listing made."""
        return self.folder(key) / _PLAN

    def lock(self, key: str) -> Location:
        """File that a scan locks."""
        return self.folder(key) / _LOCK

    def generations(self, key: str) -> list[str]:
        """Names of the generations on disk, finished or not."""
        return [
            info.base_name
            for info in self.folder(key).iterdir()
            if info.type == fs.FileType.Directory and _GENERATION.fullmatch(info.base_name)
        ]

    def decisions(self, key: str) -> Location:
        """Folder of what people decided about the pictures."""
        return self.folder(key) / decision_parts.FOLDER

    def report(self, key: str) -> Location:
        """Folder of the report."""
        return self.folder(key) / "report"

    @property
    def uploaded_tables(self) -> Location:
        """Folder of all tables that were uploaded for a report."""
        return self.home / "external"

    def uploaded_table(self, task: str) -> UploadedTable:
        """A table that was uploaded for a report, as ``UploadedTable.of``."""
        return UploadedTable.of(self.uploaded_tables, task)

    # dataset.json

    def create(
        self,
        name: str,
        sources: list[Source],
        options: ScanOptions | None = None,
        *,
        requirements: str = "icao-tr-portrait",
        collection: UUID | None = None,
        automatic: bool = False,
    ) -> DatasetRecord:
        """A new data set, written to disk."""
        identity = collection or uuid4()
        record = DatasetRecord(
            id=identity,
            key=make_key(name, identity),
            name=name,
            sources=sources,
            options=options or ScanOptions(),
            requirements=requirements,
            automatic=automatic,
        )
        self.prepare()
        self._deletions.forget(record.key)
        self.save(record)
        return record

    def save(self, record: DatasetRecord) -> None:
        """Write dataset.json and its copy.

        Raises
        ------
        UnwritableDatasetError : when the storage refuses.
        """
        record_files.write_record(self.folder(record.key), record)

    def keys(self) -> Iterator[str]:
        """Keys of all data sets, sorted."""
        for info in (self.home / "datasets").iterdir():
            if info.type == fs.FileType.Directory and is_key(info.base_name):
                yield info.base_name

    def changed(self) -> dict[str, int]:
        """When the folder of each data set changed last, nanoseconds since 1970; 0 on S3, which does not say."""
        folders = (info for info in (self.home / "datasets").iterdir() if info.type == fs.FileType.Directory)
        return {info.base_name: info.mtime_ns or 0 for info in folders if is_key(info.base_name)}

    def records(self) -> Iterator[DatasetRecord]:
        """All data sets, by key; those whose dataset.json is damaged are passed over with a warning.

        Raises
        ------
        UnreadableDatasetError : when one cannot be read now: it must not be taken for absent.
        """
        for key in self.keys():
            record, problem = self.look_up(key)
            if problem is not None:
                warn_once(logger, str(problem))
            if record is not None:
                yield record

    def record(self, key: str) -> DatasetRecord:
        """The data set of a key; from the copy of dataset.json, with a warning, where that is damaged.

        Raises
        ------
        UnknownDatasetError : when there is none.
        UnreadableDatasetError : when it cannot be read now.
        DamagedDatasetError : when the copy is damaged too.
        """
        record, problem = self.look_up(key)
        if record is not None:
            if problem is not None:
                warn_once(logger, str(problem))
            return record
        raise problem or UnknownDatasetError(f"there is no data set {key}")

    def mend_record(self, record: DatasetRecord) -> None:
        """Write dataset.json and its copy again where one of them is damaged, missing or old."""
        record_files.mend_record(self.folder(record.key), record)

    def look_up(self, key: str) -> tuple[DatasetRecord | None, DamagedDatasetError | None]:
        """The data set of a key, from dataset.json or its copy, and what is wrong with dataset.json.

        Raises
        ------
        UnreadableDatasetError : when it cannot be read now.
        """
        record, damage = record_files.read_record(self.folder(key))
        # Without dataset.json and marked: the rest of an interrupted deletion.
        if record is not None and damage is not None and self._is_marked(record):
            return None, None
        return record, damage

    def find(self, collection: UUID | str) -> DatasetRecord:
        """The data set of an id (`collection` on the wire).

        Raises
        ------
        UnknownDatasetError : when there is none.
        """
        identity = str(collection).lower()
        suffix = f"-{identity[:8]}"
        for key in self.keys():
            if key.endswith(suffix):
                record = self.record(key)
                if str(record.id) == identity:
                    return record
        raise UnknownDatasetError(f"there is no data set with id {collection}")

    def delete(self, key: str) -> None:
        """Delete all files of a data set (never its pictures).

        Raises
        ------
        UnknownDatasetError : when there is none.
        """
        record, damage = self.look_up(key)
        if record is None and damage is None:
            raise UnknownDatasetError(f"there is no data set {key}")
        self._deletions.mark(key, record.created if record else None)
        self._delete_folder(key)

    def deletion(self, key: str) -> Deletion | None:
        """The mark that somebody asked to delete a data set of this key, or None.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when there may be one.
        """
        return self._deletions.of(key)

    def finish_deletion(self, key: str) -> None:
        """Delete again what a scan has put into the folder of a deleted data set."""
        self._delete_folder(key)

    def finish_deletions(self) -> int:
        """Delete what is left of data sets that somebody deleted: their number. For interrupted deletions and scans."""
        marked = set(self._deletions.keys())
        finished = 0
        for key in marked.intersection(self.keys()) if marked else ():
            if self.deletion(key) is not None and not (self.folder(key) / record_files.NAME).exists():
                self._delete_folder(key)
                finished += 1
        return finished

    def clear(self, key: str) -> None:
        """Delete all results of a data set and keep what it is and what people decided; readers find nothing.

        Raises
        ------
        UnknownDatasetError : when there is none.
        """
        self.record(key)
        folder = self.folder(key)
        (folder / _MANIFEST).delete()  # first: readers follow it
        for info in folder.iterdir():
            if info.base_name in _KEPT:
                continue
            if info.type == fs.FileType.Directory:
                (folder / info.base_name).delete_dir()
            else:
                (folder / info.base_name).delete()

    def _delete_folder(self, key: str) -> None:
        folder = self.folder(key)
        if not folder.is_local:  # one object after the other: first what makes it a data set
            (folder / record_files.NAME).delete()
        folder.delete_dir()

    def _is_marked(self, record: DatasetRecord) -> bool:
        mark = self._deletions.of(record.key)
        return mark is not None and mark.covers(record.created)

    @property
    def watched(self) -> Location:
        """Folder of what the folder sensor remembers; a cache."""
        return self.home / "watched"

    @property
    def uploads(self) -> Location:
        """Folder of pictures that were uploaded for one scan."""
        return self.home / "temp"

    def discard_uploads(self, key: str) -> None:
        """Delete the pictures that were uploaded for one scan of a data set; its results stay.

        Raises
        ------
        UnknownDatasetError : when there is none.
        """
        for source in self.record(key).sources:
            place = Location.parse(source.uri)
            if source.temporary and place.path.startswith(f"{self.uploads.path}/"):
                place.delete_dir()

    # manifest.json, progress.json

    def manifest(self, key: str) -> Manifest | None:
        """What readers see, or None before the first finished scan.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when there is one.
        """
        return read_model(self.folder(key) / _MANIFEST, Manifest, f"manifest.json of {key}")

    def is_published(self, key: str) -> bool:
        """Whether there is something that readers see, be it damaged.

        Raises
        ------
        OSError : when the storage does not say.
        """
        return (self.folder(key) / _MANIFEST).exists()

    def publish(self, key: str, manifest: Manifest) -> None:
        """Make a finished generation the one that readers see."""
        write_model(self.folder(key) / _MANIFEST, manifest, f"manifest.json of {key}")

    def progress(self, key: str) -> Progress | None:
        """Where a scan stands, or None; None too for a damaged file, which the next scan replaces.

        Raises
        ------
        UnreadableDatasetError : when it cannot be read now.
        """
        try:
            return read_model(self.folder(key) / _PROGRESS, Progress, f"progress.json of {key}")
        except DamagedDatasetError as error:
            logger.debug("%s", error)
            return None

    def write_progress(self, key: str, progress: Progress) -> None:
        place = self.folder(key) / _PROGRESS
        write_model(place, progress, f"progress.json of {key}", sync_folder=False)

    def enter_stage(self, key: str, stage: str) -> None:
        """Say in progress.json what comes after the files are done."""
        progress = self.progress(key)
        if progress is not None:
            self.write_progress(key, progress.model_copy(update={"stage": stage, "rate": 0.0, "updated": now()}))

    # tables

    def current(self, key: str) -> Generation | None:
        """The generation that readers see, or None before the first finished scan."""
        manifest = self.manifest(key)
        return None if manifest is None else self.generation(key, manifest.generation)

    def profiles(self, key: str) -> "ds.Dataset | None":
        """The face profiles of the current generation, or None before the first finished scan.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when there are some, but not all rows of the manifest.
        """
        manifest = self.manifest(key)
        while manifest is not None:
            found = self.generation_profiles(key, manifest)
            if found is not None:
                return found
            newer = self.manifest(key)
            if newer == manifest:
                raise DamagedDatasetError(f"the result of {key}", "its profiles are missing", SCAN_AGAIN)
            manifest = newer  # another scan was published meanwhile, and this generation deleted
        return None

    def generation_profiles(self, key: str, manifest: Manifest, *, afresh: bool = False) -> "ds.Dataset | None":
        """The face profiles of a complete generation, or None where they are gone.

        Parameters
        ----------
        afresh : Check again whether all rows are there, also when an earlier check found them in the same files.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when there are some, but not all rows of the manifest.
        """
        return self._tables.open(self.generation(key, manifest.generation), manifest, afresh=afresh)

    def found(self, key: str, finding: Finding) -> "ds.Dataset | None":
        """What was found in the profiles of the current generation, or None where it was not computed.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when it was.
        """
        current = self.current(key)
        return None if current is None else current.found(finding)
