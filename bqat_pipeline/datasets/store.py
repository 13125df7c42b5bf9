"""All data sets under one home folder: create, find, read, publish, delete."""

from collections.abc import Iterator
from typing import TypeVar
from uuid import UUID, uuid4

import pyarrow.dataset as ds
from pyarrow import fs
from pydantic import BaseModel

from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.keys import is_key, make_key
from bqat_pipeline.datasets.records import DatasetRecord, Manifest, Progress, ScanOptions, Source, now

_R = TypeVar("_R", bound=BaseModel)


class UnknownDatasetError(LookupError):
    """There is no data set of that key or id."""


class DatasetStore:
    """The data sets below a home folder.

    Parameters
    ----------
    home : Folder of all results (``BQAT_HOME``).
    """

    def __init__(self, home: Location) -> None:
        self.home = home

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

    def generation(self, key: str, generation: str) -> Location:
        return self.folder(key) / generation

    def generations(self, key: str) -> list[str]:
        """Names of the generations on disk, finished or not."""
        return [
            info.base_name
            for info in self.folder(key).iterdir()
            if info.type == fs.FileType.Directory and (self.folder(key) / info.base_name / "plan.json").is_file()
        ]

    def report(self, key: str) -> Location:
        return self.folder(key) / "report"

    def external(self, task: str) -> Location:
        """Folder of a table that was uploaded for a report, by the id of its task.

        Raises
        ------
        UnknownDatasetError : when the id is not a UUID.
        """
        try:
            return self.home / "external" / str(UUID(task))
        except ValueError as error:
            raise UnknownDatasetError(f"there is no task {task!r}") from error

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
        self.save(record)
        return record

    def save(self, record: DatasetRecord) -> None:
        self._write(self.folder(record.key) / "dataset.json", record)

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
        """All data sets, by key; folders without a readable dataset.json are passed over."""
        for key in self.keys():
            record = self._read(self.folder(key) / "dataset.json", DatasetRecord)
            if record is not None:
                yield record

    def record(self, key: str) -> DatasetRecord:
        """The data set of a key.

        Raises
        ------
        UnknownDatasetError : when there is none.
        """
        record = self._read(self.folder(key) / "dataset.json", DatasetRecord)
        if record is None:
            raise UnknownDatasetError(f"there is no data set {key}")
        return record

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
        self.record(key)
        self.folder(key).delete_dir()

    def clear(self, key: str) -> None:
        """Delete all results of a data set and keep what it is: dataset.json stays, readers find nothing.

        Raises
        ------
        UnknownDatasetError : when there is none.
        """
        self.record(key)
        folder = self.folder(key)
        (folder / "manifest.json").delete()  # first: readers follow it
        for info in folder.iterdir():
            if info.type == fs.FileType.Directory:
                (folder / info.base_name).delete_dir()
            elif info.base_name != "dataset.json":
                (folder / info.base_name).delete()

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
        """What readers see, or None before the first finished scan."""
        return self._read(self.folder(key) / "manifest.json", Manifest)

    def publish(self, key: str, manifest: Manifest) -> None:
        """Make a finished generation the one that readers see."""
        self._write(self.folder(key) / "manifest.json", manifest)

    def complete(self, key: str, manifest: Manifest) -> None:
        """Note in a generation's folder that it is complete, before readers see it."""
        self._write(self.generation(key, manifest.generation) / "manifest.json", manifest)

    def completed(self, key: str, generation: str) -> Manifest | None:
        """The manifest of a complete generation, or None."""
        return self._read(self.generation(key, generation) / "manifest.json", Manifest)

    def progress(self, key: str) -> Progress | None:
        return self._read(self.folder(key) / "progress.json", Progress)

    def write_progress(self, key: str, progress: Progress) -> None:
        self._write(self.folder(key) / "progress.json", progress)

    def enter_stage(self, key: str, stage: str) -> None:
        """Say in progress.json what comes after the files are done."""
        progress = self.progress(key)
        if progress is not None:
            self.write_progress(key, progress.model_copy(update={"stage": stage, "rate": 0.0, "updated": now()}))

    # tables

    def current(self, key: str) -> Location | None:
        """The folder of the generation that readers see, or None before the first finished scan."""
        manifest = self.manifest(key)
        return None if manifest is None else self.generation(key, manifest.generation)

    def profiles(self, key: str) -> ds.Dataset | None:
        """The face profiles of the current generation, or None before the first finished scan."""
        manifest = self.manifest(key)
        if manifest is None:
            return None
        place = self.generation(key, manifest.generation) / "profiles"
        return ds.dataset(place.path, filesystem=place.filesystem, format="parquet")

    def table(self, key: str, name: str) -> ds.Dataset | None:
        """A further table of the current generation (``outliers``, ``duplicates``), or None where it was not made."""
        manifest = self.manifest(key)
        if manifest is None:
            return None
        place = self.generation(key, manifest.generation) / f"{name}.parquet"
        return ds.dataset(place.path, filesystem=place.filesystem, format="parquet") if place.is_file() else None

    @staticmethod
    def _read(place: Location, model: type[_R]) -> _R | None:
        try:
            return model.model_validate_json(place.read_bytes())
        except (FileNotFoundError, OSError, ValueError):
            return None

    @staticmethod
    def _write(place: Location, record: BaseModel) -> None:
        place.write_bytes(record.model_dump_json(indent=1).encode())
