"""Hostile uploads: refused whole, with a clear answer, and nothing is left behind."""

import io
import stat
import zipfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import Facade, everything
from tests.api.pictures import archive, portrait


@pytest.mark.parametrize("name", ["../../evil.zip", "/tmp/evil.zip", "..\\..\\evil.zip", "a/b/evil.zip", ".evil.zip"])
def test_upload_names_make_no_folder_outside(facade: TestClient, world: Path, name: str):
    before = everything(world)
    response = facade.post("/dataset", files={"file": (name, archive({"1.jpg": portrait()}))})
    assert response.status_code == 200
    assert response.json()["message"].endswith("data/uploaded/evil")
    assert set(everything(world)) - set(before) == {"data/uploaded/evil", "data/uploaded/evil/1.jpg"}


def zip_with(name: str, content: bytes = b"x", mode: int = stat.S_IFREG | 0o644) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        target.writestr(info, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        zip_with("../../evil.jpg"),
        zip_with("/etc/evil.jpg"),
        zip_with("C:\\evil.jpg"),
        zip_with("link.jpg", b"../../secret/face.jpg", stat.S_IFLNK | 0o777),
        zip_with("bomb.jpg", bytes(80_000_000)),
        b"not a zip",
        b"",
        zip_with("a.jpg")[:40],
    ],
    ids=["up", "absolute", "drive", "link", "bomb", "no zip", "empty", "cut"],
)
def test_hostile_archives_are_refused_whole(facade: TestClient, world: Path, content: bytes):
    before = everything(world)
    response = facade.post("/dataset", files={"file": ("evil.zip", content)})
    assert response.status_code in (400, 413) and response.json()["detail"]
    assert everything(world) == before


def test_limits_of_uploads_hold(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, max_upload=200_000, max_upload_files=3) as small:
        before = everything(tmp_path)
        many = [("files", (f"{n}.jpg", b"x")) for n in range(4)]
        answers = [
            small.post("/dataset", files={"file": ("big.zip", b"x" * 300_000)}),
            small.post("/dataset", files={"file": ("many.zip", archive({f"{n}.jpg": b"x" for n in range(4)}))}),
            small.post("/scan/remote?modality=face", files=many),
            small.post("/scan/remote?modality=face", files=[("files", ("a.jpg", b"x" * 300_000))]),
            small.post("/scan/report/remote", files={"file": ("a.csv", b"a,b\n1,2\n" * 50_000)}),
            small.post("/v1/datasets/upload", files={"file": ("big.zip", b"x" * 300_000)}),
        ]
        assert [a.status_code for a in answers] == [413] * len(answers)
        assert all("BQAT_MAX_UPLOAD" in a.json()["detail"] for a in answers)
        kept = [p for p in everything(tmp_path) if p not in ("storage/temp", "storage/external")]
        assert kept == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nabc',
        ),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data", b"--x--"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=" + "x" * 500, b"--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n"),
        ("application/json", b"{}"),
        ("text/plain", b"x"),
    ],
)
def test_malformed_uploads_are_client_errors(facade: TestClient, world: Path, kind: str, body: bytes):
    for route in ("/dataset", "/scan/remote?modality=face", "/scan/report/remote", "/v1/datasets/upload"):
        response = facade.post(route, content=body, headers={"Content-Type": kind})
        assert response.status_code in (400, 422), (route, response.status_code, response.text)
