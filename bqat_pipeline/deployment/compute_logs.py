"""What steps print: kept in files beside the instance, as Dagster does it, without four more processes for each run.

To show on the terminal what goes into the files of the two streams, Dagster starts a `tail` for each, and a Python
interpreter that watches it. Here a thread copies it.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._serdes import ConfigurableClassData
from dagster._utils import ensure_file, touch_file

_PERIOD = 0.5  # seconds between two looks into a file
_END = 2.0  # seconds that a terminal which takes nothing is waited for
_BLOCK = 65_536


class CopiedLogManager(LocalComputeLogManager):
    """Dagster's manager of logs in local files; configured like that one."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "CopiedLogManager":
        return cls(inst_data=inst_data, **config_value)

    @contextlib.contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext, None, None]:
        """Write what the block prints to the files of a key, and show it as well."""
        with contextlib.ExitStack() as stack:
            for kind, stream in ((ComputeIOType.STDOUT, sys.stdout), (ComputeIOType.STDERR, sys.stderr)):
                path = self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind])
                ensure_file(path)
                stack.enter_context(_shown(stream, path))
                stack.enter_context(redirect_to_file(stream, path))
            yield CapturedLogContext(log_key)
        touch_file(self.complete_artifact_path(log_key))


@contextlib.contextmanager
def _shown(stream: IO[str], path: str) -> Iterator[None]:
    """Copy to where a stream goes now what is appended to a file meanwhile; not for a stream without a file number."""
    try:
        target = os.dup(stream.fileno())
    except OSError:  # io.UnsupportedOperation is one: a stream of a test
        yield
        return
    end = threading.Event()
    thread = threading.Thread(target=_copy, args=(path, Path(path).stat().st_size, target, end), daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(_END)


def _copy(path: str, position: int, target: int, end: threading.Event) -> None:
    with contextlib.suppress(OSError), open(target, "wb") as shown, Path(path).open("rb", buffering=0) as file:
        file.seek(position)
        last = False
        while not last:
            last = end.wait(_PERIOD)
            while block := file.read(_BLOCK):
                shown.write(block)
                shown.flush()
