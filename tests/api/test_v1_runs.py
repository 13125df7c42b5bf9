"""Data sets and runs below `/v1`, against real runs."""

import csv
import io
import json

import pyarrow.parquet as pq

from tests.api.pictures import archive, samples, write_portraits
from tests.processes import eventually
from tests.stack import Stack


def events(stack: Stack, task: str) -> list[tuple[str, dict]]:
    """All server-sent events of a task."""
    found: list[tuple[str, dict]] = []
    with stack.client.stream("GET", f"/v1/runs/{task}/events", timeout=120) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
    return found


def test_data_set_from_creation_over_events_to_deletion(stack: Stack):
    write_portraits(stack.data / "v1", 4)
    response = stack.client.post("/v1/datasets", json={"input": "data/v1", "name": "Four <faces>"})
    assert response.status_code == 202
    task, dataset = response.json()["task"], response.json()["dataset"]
    assert response.headers["location"] == f"/v1/runs/{task}" and dataset["key"].startswith("four-faces-")
    seen = events(stack, task)
    assert seen[-1][0] == "end" and seen[-1][1]["state"] == "succeeded"
    assert all(name == "progress" for name, _ in seen[:-1])
    run = stack.client.get(f"/v1/runs/{task}").json()
    assert (run["kind"], run["state"], run["dataset"], run["errors"]) == ("scan", "succeeded", dataset["key"], [])
    listed = stack.client.get("/v1/runs", params={"dataset": dataset["key"]}).json()["items"]
    assert [item["task"] for item in listed] == [task]
    found = stack.client.get(f"/v1/datasets/{dataset['key']}").json()
    assert found["rows"] == 4 and found["name"] == "Four <faces>" and found["sources"] == ["data/v1"]
    page = stack.client.get(f"/v1/datasets/{dataset['key']}/report")
    assert page.status_code == 200 and "<faces>" not in page.text
    assert stack.client.get(f"/v1/datasets/{dataset['key']}/duplicates").json()["items"]
    reviewed(stack, dataset["key"], found["generation"])
    assert stack.client.delete(f"/v1/datasets/{dataset['key']}").status_code == 204
    assert stack.client.get(f"/v1/datasets/{dataset['key']}").status_code == 404
    assert stack.client.get(f"/v1/runs/{task}").status_code == 404
    assert not (stack.home / "datasets" / dataset["key"]).exists()
    assert len(list((stack.data / "v1").iterdir())) == 4


def reviewed(stack: Stack, key: str, generation: str) -> None:
    """Decide, have the list made by a run of its own, and read it; a later decision makes it one of before."""
    route = f"/v1/datasets/{key}"

    def decide(decision: str, row: int) -> None:
        body = {"decision": decision, "rows": [row], "generation": generation, "reviewer": "Ada", "reason": "blinks"}
        assert stack.client.post(f"{route}/decisions", json=body).status_code == 200

    decide("reject", 1)
    assert stack.client.get(f"{route}/review.csv").status_code == 404
    made = stack.client.post(f"{route}/review")
    assert made.status_code == 202 and made.json()["being_made"] and not made.json()["up_to_date"]
    stack.client.post(f"{route}/review").raise_for_status()  # asked for twice
    eventually(lambda: stack.client.get(f"{route}/review").json()["up_to_date"], 120, "the list of the review")
    lines = list(csv.DictReader(io.StringIO(stack.client.get(f"{route}/review.csv").text)))
    assert len(lines) == 4 and [line["disposition"] for line in lines].count("retake") == 1
    (rejected,) = [line for line in lines if line["disposition"] == "retake"]
    assert "Ada" in rejected.values() and "blinks" in rejected.values()
    table = pq.read_table(io.BytesIO(stack.client.get(f"{route}/review.parquet").content))
    assert table["disposition"].to_pylist() == [line["disposition"] for line in lines]
    decide("keep", 2)
    state = stack.client.get(f"{route}/review").json()
    assert (state["reject"], state["keep"], state["undecided"], state["up_to_date"]) == (1, 1, 2, False)


def test_scans_again_measure_what_is_new_or_everything_and_an_emptied_source_is_a_failed_run(stack: Stack):
    """One data set: scanned with a new file, as it was, by force, emptied, and emptied meaning it."""
    folder = stack.data / "again"
    write_portraits(folder, 2)
    key = stack.scanned("data/again")["collection"]

    def shown() -> dict:
        return stack.client.get(f"/v1/datasets/{key}").json()

    def scan(**query: bool) -> dict:
        """The last event of one more scan."""
        answer = stack.client.post(f"/v1/datasets/{key}/scan", params=query)
        assert answer.status_code == 202, answer.text
        return events(stack, answer.json()["task"])[-1][1]

    (folder / "new.png").write_bytes(samples()["originals/collins.png"])
    assert scan()["state"] == "succeeded"
    assert stack.client.get(f"/scan/{key}/profiles/count").json() == 3
    first = shown()["generation"]
    for force, same in ((False, True), (True, False)):
        assert scan(force=force)["state"] == "succeeded"
        assert (shown()["generation"] == first) is same

    pictures = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    ended = scan()
    assert ended["state"] == "failed"
    assert any("is it mounted?" in error for error in ended["errors"])
    assert shown()["rows"] == 3
    for name, content in pictures.items():
        (folder / f"{name}.part").write_bytes(content)
    ended, found = scan(allow_empty=True), shown()
    assert (ended["state"], found["rows"]) == ("succeeded", 0)
    assert (found["passed_over"]["other_files"], found["passed_over"]["other_pictures"]) == (3, 3)
    assert ended["warnings"] == found["warnings"]
    assert "3 begin like a picture" in found["warnings"][0]


def test_folder_of_pictures_under_other_names_is_refused_with_the_reason(stack: Stack):
    write_portraits(stack.data / "odd", 1)
    for path in list((stack.data / "odd").iterdir()):
        path.rename(path.with_name(f"{path.name}.part"))
    refused = stack.client.post("/scan/local", params={"modality": "face"}, json={"input": "data/odd"})
    assert refused.status_code == 400
    assert "begins like a picture: data/odd/" in refused.json()["detail"]


def test_uploaded_archive_becomes_a_data_set(stack: Stack):
    content = archive({"a/one.png": samples()["originals/collins.png"], "b/two.jpg": samples()["originals/hopper.jpg"]})
    files = {"file": ("passports.zip", content)}
    response = stack.client.post("/v1/datasets/upload", params={"name": "Passports"}, files=files)
    assert response.status_code == 202
    dataset = response.json()["dataset"]
    assert dataset["sources"] == ["data/uploaded/passports"]
    assert events(stack, response.json()["task"])[-1][1]["state"] == "succeeded"
    shown = stack.client.get(f"/v1/datasets/{dataset['key']}/profiles").json()["items"]
    assert [p["file"] for p in shown] == ["data/uploaded/passports/a/one.png", "data/uploaded/passports/b/two.jpg"]
    assert stack.client.get(f"/v1/datasets/{dataset['key']}/profiles/0/thumbnail").status_code == 200


def test_run_is_stopped_and_resumed(stack: Stack):
    write_portraits(stack.data / "stop v1", 80)
    task = stack.client.post("/v1/datasets", json={"input": "data/stop v1"}).json()["task"]

    def working() -> bool:
        progress = stack.client.get(f"/v1/runs/{task}").json()["progress"]
        return bool(progress and progress["done"])

    eventually(working, 90, "work")
    assert stack.client.post(f"/v1/runs/{task}/stop").json()["state"] == "stopped"
    assert stack.client.post(f"/v1/runs/{task}/stop").status_code == 409
    assert stack.client.post(f"/v1/runs/{task}/resume").json()["state"] in ("queued", "running")
    assert events(stack, task)[-1][1]["state"] == "succeeded"
    assert stack.client.post(f"/v1/runs/{task}/resume").status_code == 409


def test_wrong_requests_are_problems(stack: Stack):
    write_portraits(stack.data / "wrong", 1)
    for body in (
        {},
        {"input": "data/wrong", "files": ["data/wrong/0000.jpg"]},
        {"input": "data/wrong", "requirements": "/etc/passwd"},
        {"input": "data/wrong", "name": ""},
        {"uri": "s3://somewhere/else"},
        {"uri": "file:///etc"},
    ):
        response = stack.client.post("/v1/datasets", json=body)
        assert response.status_code in (400, 422), body
        assert response.headers["content-type"] == "application/problem+json" and response.json()["instance"]
    assert stack.client.get("/v1/runs/45a77c3a-6b82-4fc4-88c8-6ff9a4f31014").status_code == 404


def test_metrics_count_requests_by_route_and_ready_says_so(stack: Stack):
    assert stack.client.get("/readyz").status_code == 200
    text = stack.client.get("/metrics").text
    assert 'bqat_dagster_up{part="daemons"} 1' in text
    assert 'route="/v1/datasets/{dataset}"' in text and "data/v1" not in text
