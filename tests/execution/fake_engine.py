"""A small engine for tests of the code around engines: a row is derived from the file's bytes.

A file's text decides what happens to the process that analyses it: ``crash``, ``hang``, ``memory``; ``gate PATH`` waits until a test
opens the named pipe at that path, so that the test knows where a scan is; ``until PATH crash`` crashes while there is no file
at that path; anything else is a face.
"""

import hashlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bqat_pipeline.engines import EngineSpec


class FakeEngine:
    """Rows derived from bytes, without any measurement."""

    def __init__(self, log_path: str = "", fingerprint: str = "fake-1") -> None:
        self._log_path = log_path
        self.fingerprint = fingerprint

    def missing(self) -> str | None:
        return None

    def analyse(self, source: str | bytes) -> dict[str, Any]:
        if isinstance(source, str):
            try:
                source = Path(source).read_bytes()
            except FileNotFoundError:
                return {"status": "vanished", "reason_code": "vanished", "reason": "gone"}
        word, _, rest = source.partition(b" ")
        happens = source
        if word == b"until":
            path, _, happens = rest.partition(b" ")
            happens = b"face" if Path(path.decode()).exists() else happens
        if happens.startswith(b"crash"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if happens.startswith(b"hang"):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            while True:
                time.sleep(1000)
        if happens.startswith(b"memory"):
            held = []
            while True:
                held.append(bytes(100_000_000))
        if source.startswith(b"gate "):
            Path(source.split()[1].decode()).read_bytes()
        if happens.startswith(b"trip"):
            raise RuntimeError("the engine tripped")
        digest = hashlib.sha256(source).hexdigest()
        if not source:
            return {"status": "unreadable", "reason_code": "empty", "reason": "the file is empty", "sha256": digest}
        if self._log_path:
            with Path(self._log_path).open("ab") as log:
                log.write(source[:40].replace(b"\n", b" ") + b"\n")
        return {"status": "ok", "sha256": digest, "image_width": len(source), "brightness": float(source[0])}

    def analyse_batch(self, sources: Sequence[str | bytes]) -> list[dict[str, Any]]:
        """Rows of all sources, without the columns that only `bqat` has."""
        rows = [self.analyse(source) for source in sources]
        return [{name: row.get(name) for name in ("status", "reason_code", "reason", "sha256")} for row in rows]


@dataclass(frozen=True)
class FakeEngines:
    """Opens the fake engine for every specification.

    Attributes
    ----------
    log_path : File that gets a line for each analysed file, so that tests can count files analysed twice.
    version_elsewhere : Fingerprint in processes other than the one that made this object; empty: the same one.
    """

    log_path: str = ""
    version_elsewhere: str = ""
    process: int = field(default_factory=os.getpid)

    def __call__(self, spec: EngineSpec) -> FakeEngine:
        if self.version_elsewhere and os.getpid() != self.process:
            return FakeEngine(self.log_path, self.version_elsewhere)
        return FakeEngine(self.log_path)
