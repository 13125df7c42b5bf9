"""Where a table that a client uploaded for a report lies, and its report: beside the data sets, by the task's id."""

from dataclasses import dataclass
from uuid import UUID

from bqat_pipeline.datasets.errors import UnknownDatasetError
from bqat_pipeline.datasets.filesystem import Location


@dataclass(frozen=True, slots=True)
class UploadedTable:
    """The folder of one uploaded table, whether it exists or not."""

    folder: Location

    @classmethod
    def of(cls, parent: Location, task: str) -> "UploadedTable":
        """The table of a task, below the folder of all of them.

        Raises
        ------
        UnknownDatasetError : when the id is not a UUID.
        """
        try:
            return cls(parent / str(UUID(task)))
        except ValueError as error:
            raise UnknownDatasetError(f"there is no data set with id {task}") from error

    @property
    def table(self) -> Location:
        """The comma-separated table."""
        return self.folder / "table.csv"

    @property
    def report(self) -> Location:
        """Folder of its report."""
        return self.folder / "report"
