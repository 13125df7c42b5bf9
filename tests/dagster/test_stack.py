"""The pipeline as it is deployed: our code server, Dagster's daemon, a run worker that is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.deployment.instance import PROJECT_ROOT

_PATIENCE = 90.0


def wait_for(condition: Callable[[], object], what: str) -> object:
    """What a condition answers once it is true."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {_PATIENCE:g} s for {what}")


class Stack:
    """Code server and daemon over an instance below a folder; the sensor finds what lies in `data`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            **os.environ,
            "DAGSTER_HOME": str(PROJECT_ROOT),
            "BQAT_HOME": str(folder / "home"),
            "BQAT_DATA": str(folder / "data"),
            "BQAT_STATE": str(folder / "state"),
            "BQAT_SENSOR_INTERVAL": "5",
            "BQAT_SENSOR_SETTLE": "0",
            "BQAT_WORKERS": "1",
            "BQAT_CHUNK_SIZE": "1",
            "BQAT_EDA": "false",
            "DAGSTER_DISABLE_TELEMETRY": "yes",
        }
        for name in ("home", "data", "state"):
            (folder / name).mkdir()
        self.workspace = folder / "workspace.yaml"
        self.workspace.write_text(
            f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {self.port}, location_name: bqat_pipeline}}\n"
        )
        self.store = DatasetStore(Location.parse(folder / "home"))
        self.log = (folder / "log").open("wb")
        self.processes: list[subprocess.Popen] = []

    def start(self) -> None:
        self.code_server = self._run("-m", "bqat_pipeline.deployment.code_server", "--port", str(self.port))
        wait_for(self._answers, "the code server")
        self.daemon = self._run("-m", "dagster._daemon", "run", "-w", str(self.workspace))

    def stop(self, number: int = signal.SIGTERM) -> None:
        for process in self.processes:
            if number == signal.SIGKILL:
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.send_signal(number)
        for process in self.processes:
            process.wait(60)
        self.processes.clear()

    def measuring(self) -> list[psutil.Process]:
        """Run workers and their worker processes: what the forkserver of the code server has forked."""
        below = psutil.Process(self.code_server.pid).children(recursive=True)
        return [process for process in below if process.ppid() != self.code_server.pid]

    def _run(self, *arguments: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=self.environment, cwd=self.folder, stdout=self.log, stderr=self.log
        )
        self.processes.append(process)
        return process

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    made = Stack(tmp_path)
    for name in ("DAGSTER_HOME", "BQAT_STATE"):
        monkeypatch.setenv(name, made.environment[name])
    yield made
    made.stop()
    made.log.close()


def drop_pictures(folder: Path, number: int) -> None:
    """A folder of so many small portraits."""
    from skimage.data import astronaut
    from skimage.io import imsave

    # Made elsewhere and renamed: the sensor, told not to wait, would scan what is there so far.
    making = folder.parents[1] / f"making-{folder.name}"
    making.mkdir()
    picture = astronaut()[:256, 64:320].copy()
    for index in range(number):
        picture[0, 0] = (number % 256, index % 256, index // 256)  # no two alike: rows are taken over by content
        imsave(making / f"{index:03d}.png", picture, check_contrast=False)
    making.rename(folder)


@pytest.mark.timeout(600)
def test_dropped_folder_is_scanned_and_survives_a_power_cut(stack, tmp_path):
    """The sensor finds a folder; all is killed in the middle of its scan; after a restart the scan ends by itself.

    A second folder's run is cancelled: no process of it goes on, and what it did is kept.
    """
    parts = "datasets/{}/*/parts/*.arrow"

    def done(pattern: str) -> int:
        return len(list((tmp_path / "home").glob(parts.format(pattern))))

    with dg.DagsterInstance.get() as instance:
        drop_pictures(tmp_path / "data" / "first", 12)
        stack.start()
        wait_for(lambda: done("first-*"), "the first part")
        stack.stop(signal.SIGKILL)
        stack.start()
        (key,) = stack.store.keys()
        manifest = wait_for(lambda: stack.store.manifest(key), "the scan to be resumed")
        assert (manifest.rows, manifest.counts) == (12, {"ok": 12})
        wait_for(lambda: any(r.status == dg.DagsterRunStatus.SUCCESS for r in instance.get_runs()), "success")
        assert b"runs cannot be forked" not in (tmp_path / "log").read_bytes()  # but from the warm process
        assert (stack.store.report(key) / "index.html").is_file()
        assert {run.tags.get("dagster/partition") for run in instance.get_runs()} == {key}

        drop_pictures(tmp_path / "data" / "second", 300)
        wait_for(lambda: done("second-*"), "a part of the second scan")
        (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        assert instance.run_launcher.terminate(run.run_id)
        wait_for(lambda: instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.CANCELED, "the cancellation")
        wait_for(lambda: not stack.measuring(), "its processes to end")
        kept = done("second-*")
        assert 0 < kept < 300
        assert done("second-*") == kept
