"""What `bqat doctor` asks a Dask cluster: who is there, with which version, and what each worker sees."""

import time
from dataclasses import dataclass

from bqat_pipeline import __version__
from bqat_pipeline.datasets import Location
from bqat_pipeline.execution.dask import connect
from bqat_pipeline.settings import Settings

_ANSWER_SECONDS = 60


@dataclass(frozen=True)
class WorkerReport:
    """One worker: what is wrong with it, as sentences; none: it can take part."""

    address: str
    threads: int
    problems: tuple[str, ...]


def ask_workers(settings: Settings) -> list[WorkerReport]:
    """A report of each worker of the scheduler of the settings.

    Raises
    ------
    ClusterError : when nobody answers.
    """
    client = connect(settings.dask_scheduler)
    try:
        workers = client.nthreads()
        places = (settings.home, settings.data)
        asked = {
            address: client.submit(worker_problems, __version__, *places, workers=[address], pure=False)
            for address in workers
        }
        reports = []
        until = time.monotonic() + _ANSWER_SECONDS  # all were asked at once: many silent ones cost no more than one
        for address, answer in asked.items():
            try:
                problems = tuple(answer.result(timeout=max(0.1, until - time.monotonic())))
            except Exception as error:  # noqa: BLE001 - a worker that cannot even be asked is a finding
                problems = (f"cannot be asked ({type(error).__name__}: {str(error)[:200]})",)
            reports.append(WorkerReport(address, workers[address], problems))
        return reports
    finally:
        client.close(timeout=5)


def worker_problems(version: str, home: str, data: str) -> list[str]:
    """Asked on a worker: another version, folders that are not there."""
    problems = []
    if version != __version__:
        problems.append(f"has version {__version__}, here it is {version}")
    for name, uri in (("BQAT_HOME", home), ("BQAT_DATA", data)):
        try:
            if not Location.parse(uri).is_dir():
                problems.append(f"does not see {name} ({Location.parse(uri)})")
        except OSError as error:
            problems.append(f"cannot read {name}: {error.strerror or str(error)[:200]}")
    return problems
