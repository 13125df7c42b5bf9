"""Clients of the BQAT API 1.3: README users, its own test-suite, the lite front end."""

from tests.api.pictures import portrait, write_portraits
from tests.stack import Stack


def test_scan_and_poll_as_the_old_test_suite_does(stack: Stack):
    write_portraits(stack.data / "old", 5)
    body = {"input": "data/old", "options": {"engine": "default"}}
    response = stack.client.post("/scan/?modality=face", json=body)
    assert response.status_code == 201 and response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["tid"]
    tid = response.json()["tid"]
    task = stack.finished(tid)
    assert task["status"] == 2 and task["input"] == task["finished"] == 5
    assert stack.client.delete(f"/task/{tid}/").status_code == 200
    assert stack.client.get(f"/task/{tid}/").status_code == 404
    dataset = task["collection"]
    assert stack.client.get(f"/scan/logs/{dataset}").json()["samples"] == 5
    assert len(stack.client.get(f"/scan/{dataset}/profiles").json()) == 5
    page = stack.client.get(f"/scan/{dataset}/report")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    # the bodies of detection and report are optional
    assert stack.client.post(f"/scan/{dataset}/outliers/detect").status_code == 202
    assert stack.client.post(f"/scan/{dataset}/report/generate").status_code == 202


def test_uploaded_files_keep_temp_in_their_paths(stack: Stack):
    files = [("files", ("a.jpg", portrait(), "image/jpeg"))]
    tid = stack.client.post("/scan/uploaded?modality=face", files=files).json()["tid"]
    dataset = stack.finished(tid)["collection"]
    assert "temp/" in stack.client.get(f"/scan/{dataset}/profiles").json()[0]["file"]


def test_both_spellings_of_a_path_answer(stack: Stack):
    assert list(stack.client.get("/scan/info").json()) == ["backend", "version"]
    assert stack.client.get("/info/").json() == stack.client.get("/info").json()
    assert isinstance(stack.client.get("/task/").json(), list)
    assert stack.client.get("/scan/detectors/").json()["outlier detectors"][0] == "ECOD"
