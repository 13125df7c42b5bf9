"""The BQAT API's acceptance scenarios: outliers, reports, changed copies."""

import uuid

import pytest

from tests.api.pictures import samples, write_portraits
from tests.api.polling import log, until_gone
from tests.stack import Stack

FILES = len(samples())


def test_outlier_detection_from_request_to_deletion(stack: Stack, scanned: dict):
    """What the pipeline found by itself is not a client's to change or delete."""
    dataset = scanned["collection"]
    own = stack.client.get(f"/v1/datasets/{dataset}/outliers")
    assert own.status_code == 200
    assert stack.client.delete(f"/scan/{dataset}/outliers").status_code == 404  # nobody asked for a detection
    detect = f"/scan/{dataset}/outliers/detect"
    body = {"detector": "ECOD", "columns": [], "contamination": 0.2}
    response = stack.client.post(detect, params={"trigger": True}, json=body)
    assert response.status_code == 202
    assert stack.client.get(f"/v1/datasets/{dataset}/outliers").json() == own.json()
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
    assert stack.client.get(f"/scan/{dataset}/outliers").json()
    assert stack.client.delete(f"/scan/{dataset}/outliers").status_code == 200
    assert stack.client.get(f"/task/logs/outlier/{tid}").json() == []
    assert stack.client.delete(f"/scan/{dataset}/outliers").status_code == 404
    assert stack.client.get(f"/v1/datasets/{dataset}/outliers").json() == own.json()


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
