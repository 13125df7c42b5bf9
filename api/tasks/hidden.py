"""Tasks that clients cancelled or deleted.

Dagster's GraphQL cannot add a tag to a run after its launch, and deleting the run would take the operator's history
with it. So a task is hidden by an empty file named after it, in a folder of its own below the home folder. Asking for
the task again (reports and outlier detections keep their id) deletes the file.
"""

import re
import time

from bqat_pipeline.datasets import Location

_SAFE = re.compile(r"[0-9a-fA-F-]{1,64}")
# Seconds for which a listing of the folder is reused; changes of this process show at once.
_FRESH = 0.5


class HiddenTasks:
    """Ids of hidden tasks, one file each.

    Parameters
    ----------
    folder : Where the files lie.
    """

    def __init__(self, folder: Location) -> None:
        self._folder = folder
        self._known: tuple[float, frozenset[str]] = (0.0, frozenset())

    def hide(self, tid: str) -> None:
        """Hide a task from every list and look-up."""
        self._check(tid)
        (self._folder / tid).write_bytes(b"")
        self._known = (0.0, frozenset())

    def show(self, tid: str) -> None:
        """Undo `hide`; no effect when the task was not hidden."""
        self._check(tid)
        (self._folder / tid).delete()
        self._known = (0.0, frozenset())

    def is_hidden(self, tid: str) -> bool:
        """Whether a task is hidden."""
        return tid in self.all()

    def all(self) -> frozenset[str]:
        """Ids of all hidden tasks."""
        read, names = self._known
        if time.monotonic() - read > _FRESH:
            read = time.monotonic()
            names = frozenset(info.base_name for info in self._folder.iterdir())
            self._known = (read, names)
        return names

    def clear(self) -> None:
        """Show every task again."""
        self._folder.delete_dir()
        self._known = (0.0, frozenset())

    @staticmethod
    def _check(tid: str) -> None:
        if not _SAFE.fullmatch(tid):
            raise ValueError(f"{tid!r} is not the id of a task")
