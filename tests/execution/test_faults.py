"""The death of any process at any moment costs time, never a row."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import psutil
import pytest

from bqat_pipeline.datasets import DatasetStore, Location, Source, UnknownDatasetError
from bqat_pipeline.execution import ScanError, scan_dataset
from bqat_pipeline.execution.retries import has_retried_rows
from tests.execution.conftest import by_file, profiles
from tests.execution.fake_engine import FakeEngines
from tests.processes import bound_by_modes, eventually

CHOSEN = {"workers": 2, "chunk_size": 5, "image_timeout": 60}


@pytest.fixture
def gate(tmp_path: Path, folder: Path) -> Path:
    """A named pipe that the analysis of ``015.jpg`` waits at."""
    pipe = tmp_path / "gate"
    os.mkfifo(pipe)
    (folder / "015.jpg").write_bytes(b"gate %b" % os.fsencode(pipe))
    return pipe


def pass_gate(pipe: Path) -> None:
    """Wait until an analysis is at the gate, and let it through."""
    with pipe.open("wb"):
        pass


def background(function, *arguments, **keywords):
    """Call a function in a thread; answers a function that waits for its result."""
    outcome = {}

    def run():
        try:
            outcome["value"] = function(*arguments, **keywords)
        except Exception as error:
            outcome["error"] = error

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(240)
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]

    return result


def start(store, record, log, **more) -> subprocess.Popen:
    arguments = [str(store.home), record.key, str(log), json.dumps({**CHOSEN, **more})]
    return subprocess.Popen([sys.executable, "-m", "tests.execution.run_scan", *arguments])


def undisturbed(store, record, config, tmp_path):
    """Rows of a scan that nothing happened to, in a store of its own."""
    other = DatasetStore(Location.parse(tmp_path / "undisturbed"))
    other.save(record)
    scan_dataset(other, record.key, settings=config, engines=FakeEngines())
    return profiles(other, record.key)


def test_killed_run_resumes_and_equals_an_undisturbed_scan(store, record, folder, gate, config, tmp_path):
    log = tmp_path / "log"
    process = start(store, record, log)
    with gate.open("wb"):  # a worker is in the middle of a chunk
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.kill()
        process.wait()
        _, left = psutil.wait_procs(family, timeout=20)
        assert left == []
    first = Counter(log.read_text().splitlines())
    assert store.manifest(record.key) is None
    (folder / "015.jpg").unlink()
    (folder / "015.jpg").write_bytes(b"face 015")  # the gate opens: a changed file, as a resumed scan may meet
    manifest = scan_dataset(store, record.key, settings=config, engines=FakeEngines(str(log)))
    assert manifest.rows == 30
    repeated = Counter(log.read_text().splitlines()) - Counter(f"face {n:03d}" for n in range(30))
    assert sum(repeated.values()) <= CHOSEN["workers"] * CHOSEN["chunk_size"]
    assert sum(first.values()) > 0
    assert profiles(store, record.key).equals(undisturbed(store, record, config, tmp_path))


def test_stopped_run_leaves_no_process_and_resumes(store, record, folder, gate, config, tmp_path):
    process = start(store, record, tmp_path / "log")
    with gate.open("wb"):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(2)
        assert process.wait(30) != 0
        _, left = psutil.wait_procs(family, timeout=20)
        assert left == []
    result = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines())
    pass_gate(gate)
    assert result().rows == 30


def test_killed_worker_costs_no_row_and_accuses_no_file(store, record, gate, config):
    result = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines())
    with gate.open("wb"):
        (worker,) = [p for p in psutil.Process().children(recursive=True) if str(gate) in open_pipes(p)]
        worker.kill()
        psutil.wait_procs([worker], timeout=20)
    pass_gate(gate)
    manifest = result()
    assert manifest.counts == {"ok": 30}


def open_pipes(process: psutil.Process) -> list[str]:
    """What the file descriptors of a process lead to."""
    folder = Path(f"/proc/{process.pid}/fd")
    try:
        return [str(entry.readlink()) for entry in folder.iterdir()]
    except OSError:
        return []


def test_file_that_vanishes_during_the_scan_is_a_row(store, record, folder, gate, config):
    result = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines())
    with gate.open("wb"):  # 016 to 019 are in the same chunk, or in a later one
        (folder / "016.jpg").unlink()
    assert result().counts == {"ok": 29, "vanished": 1}
    assert by_file(store, record.key)["016.jpg"]["reason"]


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_source_that_goes_away_during_a_scan_fails_it_and_costs_no_row(store, record, folder, gate, config, left):
    result = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines())
    away = folder.with_name("away")
    with gate.open("wb"):
        folder.rename(away)
        if left == "an empty folder":  # the place of a share that is not mounted
            folder.mkdir()
    with pytest.raises(ScanError, match=r"set is not there any more.*is it mounted"):
        result()
    assert store.manifest(record.key) is None
    if folder.exists():
        folder.rmdir()
    away.rename(folder)
    (folder / "015.jpg").unlink()
    (folder / "015.jpg").write_bytes(b"face 015")
    assert scan_dataset(store, record.key, settings=config, engines=FakeEngines()).counts == {"ok": 30}


def test_worker_that_stood_still_accuses_no_file(store, record, gate, config):
    """A suspended host or a stopped process: the time of a picture passes while nobody works on it."""
    limits = config.model_copy(update={"image_timeout": 3.0})
    result = background(scan_dataset, store, record.key, settings=limits, engines=FakeEngines())
    with gate.open("wb"):
        (worker,) = [p for p in psutil.Process().children(recursive=True) if str(gate) in open_pipes(p)]
        worker.suspend()
        signals = Path(f"/proc/{worker.pid}/status")
        eventually(lambda: pending_alarm(signals), 60, "the end of the time limit")
        worker.resume()
        psutil.wait_procs([worker], timeout=60)
    pass_gate(gate)
    assert result().counts == {"ok": 30}


def pending_alarm(status: Path) -> bool:
    """Whether SIGALRM waits for a stopped process."""
    masks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
    return any(int(mask, 16) >> (signal.SIGALRM - 1) & 1 for mask in masks)


def test_death_of_the_server_that_forks_workers_costs_no_row(store, record, folder, gate, config):
    from multiprocessing import forkserver

    result = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines())
    with gate.open("wb"):
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        (folder / "015.jpg").unlink()
        (folder / "015.jpg").write_bytes(b"face 015")
    assert result().counts == {"ok": 30}


def test_file_that_may_not_be_read_has_not_vanished(store, record, folder, config, tmp_path):
    (folder / "003.jpg").chmod(0)
    command = [sys.executable, "-m", "tests.execution.run_scan", str(store.home), record.key, str(tmp_path / "log")]
    subprocess.run([*bound_by_modes(), *command, json.dumps(CHOSEN)], check=True)
    row = by_file(store, record.key)["003.jpg"]
    assert (row["status"], row["reason_code"]) == ("unreadable", "permission_denied")
    (folder / "003.jpg").chmod(0o600)
    assert scan_dataset(store, record.key, settings=config, engines=FakeEngines()).counts == {"ok": 30}


def test_file_that_the_disk_cannot_read_has_not_vanished_and_is_tried_again(store, config):
    """The memory of the process that reads, where nothing lies at its beginning: an input/output error."""
    source = Source(uri="/proc/self", prefix="data/set", files=["mem"], temporary=True)
    record = store.create("set", [source])
    first = scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    (row,) = by_file(store, record.key).values()
    assert (row["status"], row["reason_code"]) == ("unreadable", "read_failed")
    assert row["reason"] == "the file cannot be read: Input/output error"
    assert has_retried_rows(store.generation(record.key, first.generation))


def test_two_scans_of_one_data_set_at_once_do_the_work_once(store, record, gate, config, tmp_path):
    log = tmp_path / "log"
    first = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines(str(log)))
    second = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines(str(log)))
    pass_gate(gate)
    assert first() == second()
    assert len(log.read_text().splitlines()) == 30


def test_readers_see_the_old_rows_until_a_rescan_is_complete(store, record, folder, config, tmp_path):
    scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    pipe = tmp_path / "gate"
    os.mkfifo(pipe)
    (folder / "new.jpg").write_bytes(b"gate %b" % os.fsencode(pipe))
    result = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines())
    with pipe.open("wb"):
        assert profiles(store, record.key).num_rows == 30
    assert result().rows == 31
    assert profiles(store, record.key).num_rows == 31


def test_data_set_deleted_during_its_scan_leaves_nothing_behind(store, record, gate, config):
    result = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines())
    with gate.open("wb"):
        store.delete(record.key)
    with pytest.raises(UnknownDatasetError):
        result()
    assert not store.folder(record.key).exists()


@pytest.fixture
def small_disk(tmp_path: Path):
    """A folder on a file system of 200 kB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)  # a reader of Parquet may not have let go yet


def test_full_disk_ends_the_scan_with_a_clear_error_and_it_resumes(small_disk, record, store, config, tmp_path):
    small = DatasetStore(Location.parse(small_disk / "home"))
    small.save(record)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(110_000))
    with pytest.raises(ScanError, match=r"No space left on device.*run the scan again"):
        scan_dataset(small, record.key, settings=config, engines=FakeEngines())
    assert small.manifest(record.key) is None
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    assert scan_dataset(small, record.key, settings=config, engines=FakeEngines()).rows == 30
    assert not list(small_disk.rglob("*.tmp"))
    assert profiles(small, record.key).equals(undisturbed(store, record, config, tmp_path))


def test_workers_that_cannot_start_end_the_scan(store, record, config):
    limits = config.model_copy(update={"worker_memory": 1_000})
    with pytest.raises(ScanError, match="BQAT_WORKER_MEMORY"):
        scan_dataset(store, record.key, settings=limits, engines=FakeEngines())


def test_parts_that_do_not_arrive_are_measured_again(store, record, folder, gate, config, tmp_path):
    log = tmp_path / "log"
    result = background(scan_dataset, store, record.key, settings=config, engines=FakeEngines(str(log)))
    parts = store.folder(record.key).local
    with gate.open("wb"):
        part = eventually(lambda: next(iter(parts.glob("*/parts/part-0000000000-*")), None), 60, "the first part")
        part.unlink()
    assert result().counts == {"ok": 30}
    assert log.read_text().splitlines().count("face 001") == 2
