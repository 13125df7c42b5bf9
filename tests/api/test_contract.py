"""The BQAT API's acceptance scenarios, replayed against real runs."""

import uuid

import httpx
import pytest

from tests.api.pictures import archive, portrait, samples, write_portraits, write_samples
from tests.api.polling import log, until_gone, until_working
from tests.processes import eventually
from tests.stack import Stack

FILES = len(samples())


@pytest.fixture(scope="module")
def scanned(stack: Stack) -> dict:
    """The finished task of a scan of the sample files."""
    write_samples(stack.data / "contract")
    return stack.scanned("data/contract")


def start(stack: Stack, folder: str, **options: object) -> str:
    body = {"input": folder, "options": options}
    response = stack.client.post("/scan/local", params={"modality": "face"}, json=body)
    assert response.status_code == 201, response.text
    assert list(response.json()) == ["tid"]
    return response.json()["tid"]


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


def test_two_scans_back_to_back_both_end_with_their_own_files(stack: Stack):
    write_portraits(stack.data / "twins" / "a", 10)
    write_portraits(stack.data / "twins" / "b", 10)
    tids = [start(stack, f"data/twins/{name}") for name in "ab"]
    for tid, name in zip(tids, "ab", strict=True):
        task = stack.finished(tid)
        assert task["status"] == 2 and task["finished"] == 10
        files = [p["file"] for p in stack.client.get(f"/scan/{task['collection']}/profiles").json()]
        assert sorted(files) == [f"data/twins/{name}/{n:04d}.jpg" for n in range(10)]


def test_stopped_scan_is_resumed_without_losing_or_doubling_a_row(stack: Stack):
    write_portraits(stack.data / "stopped", 200)
    tid = start(stack, "data/stopped")
    assert stack.client.post(f"/scan/resume/{tid}").status_code == 202  # harmless while it runs
    until_working(stack.client, tid)
    assert stack.client.post(f"/task/{tid}/stop", params={"type": "nonsense"}).status_code == 400
    assert stack.client.post(f"/task/{tid}/stop").status_code == 202
    assert stack.client.get(f"/task/{tid}/status").status_code == 404
    stopped = log(stack.client, "scan", tid)
    assert stopped["status"] == 0 and 0 < stopped["finished"] < stopped["total"] == 200
    assert stack.client.post(f"/task/{tid}/stop").status_code == 409
    measured = stack.client.get(f"/scan/{stopped['collection']}/profiles").json()
    assert 0 < len(measured) < 200 and all("ipd" in profile for profile in measured)
    assert stack.client.post(f"/scan/resume/{tid}").status_code == 202
    assert stack.client.get(f"/task/{tid}/status").status_code == 200
    task = stack.finished(tid)
    assert task["status"] == 2 and task["finished"] == 200
    files = [p["file"] for p in stack.client.get(f"/scan/{task['collection']}/profiles").json()]
    assert len(files) == len(set(files)) == 200
    assert stack.client.post(f"/scan/resume/{tid}").status_code == 404


def test_cancelled_scan_is_gone_and_its_task_with_it(stack: Stack):
    write_portraits(stack.data / "cancelled", 200)
    tid = start(stack, "data/cancelled")
    until_working(stack.client, tid)
    dataset = log(stack.client, "scan", tid)["collection"]
    assert stack.client.post(f"/task/cancel/{tid}").status_code == 422
    assert stack.client.post(f"/task/cancel/{tid}", params={"type": "report"}).status_code == 404
    response = stack.client.post(f"/task/cancel/{tid}", params={"type": "scan"})
    assert response.status_code == 200 and response.json() is None
    assert stack.client.get(f"/task/logs/scan/{tid}").json() == []
    assert stack.client.get(f"/task/{tid}/status").status_code == 404
    assert tid not in [entry["tid"] for entry in stack.client.get("/task/logs/scan").json()]
    count = stack.client.get(f"/scan/{dataset}/profiles/count").json()
    assert 0 < count < 200  # what it measured stays and can be read
    assert stack.client.get(f"/scan/logs/{dataset}").json()["samples"] == count
    assert len(stack.client.get(f"/scan/{dataset}/profiles").json()) == count


def partitions(stack: Stack) -> list[str]:
    """Data sets that Dagster knows."""
    body = {"query": "{assetNodes{assetKey{path} partitionKeys}}"}
    answer = httpx.post(f"{stack.dagster_url}/graphql", json=body, timeout=60).raise_for_status().json()
    return [key for node in answer["data"]["assetNodes"] for key in node["partitionKeys"]]


def test_cancelled_scan_that_measured_nothing_leaves_no_data_set(stack: Stack):
    write_portraits(stack.data / "in front", 200)
    write_portraits(stack.data / "waiting", 5)
    first = start(stack, "data/in front")
    until_working(stack.client, first)
    waiting = start(stack, f"{stack.data}/waiting")
    entry = log(stack.client, "scan", waiting)
    assert (entry["status"], entry["total"], entry["input"]) == (0, 5, "data/waiting")
    dataset = entry["collection"]
    key = stack.client.get(f"/v1/datasets/{dataset}").json()["key"]
    assert key in partitions(stack)
    assert stack.client.post(f"/task/cancel/{waiting}", params={"type": "scan"}).status_code == 200
    assert dataset not in [entry["collection"] for entry in stack.client.get("/scan/logs").json()]
    assert stack.client.get(f"/v1/datasets/{key}").status_code == 404
    assert key not in partitions(stack)
    stack.client.post("/task/cancel")


def test_cancel_all_ends_every_task(stack: Stack):
    tids = []
    for name in ("all one", "all two"):
        write_portraits(stack.data / name, 200)
        tids.append(start(stack, f"data/{name}"))
    waiting = stack.client.get("/scan/status")
    assert waiting.status_code == 200 and {t["tid"] for t in waiting.json()["tasks"]} == set(tids)
    answer = stack.client.post("/task/cancel").json()
    assert answer == {"Tasks cancelled": "2"}
    assert stack.client.get("/task/pending").json() == {}
    idle = stack.client.get("/scan/status")
    assert (idle.status_code, idle.json()) == (202, {"status": "No task in the queue"})


def test_outlier_detection_from_request_to_result(stack: Stack, scanned: dict):
    dataset = scanned["collection"]
    detect = f"/scan/{dataset}/outliers/detect"
    body = {"detector": "ECOD", "columns": [], "contamination": 0.2}
    response = stack.client.post(detect, params={"trigger": True}, json=body)
    assert response.status_code == 202
    tid = response.json()["outlier detection task in progress"]
    seen = until_gone(stack.client, tid)
    assert seen and all(entry == {"total": 1, "done": 0, "eta": -1} for entry in seen)
    entry = log(stack.client, "outlier", tid)
    assert entry["status"] == 2 and entry["collection"] == dataset and entry["options"]["contamination"] == 0.2
    rows = stack.client.get(f"/scan/{dataset}/outliers").json()
    assert rows and all(set(row) == {"file", "score"} for row in rows)
    scored = [row["score"] for row in rows if row["score"] != -1]
    assert scored and [row["score"] for row in rows][: len(scored)] == scored  # the unscored ones come last
    assert "data/contract/broken/empty.jpg" in [row["file"] for row in rows if row["score"] == -1]
    with_data = stack.client.get(f"/scan/{dataset}/outliers", params={"with_data": True}).json()
    assert with_data[0]["data"]["ipd"] > 0 and with_data[-1]["data"] is None
    assert stack.client.get(f"/scan/{dataset}/outliers", params={"skip": 1, "limit": 2}).json() == rows[1:3]
    again = stack.client.post(detect, json={"columns": ["ipd", "no such column"]})
    assert again.json()["outlier detection task in progress"] == tid
    assert stack.client.get(f"/task/{tid}/status").status_code == 200
    until_gone(stack.client, tid)
    assert [e["tid"] for e in stack.client.get("/task/logs/outlier").json() if e["collection"] == dataset] == [tid]


def test_outlier_options_are_checked(stack: Stack, scanned: dict):
    detect = f"/scan/{scanned['collection']}/outliers/detect"
    assert stack.client.post(detect, json={"contamination": 1}).status_code == 422
    assert stack.client.post(detect, json={"contamination": 0}).status_code == 422
    assert stack.client.post(detect, json={"detector": "LOF"}).status_code == 422
    assert stack.client.post(f"/scan/{uuid.uuid4()}/outliers/detect", json={}).status_code == 400
    assert "ECOD" in stack.client.get("/scan/detectors").json()["Outlier detectors"]


def test_detection_that_fails_says_why(stack: Stack, scanned: dict):
    response = stack.client.post(f"/scan/{scanned['collection']}/outliers/detect", json={"contamination": 0.7})
    tid = response.json()["outlier detection task in progress"]
    until_gone(stack.client, tid)
    entry = log(stack.client, "outlier", tid)
    assert entry["status"] == 3 and "contamination" in entry["logs"][0]


def test_deleted_outliers_are_gone_with_their_log(stack: Stack):
    """Those of a detection; what the pipeline found by itself is not a client's to delete."""
    write_samples(stack.data / "deleted outliers")
    dataset = stack.scanned("data/deleted outliers")["collection"]
    own = stack.client.get(f"/v1/datasets/{dataset}/outliers")
    assert own.status_code == 200
    assert stack.client.delete(f"/scan/{dataset}/outliers").status_code == 404  # nobody asked for a detection
    body = {"detector": "ECOD", "columns": ["ipd"], "contamination": 0.4}
    answer = stack.client.post(f"/scan/{dataset}/outliers/detect", json=body).json()
    assert stack.client.get(f"/v1/datasets/{dataset}/outliers").json() == own.json()
    tid = answer["outlier detection task in progress"]
    until_gone(stack.client, tid)
    assert len(stack.client.get(f"/scan/{dataset}/outliers").json()) > 0
    assert stack.client.delete(f"/scan/{dataset}/outliers").status_code == 200
    assert stack.client.get(f"/task/logs/outlier/{tid}").json() == []
    assert stack.client.delete(f"/scan/{dataset}/outliers").status_code == 404
    assert stack.client.get(f"/v1/datasets/{dataset}/outliers").json() == own.json()


def test_report_from_request_to_deletion(stack: Stack, scanned: dict):
    route = f"/scan/{scanned['collection']}/report"
    stack.client.delete(route)
    assert stack.client.get(route).status_code == 404
    response = stack.client.post(f"{route}/generate", params={"trigger": True}, json={"downsample": 1, "minimal": True})
    assert response.status_code == 202
    tid = response.json()["reporting in progress"]
    assert stack.client.get(f"/task/{tid}/status").json() == {"total": 1, "done": 0, "eta": -1}
    until_gone(stack.client, tid)
    entry = log(stack.client, "report", tid)
    assert entry["status"] == 2 and entry["filename"] and entry["metadata"]["length"] == FILES
    assert entry["options"] == {"minimal": True, "downsample": 1.0}
    page = stack.client.get(route)
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert "not found" not in page.text and '{"detail":"Report of' not in page.text
    again = stack.client.post(f"{route}/generate", json={"downsample": None, "minimal": None})
    assert again.json()["reporting in progress"] == tid
    assert stack.client.get(route).status_code == 404
    until_gone(stack.client, tid)
    assert stack.client.delete(route).status_code == 200
    assert stack.client.delete(route).status_code == 404
    assert stack.client.get(f"/task/logs/report/{tid}").json() == []
    assert stack.client.post(f"/scan/{uuid.uuid4()}/report/generate", json={}).status_code == 400


@pytest.mark.timeout(400)
def test_report_of_an_uploaded_table(stack: Stack):
    lines = "\n".join(f"data/x/{i}.jpg,{i},{i * i % 17}" for i in range(60))
    files = {"file": ("profiles.csv", f"file,ipd,sharpness\n{lines}\n")}
    response = stack.client.post("/scan/report/remote", params={"minimal": True}, files=files)
    assert response.status_code == 202
    tid = response.json()["reporting in progress"]
    until_gone(stack.client, tid, 300)
    entry = log(stack.client, "report", tid)
    assert (entry["status"], entry["collection"], entry["metadata"]) == (2, tid, None), entry
    page = stack.client.get(f"/scan/{tid}/report")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert "not found" not in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    for empty in (b"", b"file,ipd\n", b"\n\n"):
        response = stack.client.post("/scan/report/remote", files={"file": ("empty.csv", empty)})
        assert response.status_code == 400


def test_preprocessing_makes_changed_copies(stack: Stack):
    write_portraits(stack.data / "bob", 3)
    (stack.data / "bob" / "broken.jpg").write_bytes(b"no picture")
    body = {
        "source": "data/bob",
        "input_format": ["jpg", "png"],
        "options": {"scale": 0.5, "resize": None, "convert": "png", "mode": "grayscale", "pattern": None},
        "status": 0,
    }
    response = stack.client.post("/scan/preprocessing", json=body)
    assert response.status_code == 202
    tid = response.json()["Preprocessing task in progress"]
    polled = stack.client.get(f"/scan/preprocessing/{tid}")
    assert (polled.status_code, polled.json()) == (202, {"Preprocessing task in progress": tid})
    assert all(e["done"] == 0 and e["eta"] == 0 for e in until_gone(stack.client, tid))
    task = stack.client.get(f"/scan/preprocessing/{tid}").json()
    assert task["status"] == 2 and task["id"] and task["target"] == f"data/bob_{tid[:5]}"
    made = sorted(p.name for p in (stack.data / f"bob_{tid[:5]}" / "bob").iterdir())
    assert made == ["0000.png", "0001.png", "0002.png"]
    assert log(stack.client, "preprocessing", tid)["options"]["mode"] == "grayscale"
    assert stack.client.delete(f"/scan/preprocessing/{tid}").status_code == 200
    assert not (stack.data / f"bob_{tid[:5]}").exists() and (stack.data / "bob" / "0000.jpg").exists()
    assert stack.client.get(f"/scan/preprocessing/{tid}").status_code == 404


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


def test_deleting_a_task_keeps_its_results(stack: Stack):
    write_portraits(stack.data / "kept", 3)
    task = stack.scanned("data/kept")
    dataset = task["collection"]
    assert stack.client.delete(f"/task/{task['tid']}").status_code == 200
    assert stack.client.get(f"/task/{task['tid']}").status_code == 404
    assert stack.client.get(f"/scan/{dataset}/profiles/count").json() == 3
    assert stack.client.get(f"/scan/logs/{dataset}").json()["samples"] == 3
    assert stack.client.get(f"/scan/{dataset}/report").status_code == 200
    assert stack.client.delete(f"/scan/{dataset}/profiles").status_code == 200
    assert stack.client.get(f"/scan/{dataset}/profiles").json() == []
    assert stack.client.delete(f"/scan/logs/{dataset}").status_code == 200
    assert stack.client.get(f"/scan/logs/{dataset}").status_code == 404


def test_killed_server_comes_back_and_the_scan_ends_complete(stack: Stack):
    import psutil

    write_portraits(stack.data / "killed", 200)
    tid = start(stack, "data/killed")
    until_working(stack.client, tid)
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "-m api " in line and stack.url.rsplit(":", 1)[1] in line:
            process.kill()
    eventually(lambda: stack.client.get("/info").status_code == 200, 60, "a new server")
    task = stack.finished(tid)
    assert task["status"] == 2 and task["finished"] == 200
    files = [p["file"] for p in stack.client.get(f"/scan/{task['collection']}/profiles").json()]
    assert len(files) == len(set(files)) == 200


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


def test_scan_asked_for_while_the_code_server_restarts_is_taken(stack: Stack):
    import psutil

    write_portraits(stack.data / "restart", 3)
    workspace = next((stack.folder / "state").glob("workspace-*.yaml")).read_text()
    port = workspace.split("port:")[1].split()[0]
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "bqat_pipeline.code_server" in line and port in line:
            process.kill()
    assert stack.finished(start(stack, "data/restart"))["finished"] == 3


def test_front_end_sees_a_running_scan_while_the_webserver_restarts(stack: Stack):
    import psutil

    write_portraits(stack.data / "outage", 200)
    tid = start(stack, "data/outage")
    until_working(stack.client, tid)
    port = stack.dagster_url.rsplit(":", 1)[1]
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "bqat_pipeline.webserver" in line and port in line.split():
            process.kill()
    # BQAT-GUI takes any error here for a crash and stops the scan.
    assert all(stack.client.get(f"/task/{tid}/status").status_code == 200 for _ in range(20))
    eventually(lambda: stack.client.get(f"/task/logs/scan/{tid}").status_code == 200, 60, "a new webserver")
    assert stack.finished(tid)["finished"] == 200
