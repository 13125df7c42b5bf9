"""One picture at once: `POST /v1/assess`, `/file`, `/base64`."""

import base64
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.columns import PERSONAL, without_personal
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from tests.api.conftest import Facade, everything
from tests.api.pictures import portrait


@pytest.fixture(scope="module")
def assessing(facade_in: Facade, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A facade with one worker for single pictures."""
    with facade_in(tmp_path_factory.mktemp("assess"), assess_workers=1) as client:
        yield client


def test_second_verdict_says_whether_recognition_will_work(assessing: TestClient) -> None:
    body = assessing.post("/v1/assess?fields=aux_utility", content=portrait()).json()
    second = body["recognition"]
    assert (second["verdict"], second["words"]) == ("pass", "fit for recognition")
    assert second["utility"] == body["row"]["aux_utility"] > 90
    assert second["reasons"] == []
    broken = assessing.post("/v1/assess", content=b"no picture").json()["recognition"]
    assert (broken["verdict"], broken["utility"]) == ("not_assessed", None)


def test_picture_gets_row_verdict_and_outcomes_as_a_scan_gives_them(assessing: TestClient) -> None:
    answer = assessing.post("/v1/assess?overlay=svg", content=portrait(), headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 200
    body = answer.json()
    row = FaceEngine().analyse(portrait())
    assert row["aux_face_pattern"] and not PERSONAL & set(body["row"])
    kept = without_personal(row)
    measured = {name: row[name] for name in kept if isinstance(row[name], int | float | str)}
    assert {name: body["row"][name] for name in measured} == measured
    verdict = evaluate_row(load_rule_set("icao-tr-portrait"), row)
    assert (body["status"], body["verdict"], body["reasons"]) == ("ok", verdict.overall, list(verdict.reasons))
    assert {r["name"]: r["outcome"] for r in body["requirements"]} == verdict.results
    yaw = next(r for r in body["requirements"] if r["name"] == "yaw")
    assert (yaw["min"], yaw["max"], yaw["unit"], yaw["clause"]) == (-5, 5, "deg", "7.4.11")
    assert body["overlay"].startswith("<svg") and "<image" not in body["overlay"]
    assert answer.headers["cache-control"] == "no-store"


def test_multipart_and_chosen_rules_and_columns(assessing: TestClient) -> None:
    answer = assessing.post(
        "/v1/assess?requirements=enrolment-relaxed&fields=ipd,status", files={"file": ("a b.jpg", portrait())}
    ).json()
    assert (answer["file"], answer["rules"]) == ("a b.jpg", "enrolment-relaxed")
    assert set(answer["row"]) == {"ipd", "status"}
    named = assessing.post("/v1/assess?fields=*,aux_face_pattern", content=portrait()).json()["row"]
    assert named["aux_face_pattern"] == FaceEngine().analyse(portrait())["aux_face_pattern"] and "ipd" in named


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"not a picture at all", "unreadable"),
        (portrait()[:2000], "no_face"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "unreadable"),
    ],
)
def test_broken_picture_is_an_answer_with_its_reason(assessing: TestClient, content: bytes, status: str) -> None:
    answer = assessing.post("/v1/assess", content=content)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["verdict"]) == (status, "not_assessed")
    assert body["row"]["reason_code"] and body["reasons"][0] == body["row"]["reason"]
    assert all(r["outcome"] == "not_assessed" for r in body["requirements"])


@pytest.mark.parametrize(
    ("query", "arguments", "status"),
    [
        ("", {"content": b""}, 400),
        ("", {"files": {"other": ("a.jpg", b"x")}}, 422),
        ("", {"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ("", {"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ("?requirements=/etc/passwd.toml", {"content": b"x"}, 400),
        ("?fields=nonsense", {"content": b"x"}, 400),
    ],
)
def test_bad_request_is_refused_with_a_reason(assessing: TestClient, query: str, arguments: dict, status: int) -> None:
    answer = assessing.post(f"/v1/assess{query}", **arguments)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)


def test_picture_that_ends_its_worker_costs_its_own_answer_only(assessing: TestClient) -> None:
    assessor = assessing.app.state.services.assessor  # type: ignore[attr-defined]
    assert assessing.post("/v1/assess", content=portrait()).status_code == 200
    (worker,) = assessor.processes
    psutil.Process(worker).suspend()
    with ThreadPoolExecutor() as threads:
        stuck = threads.submit(assessing.post, "/v1/assess", content=portrait())
        while not assessor.waiting:
            time.sleep(0.01)
        os.kill(worker, signal.SIGKILL)
        body = stuck.result().json()
    assert (body["status"], body["verdict"]) == ("crashed", "not_assessed")
    assert assessing.post("/v1/assess", content=portrait()).json()["status"] == "ok"


def test_beyond_the_queue_is_429_with_retry_after(facade_in: Facade, tmp_path: Path) -> None:
    with facade_in(tmp_path, assess_workers=1, assess_queue=1) as client:
        assert client.post("/v1/assess", content=portrait()).status_code == 200
        (worker,) = client.app.state.services.assessor.processes  # type: ignore[attr-defined]
        psutil.Process(worker).suspend()
        with ThreadPoolExecutor() as threads:
            taken = [threads.submit(client.post, "/v1/assess", content=portrait()) for _ in range(2)]
            while client.app.state.services.assessor.waiting < 2:  # type: ignore[attr-defined]
                time.sleep(0.01)
            refused = client.post("/v1/assess", content=portrait())
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) >= 1
            counts = client.get("/metrics").text
            assert "bqat_assess_waiting 2.0" in counts and "bqat_assess_refused_total 1.0" in counts
            psutil.Process(worker).resume()
            assert [answer.result().status_code for answer in taken] == [200, 200]
        before = everything(tmp_path)
        client.post("/v1/assess", files={"file": ("kept-nowhere.jpg", portrait())})
        assert everything(tmp_path) == before


def test_switched_off_says_so(facade: TestClient) -> None:
    answer = facade.post("/v1/assess", content=portrait())
    assert (answer.status_code, "BQAT_ASSESS_WORKERS" in answer.json()["detail"]) == (503, True)


def test_answers_search_no_installed_packages(assessing: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    version = assessing.get("/info").json()["version"]
    monkeypatch.setattr("importlib.metadata.Distribution.discover", lambda *_: pytest.fail("a search"))
    assert assessing.post("/file", files={"file": ("a.jpg", portrait())}).json()["version"] == version


def test_stateless_file_and_base64_answer_the_same_record(assessing: TestClient) -> None:
    sent = assessing.post("/file?modality=face&engine=bqat", files={"file": ("me.jpg", portrait())}).json()
    assert set(sent) == {"results", "engine", "version"}
    assert {"file", "image_width", "confidence", "ipd", "yaw_degree", "smile"} <= set(sent["results"])
    assert sent["results"]["file"] == "me.jpg"
    plain, safe = base64.b64encode(portrait()).decode(), base64.urlsafe_b64encode(portrait()).decode()
    for query, data in (
        ("?urlsafe=false", plain),
        ("?urlsafe=false", plain.rstrip("=")),
        ("?urlsafe=true", safe),
        ("", safe.rstrip("=")),
        ("?urlsafe=false", "\n".join(plain[i : i + 76] for i in range(0, len(plain), 76))),
    ):
        answer = assessing.post(f"/base64{query}", json={"modality": "face", "type": "jpg", "data": data, "id": "7"})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert set(body) == {"results", "engine", "version", "modality", "id", "timestamp"}
        assert body["results"] == sent["results"] | {"file": "7.jpg"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/base64", {"modality": "iris", "type": "bmp", "data": "AAAA"}),
        ("/base64", {"modality": "face", "type": "jpg", "data": "no base64 (((("}),
        ("/base64", {"modality": "face", "type": "jpg", "data": ""}),
        ("/base64", {"modality": "face", "type": "jpg", "data": "AAAAA"}),
    ],
)
def test_stateless_requests_that_cannot_be_met_are_400(assessing: TestClient, path: str, body: dict) -> None:
    answer = assessing.post(path, json=body)
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


def test_nothing_of_the_picture_is_logged(assessing: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        assessing.post("/file?modality=face", files={"file": ("secret-name.jpg", portrait())})
        assessing.post("/base64", json={"data": base64.urlsafe_b64encode(portrait()).decode(), "id": "secret-name"})
    assert "secret-name" not in json.dumps([record.getMessage() for record in caplog.records])
