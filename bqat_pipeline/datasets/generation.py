"""A generation: one measured state of a data set, in a folder of its own. Only this module names the files in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.records import Manifest
from bqat_pipeline.datasets.stored import open_table, read_model, read_object, write_model

if TYPE_CHECKING:
    import pyarrow.dataset as ds

# What is found in the profiles: a table of rows, and a JSON file with a summary. `detections` are what a client asked
# for; `outliers` and `duplicates` are the pipeline's own, and where they are switched on `identities` and
# `not_compared` (rows without a template, and why); `review` is what people decided, handed out.
Finding = Literal["outliers", "duplicates", "identities", "not_compared", "detections", "review"]


@dataclass(frozen=True, slots=True)
class Generation:
    """The folder of a generation, whether it exists or not.

    Attributes
    ----------
    key : Key of the data set.
    folder : Named after the digest of all that rows depend on.
    """

    key: str
    folder: Location

    @property
    def name(self) -> str:
        """16 hexadecimal digits."""
        return self.folder.name

    # what it was made of

    @property
    def plan(self) -> Location:
        """Which files, measured how; a generation with a plan has its image table."""
        return self.folder / "plan.json"

    @property
    def images(self) -> Location:
        """Table of the files: one row each, in the order of ``row``."""
        return self.folder / "images.parquet"

    # work of a scan, deleted when it is complete

    @property
    def work(self) -> Location:
        """How many rows were taken over, and how many files are left to measure."""
        return self.folder / "reuse.json"

    @property
    def reused(self) -> Location:
        """Rows taken over from other generations."""
        return self.folder / "reused.parquet"

    @property
    def todo(self) -> Location:
        """Files to measure, in the form of the image table; not there when all of them are."""
        return self.folder / "todo.parquet"

    @property
    def parts(self) -> Location:
        """Folder of the rows measured so far, one file a chunk."""
        return self.folder / "parts"

    @property
    def workers(self) -> Location:
        """Folder of tokens by which worker processes show that they see this folder."""
        return self.folder / "workers"

    def discard_work(self) -> None:
        """Delete what only an unfinished scan needs."""
        self.parts.delete_dir()
        self.workers.delete_dir()
        self.reused.delete()
        self.todo.delete()

    # results

    @property
    def completion(self) -> Location:
        """Its manifest; there when all rows are."""
        return self.folder / "manifest.json"

    @property
    def profiles(self) -> Location:
        """Folder of the face profiles, Parquet."""
        return self.folder / "profiles"

    def manifest(self) -> Manifest | None:
        """The manifest of a complete generation, or None.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when there is one.
        """
        what = f"{self.completion.name} of generation {self.name} of {self.key}"
        return read_model(self.completion, Manifest, what)

    def complete(self, manifest: Manifest) -> None:
        """Note that all rows are there, before readers see them."""
        write_model(self.completion, manifest, f"{self.completion.name} of a generation of {self.key}")

    def table(self, finding: Finding) -> Location:
        """Parquet file of what was found in the profiles."""
        return self.folder / f"{finding}.parquet"

    @property
    def review_list(self) -> Location:
        """CSV file of what people decided, beside its table."""
        return self.folder / "review.csv"

    def found(self, finding: Finding) -> "ds.Dataset | None":
        """What was found in the profiles, or None where it was not computed.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when it was.
        """
        return open_table(self.table(finding), f"{self.table(finding).name} of {self.key}")

    def details(self, finding: Finding) -> dict[str, Any]:
        """What the JSON file beside a table says; empty where there is none. ``summary`` is part of it.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when there is one.
        """
        return read_object(self._details(finding), f"{self._details(finding).name} of {self.key}") or {}

    def summary(self, finding: Finding) -> dict[str, Any]:
        """Counts and options of what was found; empty where it was not computed. Otherwise as ``details``."""
        summary = self.details(finding).get("summary")
        return summary if isinstance(summary, dict) else {}

    def write_details(self, finding: Finding, content: Mapping[str, Any]) -> None:
        """Put the JSON file beside a table in place, in one step and durably."""
        self._details(finding).write_bytes(json.dumps(content, allow_nan=False).encode())

    def discard(self, finding: Finding) -> bool:
        """Delete what was found; False when there was nothing."""
        was_there = False
        for place in (self.table(finding), self._details(finding)):
            was_there = place.is_file() or was_there
            place.delete()
        return was_there

    def delete(self) -> None:
        """Delete the folder and all that is in it."""
        self.folder.delete_dir()

    def _details(self, finding: Finding) -> Location:
        return self.folder / f"{finding}.json"
