"""The same scan on a Dask cluster, started from the command line."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.execution import ScanError, Scanner, scan_dataset
from bqat_pipeline.execution.dask_check import ask_workers
from bqat_pipeline.identity.running import find_identities
from tests.execution.conftest import profiles
from tests.execution.fake_engine import FakeEngines
from tests.execution.test_faults import background
from tests.identity.fake_templates import FakeTemplateEngines
from tests.processes import eventually, kill_family

pytest.importorskip("distributed")

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 90  # seconds for a worker to start on a busy machine


def dask(*arguments: str, elsewhere: Path | None = None) -> subprocess.Popen:
    """A process of `dask`, with this project's tests importable; `elsewhere`: a folder that is another one there."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "dask", *arguments]
    if elsewhere is not None:
        command = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs none "{elsewhere}" && exec "$@"', "sh", *command]
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


class Cluster:
    """A scheduler and workers as processes of this machine."""

    def __init__(self, folder: Path) -> None:
        from distributed import Client

        self.file = folder / "scheduler.json"
        self.folder = folder
        self.workers: list[subprocess.Popen] = []
        local = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self.scheduler = dask("scheduler", *local, "--scheduler-file", str(self.file))
        try:
            eventually(self.file.is_file, PATIENCE, "a scheduler")
            self.client = Client(scheduler_file=str(self.file), timeout=PATIENCE, set_as_default=False)
        except BaseException:
            self.close()
            raise
        self.address = self.client.scheduler.address

    def add_worker(self, name: str, elsewhere: Path | None = None) -> None:
        """A worker that joins; `elsewhere`: a folder that is another one for it."""
        options = ["--nthreads", "1", "--no-dashboard", "--scheduler-file", str(self.file), "--name", name]
        where = ["--host", "127.0.0.1", "--local-directory", str(self.folder)]
        self.workers.append(dask("worker", *options, *where, elsewhere=elsewhere))
        eventually(lambda: name in self.names(), PATIENCE, f"worker {name}")

    def names(self) -> dict[str, str]:
        """Name of each worker, and its address, which is another one after a restart."""
        return {info["name"]: address for address, info in self.client.scheduler_info()["workers"].items()}

    def end_workers(self) -> None:
        while self.workers:
            end(self.workers.pop())
        eventually(lambda: not self.names(), PATIENCE, "the end of the workers")

    def close(self) -> None:
        if hasattr(self, "client"):
            self.client.close(timeout=1)
        for process in [*self.workers, self.scheduler]:
            end(process)


def end(process: subprocess.Popen) -> None:
    """Kill a process and what it started."""
    if process.poll() is None:
        kill_family(process.pid)
    process.wait()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster for tests that leave it as it was."""
    made = Cluster(tmp_path_factory.mktemp("dask"))
    try:
        made.add_worker("one")
        made.add_worker("two")
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler for tests that start workers of their own."""
    made = Cluster(tmp_path_factory.mktemp("scheduler"))
    yield made
    made.close()


@pytest.fixture
def cluster(scheduler: Cluster) -> Iterator[Cluster]:
    """A cluster of one test, without workers."""
    yield scheduler
    scheduler.end_workers()


def on(cluster: Cluster, config, **more):
    chosen = {"dask_scheduler": cluster.address, "dask_worker_timeout": 5.0, "image_timeout": 200.0, **more}
    return config.model_copy(update=chosen)


@pytest.fixture
def gate(folder: Path, tmp_path: Path) -> Path:
    """A pipe that the engine waits at in a file of the first chunks."""
    pipe = tmp_path / "gate"
    os.mkfifo(pipe)
    (folder / "005.jpg").write_bytes(b"gate %b" % os.fsencode(pipe))
    return pipe


@contextmanager
def open_gate(pipe: Path) -> Iterator[None]:
    """Let through whoever comes to a gate meanwhile, and nobody has to."""
    closed = threading.Event()

    def let_through() -> None:
        while not closed.wait(0.1):
            with contextlib.suppress(OSError):  # nobody waits there now
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))

    thread = threading.Thread(target=let_through)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        thread.join()


def waiting_at(pipe: Path) -> psutil.Process:
    """The process that waits at a gate."""

    def found() -> list[psutil.Process]:
        return [p for p in psutil.process_iter() if str(pipe) in pipes(p) and p.pid != os.getpid()]

    return eventually(found, PATIENCE, "a worker at the gate")[0]


def pipes(process: psutil.Process) -> list[str]:
    try:
        return [str(entry.readlink()) for entry in Path(f"/proc/{process.pid}/fd").iterdir()]
    except OSError:
        return []


def other_store(tmp_path, record) -> DatasetStore:
    store = DatasetStore(Location.parse(tmp_path / "other"))
    store.save(record)
    return store


def test_files_that_kill_hang_or_fill_their_worker_cost_a_row_and_no_dask_worker(
    store, record, folder, two_workers, config
):
    (folder / "crash.jpg").write_bytes(b"crash")
    (folder / "hang.jpg").write_bytes(b"hang")
    (folder / "memory.jpg").write_bytes(b"memory")
    before = two_workers.names()
    settings = on(two_workers, config, image_timeout=1.0, worker_memory=500_000_000)
    manifest = scan_dataset(store, record.key, settings=settings, engines=FakeEngines())
    assert manifest.counts == {"ok": 30, "crashed": 2, "timeout": 1}
    reasons = profiles(store, record.key)["reason_code"].to_pylist()
    assert sorted(reason for reason in reasons if reason) == ["crashed", "out_of_memory", "timeout"]
    assert two_workers.names() == before


def test_dask_gives_the_rows_of_the_local_pool_also_when_a_worker_is_lost(
    store, record, gate, cluster, config, tmp_path
):
    cluster.add_worker("one")
    cluster.add_worker("two")
    result = background(scan_dataset, store, record.key, settings=on(cluster, config), engines=FakeEngines())
    with gate.open("wb"):
        process = waiting_at(gate)
        worker = process.parent().parent()  # the process, its fork server, Dask's worker
        worker.kill()
        assert not psutil.wait_procs([process], timeout=PATIENCE)[1]  # nothing is left of a worker that is gone
    other = other_store(tmp_path, record)
    with open_gate(gate):
        assert result().counts == {"ok": 30}
        assert scan_dataset(other, record.key, settings=config, engines=FakeEngines()).rows == 30
    assert profiles(store, record.key).equals(profiles(other, record.key))


def test_worker_that_joins_during_a_scan_gets_work(store, record, gate, cluster, config):
    cluster.add_worker("one")
    result = background(scan_dataset, store, record.key, settings=on(cluster, config), engines=FakeEngines())
    with gate.open("wb"):  # the only worker is busy
        cluster.add_worker("late")
        eventually(lambda: store.progress(record.key).done == 25, PATIENCE, "all other chunks")
    assert result().counts == {"ok": 30}


def test_workers_that_do_not_see_pictures_or_results_get_no_work_and_are_named(
    store, record, folder, cluster, config, caplog
):
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"]).returncode:
        pytest.skip("NO MOUNT NAMESPACES HERE: blind Dask workers were not tested")
    home = store.home.local
    cluster.add_worker("no-pictures", elsewhere=folder)
    cluster.add_worker("no-results", elsewhere=home)
    impatient = on(cluster, config, dask_worker_timeout=1.0)
    with pytest.raises(ScanError, match=r"no worker of use.*worker no-.*does not see the .*is .*mounted there"):
        scan_dataset(store, record.key, settings=impatient, engines=FakeEngines())
    cluster.add_worker("good")
    caplog.clear()
    assert scan_dataset(store, record.key, settings=impatient, engines=FakeEngines()).counts == {"ok": 30}
    assert f"does not see the pictures of {folder}" in caplog.text
    assert f"does not see the results in {home}" in caplog.text
    assert not [path for path in home.rglob("*") if path.name == "token"]


def test_no_file_vanishes_by_the_word_of_a_worker_that_does_not_see_a_share_inside_of_the_source(
    store, record, folder, cluster, config, caplog
):
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"]).returncode:
        pytest.skip("NO MOUNT NAMESPACES HERE: a Dask worker without a share was not tested")
    share = folder / "share"
    share.mkdir()
    for path in sorted(folder.glob("*.jpg"))[6:]:
        path.rename(share / path.name)
    cluster.add_worker("without-share", elsewhere=share)
    impatient = on(cluster, config, dask_worker_timeout=1.0)
    sentence = r"without-share at .* does not see data/set/share/\d+.jpg, which is there"
    with pytest.raises(ScanError, match=f"no worker of use.*{sentence}"):
        scan_dataset(store, record.key, settings=impatient, engines=FakeEngines())
    cluster.add_worker("good")
    caplog.clear()
    assert scan_dataset(store, record.key, settings=impatient, engines=FakeEngines()).counts == {"ok": 30}
    assert re.search(sentence, caplog.text)


def test_files_that_vanished_for_everybody_are_rows(store, record, folder, two_workers, config):
    scanner = Scanner(store, on(two_workers, config), FakeEngines())
    scanner.list(record.key)
    for name in ("006.jpg", "007.jpg", "020.jpg"):
        (folder / name).unlink()
    assert scanner.measure(record.key).counts == {"ok": 27, "vanished": 3}


def test_doctor_names_workers_that_do_not_see_the_folders(two_workers, config, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    settings = on(two_workers, config, home=str(home), data=str(tmp_path / "absent"))
    reports = ask_workers(settings)
    assert sorted(report.address for report in reports) == sorted(two_workers.names().values())
    assert {report.problems for report in reports} == {(f"does not see BQAT_DATA ({tmp_path / 'absent'})",)}


def test_worker_with_another_engine_gets_no_work_and_is_named(store, record, two_workers, config):
    with pytest.raises(ScanError, match=r"worker \w+ at .* runs another version of the engine"):
        scan_dataset(
            store,
            record.key,
            settings=on(two_workers, config, dask_worker_timeout=0.1),
            engines=FakeEngines(version_elsewhere="fake-2"),
        )


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that a test ends."""
    made = Cluster(tmp_path)
    yield made
    made.close()


def test_lost_scheduler_ends_the_scan_with_a_clear_error_and_it_resumes(store, record, gate, mortal, config):
    mortal.add_worker("one")
    result = background(scan_dataset, store, record.key, settings=on(mortal, config), engines=FakeEngines())
    with gate.open("wb"):
        end(mortal.scheduler)
        with pytest.raises(ScanError, match="scheduler"):
            result()
        with pytest.raises(ScanError, match="does not answer"):  # and in bounded time
            scan_dataset(store, record.key, settings=on(mortal, config), engines=FakeEngines())
    with open_gate(gate):
        assert scan_dataset(store, record.key, settings=config, engines=FakeEngines()).counts == {"ok": 30}


def test_cluster_without_workers_is_not_waited_for_for_ever(store, record, cluster, config):
    impatient = on(cluster, config, dask_worker_timeout=1.0)
    with pytest.raises(ScanError, match="BQAT_DASK_WORKER_TIMEOUT"):
        scan_dataset(store, record.key, settings=impatient, engines=FakeEngines())


def test_templates_are_made_by_the_workers(store, record, folder, two_workers, config, tmp_path):
    for number in range(4):
        (folder / f"{number:03d}.jpg").write_bytes(b"person %d shot %d" % (number // 2, number))
    chosen = on(two_workers, config)
    scan_dataset(store, record.key, settings=chosen, engines=FakeEngines())
    log = tmp_path / "log"
    found = find_identities(store, record.key, chosen, engines=FakeTemplateEngines(str(log)))
    assert (found["templates"], found["without_template"], found["pairs"]) == (4, {"turned_away": 26}, 2)
    assert len(log.read_text().splitlines()) == 30
    left = store.folder(record.key).local / "identities"
    assert [path.name for path in left.iterdir()] == ["templates.parquet"]
