"""Files of a report, written to a temporary folder and put in place at the end."""

import secrets
import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType

from bqat_pipeline.datasets import Location

_LEFTOVER = 86_400  # seconds; no report takes a day


class Staging:
    """A folder for the files of one report.

    Files are written below ``path``; ``publish`` puts each in place in one step, the page last. The page holds
    everything it shows, so a reader sees the old report or the new one, never a part.

    Parameters
    ----------
    target : Folder of the report.
    """

    def __init__(self, target: Location) -> None:
        self._target = target
        self.path = Path()

    def __enter__(self) -> "Staging":
        if self._target.is_local:
            # Beside the target: renaming within a file system is one step, and lists may be too large for /tmp.
            parent = self._target.local.parent
            parent.mkdir(parents=True, exist_ok=True)
            self._clear_leftovers(parent)
            self.path = parent / f".{self._target.name}-{secrets.token_hex(4)}.tmp"
            self.path.mkdir()
        else:
            self.path = Path(tempfile.mkdtemp(prefix="bqat-report-"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name: str, content: str) -> None:
        """One file, UTF-8."""
        (self.path / name).write_text(content, encoding="utf-8")

    def publish(self, last: str, keep: tuple[str, ...] = ()) -> None:
        """Put all files in place, ``last`` at the end, then delete files of the old report except ``keep``."""
        self._target.create_dir()
        names = sorted(p.name for p in self.path.iterdir() if p.is_file())
        for name in sorted(names, key=lambda n: n == last):
            (self._target / name).put_file(self.path / name)
        for info in list(self._target.iterdir()):
            if info.base_name not in names and info.base_name not in keep:
                (self._target / info.base_name).delete()

    def _clear_leftovers(self, parent: Path) -> None:
        """Folders of processes that were killed long ago."""
        for folder in parent.glob(f".{self._target.name}-*.tmp"):
            if time.time() - folder.stat().st_mtime > _LEFTOVER:
                shutil.rmtree(folder, ignore_errors=True)
