"""Marks of data sets that somebody asked to delete.

A scan that runs meanwhile finds the mark and leaves nothing behind. Without a mark nothing is deleted: a `dataset.json`
that cannot be found or read is no order to delete anything. Marks lie beside the data sets, so they outlive the folder.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.keys import is_key
from bqat_pipeline.datasets.records import now
from bqat_pipeline.datasets.stored import read_model

# No scan runs longer.
_KEPT = timedelta(days=60)
_SUFFIX = ".json"


class Deletion(BaseModel):
    """A mark: somebody asked to delete a data set."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    created: datetime | None = Field(description="When the data set was made; null: not known any more.")
    deleted: datetime = Field(default_factory=now)

    def covers(self, created: datetime) -> bool:
        """Whether the data set made at that time is meant, not a later one of the same key."""
        return self.created is None or self.created == created


class Deletions:
    """The marks of a store.

    Parameters
    ----------
    folder : Where they lie.
    """

    def __init__(self, folder: Location) -> None:
        self._folder = folder

    def of(self, key: str) -> Deletion | None:
        """The mark of a data set, or None.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when there may be one.
        """
        return read_model(self._place(key), Deletion, f"the mark of deletion of {key}", "delete the data set again")

    def keys(self) -> Iterator[str]:
        """Keys of all marks."""
        for info in self._folder.iterdir():
            if info.base_name.endswith(_SUFFIX) and is_key(key := info.base_name.removesuffix(_SUFFIX)):
                yield key

    def mark(self, key: str, created: datetime | None) -> None:
        """Mark a data set, durably, and forget marks of long ago."""
        self._place(key).write_bytes(Deletion(created=created).model_dump_json().encode())
        oldest = (now() - _KEPT).timestamp() * 1e9
        for info in list(self._folder.iterdir()):
            if info.mtime_ns is not None and info.mtime_ns < oldest:
                (self._folder / info.base_name).delete()

    def forget(self, key: str) -> None:
        """Take a mark back: a data set of that key is made again."""
        self._place(key).delete()

    def _place(self, key: str) -> Location:
        return self._folder / f"{key}{_SUFFIX}"
