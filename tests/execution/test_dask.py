"""The same scan on a Dask cluster, started from the command line."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.execution import ScanError, scan_dataset
from tests.execution.conftest import profiles
from tests.execution.fake_engine import FakeEngines
from tests.execution.test_faults import background, pass_gate

pytest.importorskip("distributed")

ROOT = Path(__file__).parent.parent.parent


def dask(*arguments: str) -> subprocess.Popen:
    """A process of `dask`, with this project's tests importable."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "dask", *arguments]
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


class Cluster:
    """A scheduler and two workers."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.json"
        self.folder = folder
        self.scheduler = dask("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file))
        self.workers = [self.add_worker() for _ in range(2)]

    def add_worker(self) -> subprocess.Popen:
        options = ["--nthreads", "1", "--no-dashboard", "--scheduler-file", str(self.file), "--death-timeout", "30"]
        return dask("worker", *options, "--local-directory", str(self.folder))

    @property
    def address(self) -> str:
        from distributed import Client

        with Client(scheduler_file=str(self.file), timeout=30, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=30)
            return client.scheduler.address

    def close(self) -> None:
        for process in [*self.workers, self.scheduler]:
            for member in [*psutil.Process(process.pid).children(recursive=True), process] if alive(process) else []:
                member.kill()
            process.wait()


def alive(process: subprocess.Popen) -> bool:
    return process.poll() is None


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture
def on_dask(cluster, config):
    return config.model_copy(update={"dask_scheduler": cluster.address, "dask_worker_timeout": 5.0})


def other_store(tmp_path, record) -> DatasetStore:
    store = DatasetStore(Location.parse(tmp_path / "other"))
    store.save(record)
    return store


def test_dask_gives_the_rows_of_the_local_pool_also_when_a_worker_is_killed(
    store, record, folder, config, on_dask, tmp_path
):
    pipe = tmp_path / "gate"
    os.mkfifo(pipe)
    (folder / "015.jpg").write_bytes(b"gate %b" % os.fsencode(pipe))
    result = background(scan_dataset, store, record.key, settings=on_dask, engines=FakeEngines())
    with pipe.open("wb"):
        (worker,) = [p for p in psutil.process_iter() if str(pipe) in pipes(p) and p.pid != os.getpid()]
        worker.kill()
        psutil.wait_procs([worker], timeout=20)
    pass_gate(pipe)
    assert result().counts == {"ok": 30}
    other = other_store(tmp_path, record)
    again = background(scan_dataset, other, record.key, settings=config, engines=FakeEngines())
    pass_gate(pipe)
    assert again().rows == 30
    assert profiles(store, record.key).equals(profiles(other, record.key))


def pipes(process: psutil.Process) -> list[str]:
    try:
        return [str(entry.readlink()) for entry in Path(f"/proc/{process.pid}/fd").iterdir()]
    except OSError:
        return []


def test_file_that_kills_dask_workers_costs_one_row(store, record, folder, on_dask):
    (folder / "crash.jpg").write_bytes(b"crash")
    patient = on_dask.model_copy(update={"dask_worker_timeout": 60.0})
    manifest = scan_dataset(store, record.key, settings=patient, engines=FakeEngines())
    assert manifest.counts == {"ok": 30, "crashed": 1}


def test_lost_scheduler_ends_the_scan_with_a_clear_error_and_it_resumes(
    store, record, folder, cluster, on_dask, config, tmp_path
):
    pipe = tmp_path / "gate"
    os.mkfifo(pipe)
    (folder / "015.jpg").write_bytes(b"gate %b" % os.fsencode(pipe))
    result = background(scan_dataset, store, record.key, settings=on_dask, engines=FakeEngines())
    with pipe.open("wb"):
        cluster.close()
    with pytest.raises(ScanError, match="scheduler"):
        result()
    again = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines())
    pass_gate(pipe)
    assert again().counts == {"ok": 30}


def test_cluster_without_workers_is_not_waited_for_for_ever(store, record, cluster, on_dask):
    for process in cluster.workers:
        for member in [*psutil.Process(process.pid).children(recursive=True), process]:
            member.kill()
        process.wait()
    impatient = on_dask.model_copy(update={"dask_worker_timeout": 1.0})
    with pytest.raises(ScanError, match="BQAT_DASK_WORKER_TIMEOUT"):
        scan_dataset(store, record.key, settings=impatient, engines=FakeEngines())
