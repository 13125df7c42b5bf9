"""`bqat up` as processes: it starts once for each state folder, goes on when parts of it die, and leaves nothing."""

import contextlib
import re
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from bqat_pipeline.names import PROCESS_TAG
from tests.processes import (
    BIN,
    child_of,
    deployment_environment,
    eventually,
    free_port,
    kill,
    processes_with,
    started,
    watchful_dagster_home,
)

LOADED = 240.0  # seconds; generous, for machines with much else to do


@dataclass(frozen=True)
class Up:
    """A running `bqat up` on the IPv6 loopback address, with a key."""

    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    client: httpx.Client

    @property
    def terminal(self) -> str:
        return (self.folder / "up.log").read_text()

    @property
    def log(self) -> str:
        """What the file holds that its terminal does not show."""
        return (self.folder / "state" / "logs" / "up.log").read_text()

    def child(self, part: str) -> psutil.Process:
        """The process under supervision whose command holds a text."""
        return child_of(self.process.pid, part)

    def left(self) -> list[psutil.Process]:
        return processes_with("BQAT_STATE", self.environment["BQAT_STATE"])


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@contextlib.contextmanager
def running_up(folder: Path) -> Iterator[Up]:
    host = "::1" if has_ipv6() else "127.0.0.1"
    port = free_port()
    environment = deployment_environment(
        folder,
        DAGSTER_HOME=watchful_dagster_home(folder),
        BQAT_HOST=host,
        BQAT_DAGSTER_HOST=host,
        BQAT_PORT=port,
        BQAT_DAGSTER_PORT=free_port(),
        BQAT_SENSOR_INTERVAL=3600,
        BQAT_WORKERS=1,
        BQAT_CHUNK_SIZE=1,
    )
    (folder / ".env").write_text("BQAT_API_KEY=only-for-this-test\n")
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    with (
        started([str(BIN / "bqat"), "up"], environment, folder / "up.log", cwd=folder) as process,
        httpx.Client(base_url=url, timeout=60, headers={"X-API-Key": "only-for-this-test"}) as client,
    ):
        up = Up(folder, environment, process, client)
        try:
            eventually(lambda: client.get("/readyz").status_code == 200, LOADED, "readiness")
            yield up
        except BaseException:
            print(up.terminal[-4000:], up.log[-4000:])
            raise
        finally:
            kill(up.left())


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("up")) as running:
        yield running


@pytest.fixture(autouse=True)
def _show_log_of_a_failure(up: Up, request: pytest.FixtureRequest) -> Iterator[None]:
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        print(up.terminal[-4000:], up.log[-6000:])


def run_states(up: Up, task: str, states: list[str]) -> str:
    state = up.client.get(f"/v1/runs/{task}").raise_for_status().json()["state"]
    if states[-1:] != [state]:
        states.append(state)
    return state


def launched(up: Up, name: str, pictures: int) -> str:
    """Task of a new scan of a folder of small pictures."""
    import matplotlib

    hopper = (Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").read_bytes()
    folder = up.folder / "data" / name
    folder.mkdir()
    for number in range(pictures):  # the same pixels, other bytes: rows are not taken over
        comment = f"{name}{number:08d}".encode()
        marked = hopper[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + hopper[2:]
        (folder / f"{number}.jpg").write_bytes(marked)
    answer = up.client.post("/v1/datasets", json={"input": f"data/{name}"})
    assert answer.status_code < 300, answer.text
    return answer.json()["task"]


def run_process(up: Up, task: str) -> psutil.Process:
    """The process that executes a run."""
    with sqlite3.connect(up.folder / "state" / "history" / "runs.db") as database:
        asked = "select value from run_tags where key = ? and run_id in (select run_id from run_tags where value = ?)"
        ((process,),) = database.execute(asked, (PROCESS_TAG, task))
    return psutil.Process(int(process.split(":")[1]))


def parts(up: Up, name: str) -> int:
    return len(list((up.folder / "storage").glob(f"datasets/{name}-*/*/parts/*.arrow")))


def test_what_it_says_on_a_terminal_is_its_own(up: Up):
    lines = up.terminal.splitlines()
    assert "bqat.up starting" in lines[0]
    host = "[::1]" if has_ipv6() else "localhost"
    assert [re.sub(r"^\S+ bqat.up ", "", line) for line in lines if "http://" in line] == [
        f"open http://{host}:{up.environment['BQAT_PORT']}   (Ctrl-C ends everything)"
    ]
    assert f"Dagster UI   http://{host}:{up.environment['BQAT_DAGSTER_PORT']}" in up.log
    assert all(" bqat.up " in line for line in lines)
    assert up.environment["BQAT_STATE"] + "/logs/up.log" in up.log
    # Dagster's words are in the file, and a line of every request after its answer.
    eventually(lambda: "dagster.daemon" in up.log and "GET /readyz 200" in up.log, LOADED, "their lines in the file")


def test_problem_is_a_sentence_on_the_terminal(up: Up):
    # Not directly below the data root: the sensor, whose first look may come now, would ask for a scan of its own.
    folder = up.folder / "data" / "deeper" / "vanishing"
    folder.mkdir(parents=True)
    (folder / "1.jpg").write_bytes(b"no picture")
    answer = up.client.post("/v1/datasets", json={"input": "data/deeper/vanishing"}).json()
    eventually(lambda: run_states(up, answer["task"], []) == "succeeded", LOADED, "the first scan")
    (folder / "1.jpg").unlink()
    key = answer["dataset"]["key"]
    task = up.client.post(f"/v1/datasets/{key}/scan").raise_for_status().json()["task"]
    eventually(lambda: run_states(up, task, []) == "failed", LOADED, "the second scan to fail")
    said = eventually(
        lambda: [line for line in up.terminal.splitlines() if f"scan of {key} failed: " in line], LOADED, "a sentence"
    )
    assert len(said) == 1 and "data/deeper/vanishing" in said[0] and "Steps failed" not in said[0]
    assert all(re.match(r"\d\d:\d\d:\d\d bqat\.up \S", line) for line in up.terminal.splitlines())


def test_key_of_an_env_file_guards_both_ports(up: Up):
    url = str(up.client.base_url)
    dagster = url.replace(up.environment["BQAT_PORT"], up.environment["BQAT_DAGSTER_PORT"])
    assert httpx.post(f"{url}/purge").status_code == 401
    assert httpx.post(f"{dagster}/graphql", json={"query": "{ version }"}).status_code == 401
    assert up.client.post(f"{dagster}/graphql", json={"query": "{ version }"}).status_code == 200


def test_second_one_on_the_same_state_does_not_start(up: Up):
    ports = ["--api-port", str(free_port()), "--dagster-port", str(free_port())]
    second = subprocess.run([BIN / "bqat", "up", *ports], env=up.environment, capture_output=True, text=True)
    assert second.returncode == 2
    assert str(up.process.pid) in second.stderr and up.environment["BQAT_STATE"] in second.stderr
    assert "Traceback" not in second.stderr
    assert up.client.get("/readyz").status_code == 200


@pytest.mark.timeout(900)
def test_scan_goes_on_and_is_never_called_failed_when_its_code_server_dies(up: Up):
    first, second = launched(up, "first", 60), launched(up, "second", 3)
    eventually(lambda: parts(up, "first") >= 3, LOADED, "a part of the scan")
    up.child("bqat_pipeline.deployment.code_server").kill()
    states: dict[str, list[str]] = {first: [], second: []}
    for task, seen in states.items():
        eventually(lambda task=task, seen=seen: run_states(up, task, seen) in ("succeeded", "failed"), LOADED, "an end")
        assert seen[-1] == "succeeded" and "failed" not in seen, states
    assert up.client.get("/readyz").status_code == 200


@pytest.mark.timeout(900)
def test_killed_run_is_retried_although_its_code_server_died_as_well(up: Up):
    task = launched(up, "third", 40)
    eventually(lambda: parts(up, "third") >= 3, LOADED, "a part of the scan")
    code = up.child("bqat_pipeline.deployment.code_server")
    run_process(up, task).kill()
    code.kill()
    seen: list[str] = []
    eventually(lambda: run_states(up, task, seen) in ("succeeded", "failed"), LOADED, "an end")
    assert seen[-1] == "succeeded" and "failed" not in seen, seen
