"""The BQAT API's acceptance scenarios, replayed against real runs: scans, profiles, uploads."""

import uuid

import pytest

from tests.api.pictures import archive, portrait, samples, write_portraits, write_samples
from tests.api.polling import log, start, until_gone
from tests.processes import eventually
from tests.stack import Stack

FILES = len(samples())


def test_local_scan_from_request_to_profiles(stack: Stack):
    write_samples(stack.data / "local")
    tid = start(stack, "data/local")
    entry = stack.client.get(f"/task/{tid}/status")
    assert entry.status_code == 200 and entry.json()["total"] == FILES and entry.json()["done"] == 0
    assert stack.client.get("/task/state").json() == "ALIVE"
    pending = eventually(lambda: stack.client.get("/task/pending").json(), 60, "the running task")
    assert (pending["type"], pending["tid"], pending["status"]) == ("scan", tid, 1)
    seen = until_gone(stack.client, tid)
    assert all(entry["done"] < entry["total"] == FILES and entry["eta"] >= 0 for entry in seen)
    entry = log(stack.client, "scan", tid)
    assert (entry["status"], entry["total"], entry["finished"], entry["logs"]) == (2, FILES, FILES, [])
    assert entry["input"] == "data/local" and entry["options"]["mode"] == "face" and entry["elapse"] > 0
    dataset = entry["collection"]
    profiles = stack.client.get(f"/scan/{dataset}/profiles").json()
    assert sorted(p["file"] for p in profiles) == sorted(f"data/local/{name}" for name in samples())
    assert stack.client.get(f"/scan/{dataset}/profiles/count").json() == FILES
    assert stack.client.get(f"/scan/logs/{dataset}").json()["samples"] == FILES
    assert stack.client.get("/task/pending").json() == {}


def test_times_keep_a_fraction_and_carry_no_offset(stack: Stack, scanned: dict):
    entries = [*stack.client.get("/task/logs/scan").json(), *stack.client.get("/scan/logs").json()]
    times = [entry[name] for entry in entries for name in ("modified", "created") if name in entry]
    assert times and all(len(t) == 26 and t[19] == "." and not t.endswith("Z") and "+" not in t for t in times)


def test_first_profile_is_complete_and_pages_do_not_overlap(stack: Stack, scanned: dict):
    route = f"/scan/{scanned['collection']}/profiles"
    whole = stack.client.get(route).json()
    assert "log" not in whole[0] and whole[0]["ipd"] > 0
    pages = [stack.client.get(route, params={"skip": skip, "limit": 7}).json() for skip in range(0, FILES + 7, 7)]
    assert [p for page in pages for p in page] == whole
    assert stack.client.get(route, params={"skip": 0, "limit": 1}).json() == whole[:1]


def test_bad_pictures_are_rows_with_a_log(stack: Stack, scanned: dict):
    profiles = {p["file"]: p for p in stack.client.get(f"/scan/{scanned['collection']}/profiles").json()}
    broken = profiles["data/contract/broken/empty.jpg"]
    assert set(broken) == {"file", "tag", "log"} and list(broken["log"][0]) == ["load image"]
    no_face = profiles["data/contract/broken/no_face.jpg"]
    assert "face detection" in no_face["log"][0] and no_face["image_width"] > 0 and "ipd" not in no_face
    assert all(value is not None for profile in profiles.values() for value in profile.values())


def test_single_profiles_are_found_by_their_tag(stack: Stack, scanned: dict):
    route = f"/scan/{scanned['collection']}/profiles"
    for profile in stack.client.get(route).json()[::5]:
        assert stack.client.get(f"{route}/{profile['tag']}").json() == profile
    assert stack.client.get(f"{route}/0-000000000000").status_code == 404
    assert stack.client.get(f"{route}/{uuid.uuid4()}").status_code == 404


def test_unknown_ids_answer_empty(stack: Stack):
    unknown = str(uuid.uuid4())
    assert stack.client.get(f"/scan/{unknown}/profiles").json() == []
    assert stack.client.get(f"/scan/{unknown}/profiles/count").json() == 0
    assert stack.client.get(f"/scan/{unknown}/outliers").json() == []
    assert stack.client.delete(f"/scan/{unknown}/profiles").status_code == 200
    assert stack.client.get(f"/scan/{unknown}/report").status_code == 404
    assert stack.client.get(f"/scan/logs/{unknown}").status_code == 404
    for kind in ("scan", "report", "outlier", "preprocessing"):
        assert stack.client.get(f"/task/logs/{kind}/{unknown}").json() == []
    assert stack.client.get(f"/task/{unknown}/status").status_code == 404
    assert stack.client.get(f"/task/{unknown}").status_code == 404
    assert stack.client.delete(f"/task/{unknown}").status_code == 404
    assert stack.client.post(f"/scan/resume/{unknown}").status_code == 404
    assert stack.client.get(f"/scan/preprocessing/{unknown}").status_code == 404


@pytest.mark.parametrize("tid", ["x", "1234", "not-a-uuid"])
def test_task_routes_refuse_what_is_no_uuid(stack: Stack, tid: str):
    assert stack.client.get(f"/task/{tid}/status").status_code == 422
    assert stack.client.delete(f"/task/{tid}").status_code == 422
    assert stack.client.post(f"/task/{tid}/top").status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"input": "data/contract", "options": {"pattern": "^matches nothing$"}}, 400),
        ({"input": "data/contract", "options": {"source": ["wav"]}}, 400),
        ({"input": "data/missing"}, 422),
        ({"input": "data/contract/originals/hopper.jpg"}, 422),
        ({"input": ["data/contract/missing.jpg"]}, 422),
        ({"input": []}, 422),
        ({"input": "data/contract", "options": {"engine": "unknown"}}, 422),
        ({"input": "data/contract", "options": {"engine": "biqt"}}, 400),
        ({"input": "data/contract", "options": {"confidence": 1}}, 400),
        ({"input": "data/contract", "options": {"engine": "fusion", "fusion": 5}}, 400),
        ({"input": "data/contract", "options": {"confidence": 2}}, 422),
        ({"input": "data/contract", "options": {"fusion": 4}}, 422),
        ({"input": "data/contract", "options": {"pattern": "("}}, 422),
        ({"input": "data/contract", "options": {"mode": "iris"}}, 400),
        ({}, 422),
    ],
)
def test_bad_scans_are_refused_and_leave_nothing_behind(stack: Stack, scanned: dict, body: dict, status: int):
    before = stack.client.get("/scan/logs").json()
    response = stack.client.post("/scan/local", params={"modality": "face"}, json=body)
    assert response.status_code == status and response.json()["detail"]
    assert stack.client.get("/scan/logs").json() == before


@pytest.mark.parametrize("modality", ["iris", "fingerprint", "speech"])
def test_other_modalities_are_described_and_refused(stack: Stack, scanned: dict, modality: str):
    assert stack.client.get("/specification", params={"modality": modality}).json() == {}
    response = stack.client.post("/scan/local", params={"modality": modality}, json={"input": "data/contract"})
    assert response.status_code == 400
    assert stack.client.post("/scan/local", json={"input": "data/contract"}).status_code == 422
    assert stack.client.get("/specification", params={"modality": "gait"}).status_code == 422


def test_scan_of_a_list_of_files_takes_only_those(stack: Stack, scanned: dict):
    files = ["data/contract/originals/hopper.jpg", "data/contract/broken/empty.jpg"]
    body = {"input": files, "options": {"engine": "default", "fusion": 0}}
    tid = stack.client.post("/scan/local", params={"modality": "face"}, json=body).json()["tid"]
    task = stack.finished(tid)
    assert task["finished"] == task["input"] == 2
    profiles = stack.client.get(f"/scan/{task['collection']}/profiles").json()
    assert sorted(p["file"] for p in profiles) == sorted(files)


def test_scan_added_to_a_data_set_keeps_what_was_there(stack: Stack):
    for name in ("first", "second"):
        write_portraits(stack.data / "added" / name, 3)
    first = stack.scanned("data/added/first")
    body = {"input": "data/added/second", "collection": first["collection"]}
    tid = stack.client.post("/scan/local", params={"modality": "face"}, json=body).json()["tid"]
    task = stack.finished(tid)
    assert task["collection"] == first["collection"] and task["finished"] == 6
    assert stack.client.get(f"/scan/logs/{first['collection']}").json()["samples"] == 6


def test_upload_is_listed_scanned_and_deleted(stack: Stack):
    content = archive({"a/1.jpg": portrait(), "2.png": samples()["originals/collins.png"]})
    response = stack.client.post("/dataset", files={"file": ("set 1.zip", content)})
    message = response.json()["message"]
    path = message[message.index("data/") :]
    assert response.status_code == 200 and path == "data/uploaded/set 1"
    folders = stack.client.get("/task/inputs/folders").json()
    assert folders.index("data/uploaded") < folders.index(path)
    query = {"path": path, "exts": ["jpg", "png"], "pattern": ""}
    assert stack.client.get("/task/inputs/metadata", params=query).json() == {"dir": path, "count": 2}
    query["pattern"] = "1*"
    assert stack.client.get("/task/inputs/metadata", params=query).json()["count"] == 1
    assert stack.scanned(path)["finished"] == 2
    assert stack.client.get(f"/warehouse/{path}/a/1.jpg").content == portrait()
    assert stack.client.request("DELETE", "/dataset", json=path).status_code == 200
    assert path not in stack.client.get("/task/inputs/folders").json()


def test_remote_scan_keeps_profiles_and_not_pictures(stack: Stack):
    files = [("files", (f"{n}.jpg", portrait(), "image/jpeg")) for n in ("one", "two", "one")]
    response = stack.client.post("/scan/remote", params={"modality": "face", "engine": "bqat"}, files=files)
    assert response.status_code == 201
    tid = response.json()["tid"]
    task = stack.finished(tid)
    assert task["finished"] == 3 and task["options"]["temp"] is True
    names = sorted(p["file"] for p in stack.client.get(f"/scan/{task['collection']}/profiles").json())
    assert names == [f"temp/{tid}/{n}.jpg" for n in ("one", "one_2", "two")]
    eventually(lambda: not (stack.home / "temp" / tid).exists(), 60, "the end of the uploaded pictures")
    # Every part named `files` is a row, whatever it holds; a file in a part of another name is refused.
    refused = stack.client.post("/scan/remote", params={"modality": "face"}, files=[("picture", ("a.jpg", portrait()))])
    assert refused.status_code == 422
    assert not list((stack.home / "temp").iterdir())


def test_front_end_may_call_from_its_origin_with_credentials(stack: Stack):
    origin = {"Origin": "http://localhost:9949"}
    asked = origin | {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "content-type"}
    preflight = stack.client.options("/dataset", headers=asked)
    assert preflight.status_code == 200 and "DELETE" in preflight.headers["access-control-allow-methods"]
    for response in (
        stack.client.get("/info", headers=origin),
        stack.client.get("/task/nothing/status", headers=origin),
        preflight,
    ):
        assert response.headers["access-control-allow-origin"] == "http://localhost:9949"
        assert response.headers["access-control-allow-credentials"] == "true"
    other = stack.client.get("/info", headers={"Origin": "http://elsewhere.example"})
    assert "access-control-allow-origin" not in other.headers
