"""Tables of face profiles, opened with a check that no row of the manifest is missing."""

from datetime import datetime
from typing import TYPE_CHECKING

from bqat_pipeline.datasets.generation import Generation
from bqat_pipeline.datasets.records import Manifest
from bqat_pipeline.datasets.stored import open_table

if TYPE_CHECKING:
    import pyarrow.dataset as ds

# Generations whose check is remembered.
_REMEMBERED = 10_000


class ProfileTables:
    """Opens profiles, and reads the footers of a generation's files once, not for each request."""

    def __init__(self) -> None:
        self._checked: dict[tuple[str, str, datetime], list[str]] = {}  # files by key, generation and time

    def open(self, generation: Generation, manifest: Manifest, *, afresh: bool = False) -> "ds.Dataset | None":
        """The face profiles of a complete generation, or None where they are gone.

        Parameters
        ----------
        afresh : Check again whether all rows are there, also when an earlier check found them in the same files.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when there are some, but not all rows of the manifest.
        """
        what = f"a file of the profiles of {generation.key}"
        known = (generation.key, manifest.generation, manifest.created)
        if not afresh and known in self._checked:
            table = open_table(generation.profiles, what)
            if table is None or table.files == self._checked[known]:
                return table
        table = open_table(generation.profiles, what, manifest.rows)
        if table is not None:
            if len(self._checked) >= _REMEMBERED:
                self._checked.clear()
            self._checked[known] = table.files
        return table
