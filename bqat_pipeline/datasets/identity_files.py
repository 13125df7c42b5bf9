"""Where the face templates of a data set lie, and how long. Knows names and times only, nothing of what is in them.

Templates are personal data of a special category. They have a folder of their own beside the generations, so that
whatever hands out results (profiles, findings, report, exports) never comes across them.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.generation import Generation
from bqat_pipeline.datasets.store import DatasetStore

FOLDER = "identities"
# Seconds without a new template after which a run is taken for interrupted, however short the retention is.
_UNFINISHED = 3600.0


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """The folder of the templates of one data set, whether it exists or not."""

    key: str
    folder: Location

    @classmethod
    def of(cls, store: DatasetStore, key: str) -> "IdentityFiles":
        """Of a data set of a store.

        Raises
        ------
        UnknownDatasetError : when the text cannot be a key.
        """
        return cls(key, store.folder(key) / FOLDER)

    @property
    def templates(self) -> Location:
        """Table of the templates."""
        return self.folder / "templates.parquet"

    @property
    def work(self) -> Generation:
        """What a run has made so far: parts like those of a scan."""
        return Generation(self.key, self.folder / "work")

    def made(self) -> float | None:
        """When the newest template was stored, seconds since 1970; None where there are none."""
        times = [info.mtime_ns for place in (self.templates, self.work.parts) if (info := place.info()).mtime_ns]
        return max(times) / 1e9 if times else None

    def forget(self) -> bool:
        """Delete all templates; False when there were none."""
        was_there = self.folder.is_dir()
        self.folder.delete_dir()
        return was_there

    def delete_leftovers(self) -> None:
        """Delete what processes that were killed left half written: it holds templates too."""
        for info in self.folder.iterdir():
            if info.base_name.startswith(".") and info.base_name.endswith(".tmp"):
                (self.folder / info.base_name).delete()

    def forget_expired(self, retention: float, now: float | None = None) -> bool:
        """Delete the templates when none was stored for ``retention`` seconds; whether they were deleted."""
        made = self.made()
        if made is not None and self.work.folder.is_dir():  # of a run that works now, or was interrupted
            retention = max(retention, _UNFINISHED)
        if made is None or (time.time() if now is None else now) - made < retention:
            return False
        return self.forget()


def forget_expired_templates(store: DatasetStore, retention: float) -> Iterator[str]:
    """Delete the templates of all data sets that are older than ``retention`` seconds; the keys of these data sets.

    It does not matter whether identities are switched on: what was stored before still expires.
    """
    keys = list(store.keys())
    for key in keys:
        if IdentityFiles.of(store, key).forget_expired(retention):
            yield key
