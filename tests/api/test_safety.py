"""Contents that could harm: scripts, bombs, strange bodies. Each fails with a clear answer."""

import base64
import json
import logging
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.report.write import put_eda
from tests.api.conftest import Facade
from tests.api.pictures import portrait
from tests.report import synthetic


def test_names_are_text_in_pages(facade: TestClient, world: Path):
    name = '<img src=x onerror="alert(1)">.jpg'
    (world / "data" / "helen" / name).write_bytes(portrait())
    page = facade.get("/warehouse/data/helen/")
    assert "<img" not in page.text and "&lt;img" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert facade.get("/warehouse/data/helen/" + quote(name)).content == portrait()


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "page.xhtml", "noextension"])
def test_files_that_could_run_are_downloads(facade: TestClient, world: Path, name: str):
    (world / "data" / "helen" / name).write_text("<script>alert(1)</script>")
    response = facade.get(f"/warehouse/data/helen/{name}")
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == "attachment"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]


def test_report_pages_are_sandboxed(facade: TestClient, store: DatasetStore):
    record = synthetic.dataset(store, [synthetic.profiles(3)])
    (store.report(record.key) / "index.html").write_bytes(b"<script>alert(1)</script>")
    put_eda(store, record.key, store.manifest(record.key).generation, "<script>alert(1)</script>")
    for linked in (f"/scan/{record.id}/eda.html", f"/v1/datasets/{record.key}/eda.html"):
        assert facade.get(linked).headers["content-security-policy"].count("sandbox") == 1
    policies = {
        path: facade.get(f"/v1/datasets/{record.key}/{path}").headers["content-security-policy"]
        for path in ("report", "eda")
    }
    assert all("default-src 'none'" in p and "sandbox" in p for p in policies.values())
    assert not any("connect-src" in p or "allow-same-origin" in p for p in policies.values())
    assert "allow-scripts" not in policies["report"]


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content", [png_header(100_000, 100_000), b"", b"no picture", portrait()[:200], png_header(0, 0)]
)
def test_picture_bombs_and_non_pictures_are_refused(facade: TestClient, content: bytes):
    response = facade.post("/convert", json={"file": base64.b64encode(content).decode()})
    assert response.status_code == 400
    assert facade.post("/convert", json={"file": "no base64!"}).status_code == 400


def test_patterns_take_linear_time(facade: TestClient, world: Path):
    (world / "data" / "helen" / ("a" * 60 + ".jpg")).write_bytes(portrait())
    body = {"input": "data/helen", "options": {"pattern": "(a+)+$|(a|aa)+b"}}
    assert facade.post("/scan/local?modality=face", json=body).status_code in (400, 503)
    assert (
        facade.get("/task/inputs/metadata", params={"path": "data/helen", "pattern": "a*" * 90 + "b"}).status_code
        == 200
    )


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"input": ' + b"[" * 50_000,
        b'{"input": "\\ud800"}',
        b'{"input": "data/\\u0000"}',
        b'{"input": 1e999}',
        b'{"input": "data/helen", "options": {"confidence": NaN}}',
        b'{"input": "data/helen", "options": {"confidence": Infinity}}',
        b"\xff\xfe",
        b"",
        b"null",
    ],
)
def test_strange_bodies_are_client_errors(facade: TestClient, world: Path, body: bytes):
    json_body = {"Content-Type": "application/json"}
    for route in ("/scan/local?modality=face", "/v1/datasets", "/scan/preprocessing", "/convert"):
        response = facade.post(route, content=body, headers=json_body)
        assert response.status_code in (400, 422), (route, response.status_code, response.text)


def test_every_answer_carries_the_safety_headers(facade: TestClient):
    for route in ("/info", "/nothing", "/v1/datasets", "/warehouse/data/", "/v1/datasets/x-00000000"):
        headers = facade.get(route).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "SAMEORIGIN" and headers["x-request-id"]
        assert headers["cross-origin-resource-policy"] == "same-site"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_pictures_may_be_embedded_by_the_front_end_and_by_no_other_site(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, cors_origin="https://gui.example.org") as client:
        for page, policy in (
            ("https://gui.example.org/tasks", "cross-origin"),
            ("https://evil.example/", "same-site"),
            ("https://gui.example.org.evil.example/", "same-site"),
        ):
            answer = client.get("/info", headers={"Referer": page})
            assert answer.headers["cross-origin-resource-policy"] == policy, page


def test_json_of_errors_is_json(facade: TestClient):
    for route in ("/scan/logs/x", "/v1/datasets/x-00000000", "/task/x/status"):
        assert json.loads(facade.get(route).text)["detail"]


def test_faults_are_told_in_the_form_of_each_surface_and_keep_their_words_in_the_log(
    facade: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(DatasetStore, "find", broken)
    monkeypatch.setattr(DatasetStore, "record", broken)
    logger = logging.getLogger("bqat.api")
    logger.addHandler(caplog.handler)
    ours, theirs = facade.get("/v1/datasets/x-00000000"), facade.get("/scan/logs/x")
    logger.removeHandler(caplog.handler)
    assert (ours.status_code, ours.headers["content-type"]) == (500, "application/problem+json")
    assert ours.json()["instance"] == f"urn:uuid:{ours.headers['x-request-id']}"
    assert (theirs.status_code, theirs.text) == (500, "Internal Server Error")
    assert "secret" not in ours.text + theirs.text and "a secret of the inside" in caplog.text
