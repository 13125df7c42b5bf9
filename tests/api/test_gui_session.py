"""One session of BQAT-GUI: its calls in its order, and what it reads from the answers."""

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.api.pictures import archive, portrait, samples, write_portraits
from tests.api.polling import until_gone
from tests.processes import eventually
from tests.stack import Stack

ORIGIN = {"Origin": "http://localhost:9949"}


@pytest.mark.timeout(400)
def test_a_session_of_the_front_end(stack: Stack):
    client = stack.client

    def ok(method: str, path: str, **arguments: object) -> object:
        response = client.request(method, path, headers=ORIGIN, **arguments)
        assert response.status_code in (200, 201, 202), f"{method} {path}: {response.status_code} {response.text[:300]}"
        return response.json() if "json" in response.headers["content-type"] else response.text

    # front page
    assert set(ok("GET", "/info")) == {"backend", "version"}
    assert all(isinstance(item["options"]["mode"], str) for item in ok("GET", "/task/logs/scan"))
    assert isinstance(ok("GET", "/task/pending"), dict)
    for query in ("iris", "fingerprint", "face", "face&engine=ofiq", "face&engine=biqt"):
        assert isinstance(ok("GET", f"/specification?modality={query}"), dict)
    text = {"Content-Type": "text/plain;charset=UTF-8", **ORIGIN}
    assert client.post("/validate", content="BQAT", headers=text).json() is True
    assert client.post("/validate", content="wrong", headers=text).json() is False
    assert client.post("/validate", json="bqat", headers=ORIGIN).json() is True
    assert client.post("/purge", headers=ORIGIN).status_code == 403

    # input: upload, look, convert
    content = archive(samples())
    message = ok("POST", "/dataset", files={"file": ("gui.zip", content)})["message"]
    path = message[message.index("data/") :]
    assert path in ok("GET", "/task/inputs/folders")
    query = f"exts=png&exts=jpg&exts=jpeg&pattern=&path={path}"
    assert ok("GET", f"/task/inputs/metadata?{query}")["count"] == len(samples())
    assert "originals" in ok("GET", f"/warehouse/{path}/")
    shown = ok("POST", "/convert", json={"file": base64.b64encode(portrait()).decode(), "format": "webp"})
    assert shown.startswith("data:image/webp;base64,")

    # scan
    options = {"source": ["png", "jpg"], "engine": "bqat", "pattern": None, "fusion": 0}
    tid = ok("POST", "/scan/local?modality=face", json={"options": options, "input": path})["tid"]
    assert ok("GET", "/task/state") == "ALIVE"
    until_gone(client, tid)
    entry = ok("GET", f"/task/logs/scan/{tid}")[0]
    assert entry["status"] == 2 and entry["finished"] == entry["total"], entry
    dataset = entry["collection"]
    rows = ok("GET", f"/scan/{dataset}/profiles?skip=0")
    assert len(rows) == len(samples()) and any("log" in row for row in rows)

    # outliers
    unusual = ok("GET", f"/v1/datasets/{dataset}/outliers")
    assert isinstance(ok("GET", "/task/logs/outlier"), list)
    columns = list(ok("GET", f"/scan/{dataset}/profiles?skip=0&limit=1")[0])
    assert {"ipd", "yaw_degree"} <= set(columns)
    body = {"detector": "ECOD", "columns": [], "contamination": 0.1}
    detection = ok("POST", f"/scan/{dataset}/outliers/detect?trigger=true", json=body)
    until_gone(client, detection["outlier detection task in progress"])
    assert ok("GET", f"/task/logs/outlier/{detection['outlier detection task in progress']}")[0]["status"] == 2
    found = ok("GET", f"/scan/{dataset}/outliers?with_data=false")
    assert found
    assert "data" in ok("GET", f"/scan/{dataset}/outliers?with_data=true")[0]
    picture = client.get(f"/warehouse/{found[0]['file']}")
    assert picture.status_code == 200 and picture.headers["content-type"].startswith("image/")

    # report
    ok("POST", "/task/cancel")
    body = {"downsample": 1, "minimal": True}
    tid = ok("POST", f"/scan/{dataset}/report/generate?trigger=true", json=body)["reporting in progress"]
    until_gone(client, tid)
    listed = next(item for item in ok("GET", "/task/logs/report") if item["tid"] == tid)
    assert listed["status"] == 2 and listed["metadata"]["mode"] == "face" and listed["options"]["minimal"] is True
    assert "<html" in ok("GET", f"/scan/{dataset}/report")
    # detection by the front end leaves alone what the pipeline found
    assert ok("GET", f"/v1/datasets/{dataset}/outliers") == unusual
    assert client.get(f"/scan/{dataset}/report.json").json()["unusual"]["available"] is True

    # preprocessing
    body = {"source": path, "input_format": ["jpg"], "options": {"scale": 0.5, "mode": "rgb"}, "status": 0}
    tid = ok("POST", "/scan/preprocessing", json=body)["Preprocessing task in progress"]
    until_gone(client, tid)
    target = ok("GET", f"/scan/preprocessing/{tid}")["target"]
    assert target in ok("GET", "/task/inputs/folders") or target.startswith("data/uploaded")

    # tidy up
    ok("DELETE", f"/scan/{dataset}/report")
    ok("DELETE", f"/task/{entry['tid']}")
    ok("DELETE", f"/scan/{dataset}/profiles")
    ok("DELETE", "/dataset", json=path)


def test_two_folders_queued(stack: Stack):
    """While one scan runs and one waits, the front end is told of the running one only, and can go on starting scans."""
    client = stack.client
    write_portraits(stack.data / "queue one", 20)
    write_portraits(stack.data / "queue two", 20)

    def ask(path: str) -> object:
        response = client.get(path, headers=ORIGIN)
        assert response.status_code == 200, f"{path}: {response.text[:300]}"
        return response.json()

    def start(path: str) -> str:
        assert ask(f"/task/inputs/metadata?exts=jpg&pattern=&path={path}")["count"] == 20
        options = {"source": ["png", "jpg"], "engine": "bqat", "pattern": None, "fusion": 0}
        body = {"options": options, "input": path}
        answer = client.post("/scan/local?modality=face", json=body, headers=ORIGIN)
        assert answer.status_code == 201
        return answer.json()["tid"]

    tids = [start("data/queue one"), start("data/queue two")]
    for tid in tids:
        assert ask(f"/task/{tid}/status")["total"] == 20
    named = set()

    def done() -> bool:
        # the page is loaded: list of tasks, the pending one, its state and progress
        ask("/task/logs/scan")
        pending = ask("/task/pending")
        if pending:
            assert pending["status"] == 1, pending
            named.add(pending["tid"])
            assert ask("/task/state") == "ALIVE"
            assert ask(f"/task/logs/scan/{pending['tid']}")[0]["status"] != 0
        return all(ask(f"/task/logs/scan/{tid}")[0]["status"] == 2 for tid in tids)

    eventually(done, 240, "the end of both scans")
    assert named == set(tids)
    before = [ask(f"/task/logs/scan/{tid}")[0] for tid in tids]
    assert ask("/task/pending") == {}
    assert [ask(f"/task/logs/scan/{tid}")[0] for tid in tids] == before  # `elapse` and `modified` stand still
    # Start: enabled for the same folders again
    for entry in before:
        assert entry["finished"] == entry["total"] == 20 and entry["logs"] == []


class Page:
    """A page of the front end: it calls from its origin, and takes any error for the end of what it waits for."""

    def __init__(self, stack: Stack) -> None:
        self._client = stack.client

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return self._client.request(method, path, headers=ORIGIN, **arguments)

    def ask(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
        return answer.json()

    def wait(self, tid: str, kind: str, seconds: float = 120) -> dict[str, Any]:
        """The log of a task once its live entry is gone."""

        def gone() -> bool:
            answer = self.call("GET", f"/task/{tid}/status")
            assert answer.status_code in (200, 404)
            return answer.status_code == 404

        eventually(gone, seconds, f"the end of task {tid}")
        (entry,) = self.ask(f"/task/logs/{kind}/{tid}")
        return entry


@pytest.mark.timeout(400)
def test_remote_files_are_converted_scanned_and_reported(stack: Stack):
    page = Page(stack)
    # the browser shows JPEG 2000 through the server
    jp2 = io.BytesIO()
    Image.open(io.BytesIO(portrait())).save(jp2, "JPEG2000")
    encoded = base64.b64encode(jp2.getvalue()).decode()
    shown = page.call("POST", "/convert", json={"file": encoded, "format": "webp"}).json()
    picture = Image.open(io.BytesIO(base64.b64decode(shown.removeprefix("data:image/webp;base64,"))))
    assert picture.format == "WEBP" and max(picture.size) == 128

    files = [("files", ("1.jp2", jp2.getvalue(), "image/jp2")), ("files", ("2.jpg", portrait(), "image/jpeg"))]
    answer = page.call("POST", "/scan/remote?modality=face&engine=bqat&fusion=6", files=files)
    assert answer.status_code == 201
    tid = answer.json()["tid"]
    assert page.ask("/task/state") == "ALIVE" and set(page.ask(f"/task/{tid}/status")) == {"total", "done", "eta"}
    scanned = page.wait(tid, "scan")
    assert (scanned["status"], scanned["finished"], scanned["total"]) == (2, 2, 2)
    rows = page.ask(f"/scan/{scanned['collection']}/profiles?skip=0")
    assert len(rows) == 2 and all("temp/" in row["file"] and "log" not in row for row in rows)

    # what was downloaded as a table comes back for a report
    columns = ["file", "ipd", "sharpness", "yaw_degree"]
    lines = [",".join(columns), *(",".join(str(row[name]) for name in columns) for row in rows * 20)]
    table = {"file": ("profiles.csv", "\n".join(lines), "text/csv")}
    answer = page.call("POST", "/scan/report/remote?trigger=true&minimal=true&downsample=1", files=table)
    assert answer.status_code == 202
    tid = answer.json()["reporting in progress"]
    assert page.ask(f"/task/{tid}/status") == {"total": 1, "done": 0, "eta": -1}
    entry = page.wait(tid, "report", 300)
    assert (entry["status"], entry["collection"], entry["metadata"], entry["logs"]) == (2, tid, None, [])
    assert entry["options"] == {"minimal": True, "downsample": 1.0} and entry["filename"]
    report = page.call("GET", f"/scan/{tid}/report")
    assert report.headers["content-type"].startswith("text/html")
    assert "not found" not in report.text and '{"detail":"Report of' not in report.text
    assert page.call("DELETE", f"/scan/{tid}/report").status_code == 200
    assert page.call("GET", f"/scan/{tid}/report").status_code == 404


@pytest.mark.timeout(400)
def test_scan_is_stopped_and_resumed(stack: Stack):
    page = Page(stack)
    write_portraits(stack.data / "gui resumed", 80)
    options = {"source": ["jpg"], "engine": "bqat", "pattern": None, "fusion": 0}
    body = {"options": options, "input": "data/gui resumed"}
    tid = page.call("POST", "/scan/local?modality=face", json=body).json()["tid"]
    eventually(lambda: page.ask(f"/task/{tid}/status")["done"], 120, "work")
    assert page.call("POST", f"/task/{tid}/stop").status_code == 202
    stopped = page.wait(tid, "scan")
    assert stopped["status"] == 0 and 0 < stopped["finished"] < stopped["total"] == 80
    assert page.ask("/task/pending") == {}
    resumed = page.call("POST", f"/scan/resume/{tid}")
    assert resumed.status_code == 202 and resumed.json()["message"]
    assert page.ask(f"/task/{tid}/status")["total"] == 80
    entry = page.wait(tid, "scan")
    assert (entry["status"], entry["finished"], entry["logs"]) == (2, 80, [])
    assert entry["collection"] == stopped["collection"] and entry["elapse"] > stopped["elapse"]
    assert page.call("POST", f"/scan/resume/{tid}").status_code == 404


def test_preprocessing_is_polled_as_the_front_end_does(stack: Stack):
    page = Page(stack)
    write_portraits(stack.data / "gui copies", 4)
    options = {"scale": 1, "resize": 200, "convert": "png", "mode": "grayscale", "pattern": None}
    body = {"source": "data/gui copies", "input_format": ["jpg"], "options": options, "status": 0}
    tid = page.call("POST", "/scan/preprocessing", json=body).json()["Preprocessing task in progress"]

    def look() -> dict[str, Any] | None:
        live = page.call("GET", f"/task/{tid}/status")
        if live.status_code == 200:  # anything else keeps the front end from asking for the result
            assert (live.json()["done"], live.json()["eta"]) == (0, 0)
        answer = page.call("GET", f"/scan/preprocessing/{tid}")
        assert answer.status_code in (200, 202)
        return answer.json() if answer.status_code == 200 else None

    entry = eventually(look, 120, "the copies")
    assert entry["status"] == 2 and entry["target"] == f"data/gui copies_{tid[:5]}"
    assert {Image.open(path).size[0] for path in (stack.folder / entry["target"]).rglob("*.png")} == {200}
    assert page.call("POST", "/task/cancel").json() == {"Tasks cancelled": "0"}
