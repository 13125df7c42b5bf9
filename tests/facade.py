"""A facade as a process of its own, without Dagster: for tests that need a real port and no runs."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.processes import deployment_environment, free_port, started


@dataclass(frozen=True, slots=True)
class RunningFacade:
    """Address, process, time of the start (``time.perf_counter``, seconds) and log of a facade."""

    address: str
    process: psutil.Process
    began: float
    log: Path


@contextmanager
def running_facade(folder: Path, *, port: int | None = None, **changes: Any) -> Iterator[RunningFacade]:
    """A facade on a folder, ready to answer; it is killed with all its processes at the end of the block."""
    port = port or free_port()
    environment = deployment_environment(folder, BQAT_DAGSTER_URL="http://127.0.0.1:9", BQAT_PORT=port, **changes)
    began, log = time.perf_counter(), folder / "facade.log"
    with started([sys.executable, "-m", "api"], environment, log) as process:
        running = RunningFacade(f"http://127.0.0.1:{port}", psutil.Process(process.pid), began, log)
        while True:
            try:
                httpx.get(f"{running.address}/healthz")
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()[-2000:]
                time.sleep(0.02)
        yield running
