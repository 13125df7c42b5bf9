"""One folder, one scan, one data set: whoever asks for it."""

import time

import httpx
import pytest

from bqat_pipeline.datasets import DatasetStore, Location, Source
from tests.api.pictures import write_portraits
from tests.processes import eventually
from tests.stack import Stack


def start(stack: Stack, name: str, **body: object) -> str:
    answer = stack.client.post("/scan/local?modality=face", json={"input": f"data/{name}", **body})
    return answer.raise_for_status().json()["tid"]


def entries(stack: Stack, collection: str) -> list[str]:
    """Ids under which clients list the scans of a data set."""
    return [log["tid"] for log in stack.client.get("/task/logs/scan").json() if log["collection"] == collection]


@pytest.mark.timeout(400)
def test_request_for_a_folder_whose_scan_is_under_way_joins_it(stack: Stack):
    write_portraits(stack.data / "joined", 12)
    first = start(stack, "joined")
    assert start(stack, "joined") == first
    other = start(stack, "joined", options={"confidence": 0.3})
    assert other != first, "other options are another scan"
    collections = {stack.finished(tid)["collection"] for tid in (first, other)}
    assert len(collections) == 2
    # once it has ended, a client that scans again gets a data set of its own, and nothing is measured for it
    again = stack.finished(start(stack, "joined"))
    assert again["collection"] not in collections and again["finished"] == 12
    keys = [log["collection"] for log in stack.client.get("/scan/logs").json()]
    assert len(keys) == len(set(keys))
    assert stack.client.delete(f"/scan/logs/{stack.finished(first)['collection']}").status_code == 200
    assert len(stack.client.get(f"/scan/{again['collection']}/profiles").json()) == 12


@pytest.mark.timeout(400)
def test_data_set_of_the_sensor_is_taken_over(stack: Stack):
    write_portraits(stack.data / "watched", 4)
    (stack.data / "watched" / "0003.jpg").rename(stack.data / "watched" / "0003.jfif")
    store = DatasetStore(Location.parse(stack.home))
    source = Source(uri=str((stack.data / "watched").resolve()), prefix="data/watched")
    record = store.create("watched", [source], automatic=True)
    assert stack.client.post(f"/v1/datasets/{record.key}/scan").status_code == 202
    tid = start(stack, "watched", options={"source": ["jpg"]})
    task = stack.finished(tid)
    assert (task["collection"], task["status"], task["finished"]) == (str(record.id), 2, 3)
    assert task["options"]["source"] == ["jpg"]
    assert tid in entries(stack, str(record.id))
    assert [key for key in list(store.keys()) if key.startswith("watched-")] == [record.key]


RUNS = """query Runs($tags: [ExecutionTag!]) {
  runsOrError(filter: {tags: $tags}) { ... on Runs { results { runId status tags { key value } } } }
}"""


def runs_of(stack: Stack, key: str) -> list[tuple[str, str]]:
    """Task and status of each run of a partition, newest first."""
    variables = {"tags": [{"key": "dagster/partition", "value": key}]}
    answer = httpx.post(f"{stack.dagster_url}/graphql", json={"query": RUNS, "variables": variables}, timeout=60)
    results = answer.json()["data"]["runsOrError"]["results"]
    tags = [{tag["key"]: tag["value"] for tag in run["tags"]} for run in results]
    return [(tag.get("bqat/task", run["runId"]), run["status"]) for tag, run in zip(tags, results, strict=True)]


@pytest.mark.timeout(500)
def test_run_of_the_sensor_that_is_being_started_is_ended(stack: Stack):
    """Dagster cancels runs that wait or have started, none in between: the request waits until it can."""
    for attempt in range(20):  # the state lasts for about a second: until it is met
        name = f"met-{attempt}"
        write_portraits(stack.data / name, 4)
        store = DatasetStore(Location.parse(stack.home))
        source = Source(uri=str((stack.data / name).resolve()), prefix=f"data/{name}")
        record = store.create(name, [source], automatic=True)
        earlier = stack.client.post(f"/v1/datasets/{record.key}/scan").raise_for_status().json()["task"]
        met, deadline = "", time.monotonic() + 120
        while met not in {"STARTING", "SUCCESS"} and time.monotonic() < deadline:
            met = dict(runs_of(stack, record.key)).get(earlier, "")
        tid = start(stack, name, options={"source": ["jpg"]})
        task = stack.finished(tid)
        assert (task["collection"], task["status"], task["finished"]) == (str(record.id), 2, 4)
        if met == "STARTING":
            statuses = dict(runs_of(stack, record.key))
            assert (statuses[earlier], statuses[tid]) == ("CANCELED", "SUCCESS")
            assert list(statuses.values()).count("SUCCESS") == 1, "the sensor of this deployment may have asked as well"
            return
    pytest.fail("no run was met while it was being started")


@pytest.mark.timeout(300)
def test_scan_that_is_stopped_while_it_is_started_stops(stack: Stack):
    write_portraits(stack.data / "stopped-early", 40)
    tid = start(stack, "stopped-early")
    assert stack.client.post(f"/v1/runs/{tid}/stop").status_code == 202
    eventually(lambda: stack.client.get(f"/v1/runs/{tid}").json()["state"] == "stopped", 120, "the end of the run")
