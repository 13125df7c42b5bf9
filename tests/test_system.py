"""Both deployments as wholes: started by their own commands, used through their front doors, ended."""

import contextlib
import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import psutil
import pyarrow.dataset as ds
import pytest
import yaml

from bqat_pipeline.sample import write_sample
from tests.api.pictures import write_portraits
from tests.postgres import running_postgres
from tests.processes import (
    BIN,
    ROOT,
    child_of,
    deployment_environment,
    eventually,
    free_port,
    is_listening,
    processes_with,
    started,
    watchful_dagster_home,
)

FILES = 24


def _finished_dataset(client: httpx.Client) -> dict[str, Any] | None:
    found = client.get("/v1/datasets").raise_for_status().json()["items"]
    return next((item for item in found if item["scanned"]), None)


def _assert_everybody_agrees(client: httpx.Client, folder: Path, dataset: dict[str, Any]) -> None:
    """REST, Parquet and report.json hold the same rows and counts."""
    home = folder / "storage" / "datasets" / dataset["key"]
    manifest = json.loads((home / "manifest.json").read_text())
    rows = ds.dataset(home / manifest["generation"] / "profiles").to_table(columns=["file", "status"]).to_pylist()
    assert len(rows) == FILES
    wire = client.get(f"/scan/{dataset['collection']}/profiles").raise_for_status().json()
    assert sorted(r["file"] for r in wire) == sorted(r["file"] for r in rows)
    assert client.get(f"/scan/{dataset['collection']}/profiles/count").json() == FILES
    # The page is written last.
    page = eventually(
        lambda: page if (page := client.get(f"/scan/{dataset['collection']}/report")).is_success else None,
        60,
        "the page of the report",
    )
    assert page.headers["content-type"].startswith("text/html")
    report = json.loads((home / "report" / "report.json").read_text())
    assert sum(s["count"] for s in report["statuses"]) == FILES


_RUNS = """query Runs($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs {
  results { runId status startTime endTime } } } }"""
_END = "mutation End($id: String!) { terminateRun(runId: $id) { __typename } }"


def _graphql(url: str, query: str, **variables: Any) -> dict[str, Any]:
    answer = httpx.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=20)
    return answer.raise_for_status().json()["data"]


def _runs(url: str, job: str, key: str) -> list[dict[str, Any]]:
    """Runs of a job for a data set, newest first."""
    conditions = {"pipelineName": job, "tags": [{"key": "dagster/partition", "value": key}]}
    return _graphql(url, _RUNS, filter=conditions)["runsOrError"]["results"]


def _measuring(supervisor: int) -> list[psutil.Process]:
    """Processes of runs and their workers: what the fork server of the code server has forked."""
    code = child_of(supervisor, "code_server")
    return [process for process in code.children(recursive=True) if process.ppid() != code.pid]


def _parts(folder: Path, name: str) -> int:
    """How many parts of the data sets of a name there are."""
    return len(list((folder / "storage").glob(f"datasets/{name}-*/*/parts/*.arrow")))


def _drop(folder: Path, name: str, pictures: int) -> None:
    """A folder of portraits below the data root, which appears as a whole."""
    write_portraits(folder / f"making-{name}", pictures)
    (folder / f"making-{name}").rename(folder / "data" / name)


@pytest.mark.timeout(600)
def test_a_dropped_folder_is_scanned_by_itself_through_a_power_cut_and_ctrl_c_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    """The supervisor is killed in the middle of a scan; the next one starts on its ports, and the scan ends by itself.

    The exploratory page follows. The scan of a second folder is cancelled: no process of it goes on, and what it did
    is kept.
    """
    api_port, dagster_port = free_port(), free_port()
    environment = deployment_environment(
        tmp_path,
        DAGSTER_HOME=watchful_dagster_home(tmp_path),
        BQAT_PORT=api_port,
        BQAT_DAGSTER_PORT=dagster_port,
        BQAT_SENSOR_INTERVAL=5,
        BQAT_SENSOR_SETTLE=1,
        BQAT_WORKERS=1,
        BQAT_CHUNK_SIZE=1,
        BQAT_EDA="true",
    )
    log, dagster = tmp_path / "up.log", f"http://127.0.0.1:{dagster_port}"
    with httpx.Client(base_url=f"http://127.0.0.1:{api_port}", timeout=20) as client:
        write_sample(tmp_path / "making")
        (tmp_path / "making").rename(tmp_path / "data" / "dropped")
        with started([str(BIN / "bqat"), "up"], environment, log) as process:
            eventually(lambda: _parts(tmp_path, "dropped"), 120, "the first part of the scan of the dropped folder")
            family = child_of(process.pid, "code_server").environ()["BQAT_FAMILY"]
            assert len(processes_with("BQAT_FAMILY", family)) > 6
            process.kill()
            process.wait(10)
        with started([str(BIN / "bqat"), "up"], environment, log) as process:
            eventually(lambda: not processes_with("BQAT_FAMILY", family), 60, "the end of the first family")
            eventually(lambda: client.get("/readyz").status_code == 200, 90, "readiness")
            dataset = eventually(lambda: _finished_dataset(client), 120, "the scan to be resumed")
            _assert_everybody_agrees(client, tmp_path, dataset)
            # BQAT_EDA: a run of its own, after the report, and no task of the BQAT API. How it is drawn: tests/dagster.
            drawing = eventually(
                lambda: _runs(dagster, "explore", dataset["key"]), 60, "the exploratory page to be asked for"
            )
            scan = _runs(dagster, "scan", dataset["key"])[0]
            assert scan["status"] == "SUCCESS" and len(drawing) == 1
            drawn = eventually(
                lambda: next((r for r in _runs(dagster, "explore", dataset["key"]) if r["startTime"]), None),
                60,
                "it to begin",
            )
            assert drawn["startTime"] >= scan["endTime"] and client.get("/task/pending").json() == {}
            _graphql(dagster, _END, id=drawn["runId"])

            _drop(tmp_path, "second", 60)
            eventually(lambda: _parts(tmp_path, "second"), 120, "a part of the second scan")
            (key,) = {item["key"] for item in client.get("/v1/datasets").json()["items"]} - {dataset["key"]}
            (run,) = _runs(dagster, "scan", key)
            _graphql(dagster, _END, id=run["runId"])
            eventually(lambda: _runs(dagster, "scan", key)[0]["status"] == "CANCELED", 60, "the cancellation")
            eventually(lambda: not _measuring(process.pid), 60, "its processes to end")
            kept = _parts(tmp_path, "second")
            assert 0 < kept < 60
            # The sensor asked once for each folder.
            with contextlib.closing(sqlite3.connect(tmp_path / "state" / "history" / "runs.db")) as database:
                asked = "select distinct value from run_tags where key = 'dagster/partition'"
                assert {value for (value,) in database.execute(asked)} == {dataset["key"], key}
            assert _parts(tmp_path, "second") == kept
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=40) == 0, log.read_text()[-3000:]
    left = eventually(
        lambda: "none" if not processes_with("BQAT_STATE", str(tmp_path / "state")) else None,
        10,
        "the end of all processes",
    )
    assert left == "none"
    assert not is_listening(api_port) and not is_listening(dagster_port)
    temporary = [p for p in tmp_path.rglob("*") if p.suffix == ".tmp" or p.name.startswith("workspace-")]
    # The part that the cancelled scan was writing goes when its folder is scanned again.
    assert [p for p in temporary if key not in p.parts] == []
    assert log.read_text().splitlines()[-1].endswith("bqat.up stopped") and "stopping" in log.read_text()
    # runs come from the warm process
    assert "runs cannot be forked" not in (tmp_path / "state" / "logs" / "up.log").read_text()


def test_the_services_of_the_compose_file_work_together_on_postgresql(tmp_path: Path) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ports = {"4000": free_port(), "3000": free_port(), "8848": free_port()}
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "docker" / "dagster.yaml").read_text())

    def command(service: str) -> list[str]:
        """The service's own command, with this test's ports and places."""
        words = [str(ports.get(word, word)) for word in services[service]["command"]]
        replaced = {"0.0.0.0": "127.0.0.1", "/opt/dagster/workspace.yaml": str(ROOT / "docker" / "workspace.yaml")}
        words = [replaced.get(word, word) for word in words]
        return [str(BIN / words[0]), *words[1:]]

    with running_postgres() as postgres, contextlib.ExitStack() as stack:
        environment = deployment_environment(
            tmp_path,
            **postgres.environment,
            DAGSTER_HOME=home,
            BQAT_CODE_HOST="127.0.0.1",
            BQAT_CODE_PORT=ports["4000"],
            BQAT_DAGSTER_URL=f"http://127.0.0.1:{ports['3000']}",
            BQAT_LOG_FORMAT="json",
            BQAT_API_KEY="only-for-this-test",
            BQAT_DAGSTER_ROOT_PATH="",
        )
        for service in ("code", "webserver", "daemon", "api"):
            stack.enter_context(started(command(service), environment, tmp_path / f"{service}.log"))
            if service == "code":  # as depends_on in the compose file
                eventually(lambda: is_listening(ports["4000"]), 60, "the code server")
        client = stack.enter_context(
            httpx.Client(
                base_url=f"http://127.0.0.1:{ports['8848']}", timeout=20, headers={"X-API-Key": "only-for-this-test"}
            )
        )
        eventually(lambda: client.get("/readyz").status_code == 200, 90, "readiness")
        write_sample(tmp_path / "data" / "sample")
        answer = client.post("/scan/local", params={"modality": "face"}, json={"input": "data/sample"})
        assert answer.status_code == 201, answer.text
        task = answer.json()["tid"]
        done = eventually(
            lambda: [t for t in client.get(f"/task/logs/scan/{task}").json() if t["status"] in (2, 3)],
            120,
            "the end of the scan",
        )
        assert done[0]["status"] == 2, done
        dataset = eventually(lambda: _finished_dataset(client), 30, "the data set")
        _assert_everybody_agrees(client, tmp_path, dataset)
    assert postgres.password not in "".join(p.read_text(errors="replace") for p in tmp_path.glob("*.log"))


@pytest.fixture(autouse=True)
def _show_logs_of_a_failure(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        for log in tmp_path.glob("*.log"):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")
