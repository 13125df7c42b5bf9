"""Addresses and names from outside: compared as text, never looked up; what is wrong with them is a client error."""

import base64
import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient

from api.sources import count, file_source, path_of_uri
from bqat_pipeline.datasets import DatasetStore, Location, ScanOptions
from tests.api.pictures import portrait
from tests.report import synthetic

FOREIGN = [
    "s3://any-bucket/x",
    "s3://any-bucket/x?region=us-east-1",
    "S3://any-bucket",
    "s3://user:secret@any-bucket/x",
    "gs://any-bucket/x",
    "gcs://any-bucket/x",
    "abfss://c@account.dfs.core.windows.net/x",
    "hdfs://namenode:8020/x",
    "http://127.0.0.1:1/x",
    "https://example.org/x",
    "file://example.org/etc",
    "file:///etc",
    "//example.org/share",
    "\\\\example.org\\share",
    "~root",
    "~nobody-of-that-name/x",
    "mock://x",
    "://",
    "s3://[",
]


@pytest.mark.parametrize("address", FOREIGN)
def test_no_address_from_outside_is_looked_up(
    facade: TestClient, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
):
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("an address was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(Location, "parse", forbidden)  # pyarrow would resolve a bucket's region by itself
    requests = [
        ("POST", "/v1/datasets", {"uri": address}),
        ("POST", "/v1/datasets", {"input": address}),
        ("POST", "/v1/datasets", {"files": [address]}),
        ("POST", "/scan/local?modality=face", {"input": address}),
        ("POST", "/scan/local?modality=face", {"input": [address]}),
        ("POST", "/scan?modality=face", {"input": address}),
        ("POST", "/scan/preprocessing", {"source": address}),
        ("DELETE", "/dataset", address),
    ]
    for method, route, body in requests:
        answer = facade.request(method, route, json=body)
        assert answer.status_code in (400, 422), (route, body, answer.text)
    assert facade.get("/task/inputs/metadata", params={"path": address}).status_code in (400, 422)
    assert facade.get(f"/warehouse/data/{address}").status_code == 404


def test_places_below_the_data_root_are_known_by_their_text(tmp_path: Path):
    root = Location.parse(tmp_path / "data")
    (tmp_path / "data").mkdir()
    for uri in (f"{root.path}/helen", f"file://{root.path}/helen", f"{root.path}//./helen/"):
        assert path_of_uri(root, str(tmp_path / "data"), uri) == "data/helen"
    assert path_of_uri(root, str(tmp_path / "data"), f"{root.path}/data/x") == "data/data/x"
    uri = "s3://faces/sets?region=us-east-1&endpoint_override=127.0.0.1:9"
    remote = Location.parse(uri)
    assert path_of_uri(remote, uri, "s3://faces/sets/helen/") == "data/helen"
    assert path_of_uri(remote, uri, "s3://faces/sets/my%20set") == "data/my set"
    assert path_of_uri(remote, uri, "s3://faces/sets") == "data"
    for outside in ("s3://faces/setsuna/x", "s3://faces", "s3://other/sets/x", "/faces/sets/x", "s3://faces/sets?x=y"):
        with pytest.raises(RequestValidationError):
            path_of_uri(remote, uri, outside)


@pytest.mark.parametrize(
    "name", ["a" * 256, "é" * 128, "x/" * 2048, "helen/1.jpg/below", "circle", "circle/x", "\ud800"]
)
def test_names_that_no_file_system_takes_are_client_errors(facade: TestClient, tmp_path: Path, name: str):
    (tmp_path / "data" / "helen").mkdir()
    (tmp_path / "data" / "helen" / "1.jpg").write_bytes(portrait())
    (tmp_path / "data" / "circle").symlink_to(tmp_path / "data" / "circle")

    def sent(method: str, route: str, body: object) -> int:
        headers = {"Content-Type": "application/json"}
        return facade.request(method, route, content=json.dumps(body), headers=headers).status_code

    for place in (name, f"data/{name}"):
        for key, value in (("uri", f"{tmp_path}/data/{name}"), ("input", place), ("files", [place])):
            assert sent("POST", "/v1/datasets", {key: value}) in (400, 422)
        assert sent("POST", "/scan/local?modality=face", {"input": place}) in (400, 422)
        assert sent("POST", "/scan/local?modality=face", {"input": [place]}) in (400, 422)
        assert sent("POST", "/scan/preprocessing", {"source": place}) in (400, 422)
        assert sent("DELETE", "/dataset", f"data/uploaded/{name}") in (400, 422)
        if name.isprintable():
            assert facade.get("/task/inputs/metadata", params={"path": place}).status_code in (400, 422)
            assert facade.get(f"/warehouse/data/{name}").status_code in (404, 414)


def test_places_that_this_server_may_not_read_are_client_errors(tmp_path: Path):
    """In a process of its own, as a user without rights where the tests run as root."""
    closed = tmp_path / "data" / "closed"
    closed.mkdir(parents=True)
    (tmp_path / "data" / "secret.jpg").write_bytes(portrait())
    (tmp_path / "data" / "uploaded" / "theirs").mkdir(parents=True)
    script = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from fastapi.testclient import TestClient
        from api.app import create_app
        from bqat_pipeline.settings import Settings

        folder = Path(sys.argv[1])
        settings = Settings(_env_file=None, home=str(folder / "storage"), data=str(folder / "data"),
                            state=folder / "state", dagster_url="http://127.0.0.1:9")
        with TestClient(create_app(settings), base_url="http://localhost", raise_server_exceptions=False) as client:
            if os.geteuid() == 0:
                os.setegid(65534)
                os.seteuid(65534)
            answers = [
                client.post("/v1/datasets", json={"input": "data/closed/x"}),
                client.post("/v1/datasets", json={"files": ["data/closed/x.jpg"]}),
                client.post("/scan/local?modality=face", json={"input": "data/closed/x"}),
                client.post("/scan/preprocessing", json={"source": "data/closed/x"}),
                client.get("/task/inputs/metadata", params={"path": "data/closed/x"}),
                client.get("/warehouse/data/closed/"),
                client.get("/warehouse/data/closed/x.jpg"),
                client.get("/warehouse/data/secret.jpg"),
                client.request("DELETE", "/dataset", json="data/uploaded/theirs"),
            ]
            for answer in answers:
                print(answer.status_code, answer.text[:200])
            sys.stdout.flush()
            os._exit(0)
        """
    )
    for made in ("storage", "state"):
        (tmp_path / made).mkdir()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/") and "pytest" in str(folder):
            folder.chmod(0o755)
    (tmp_path / "data" / "secret.jpg").chmod(0)
    (tmp_path / "data" / "uploaded").chmod(0o555)
    closed.chmod(0)
    try:
        done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    finally:
        closed.chmod(0o755)
        (tmp_path / "data" / "uploaded").chmod(0o755)
    statuses = [int(line.split()[0]) for line in done.stdout.splitlines() if line[:3].isdigit()]
    assert len(statuses) == 9 and all(400 <= status < 500 for status in statuses), done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize("number", [2**70, -(2**70), 2**53 + 1, -2, 10**300])
def test_cursors_beyond_any_table_are_refused(facade: TestClient, store: DatasetStore, number: int):
    record = synthetic.dataset(store, [synthetic.profiles(3)])
    generation = store.manifest(record.key).generation
    for route, position in (
        (f"/v1/datasets/{record.key}/profiles", {"g": generation, "p": number}),
        (f"/v1/datasets/{record.key}/profiles?sort=ipd", {"g": generation, "p": number}),
        (f"/v1/datasets/{record.key}/outliers", {"g": generation, "p": number}),
        (f"/v1/datasets/{record.key}/duplicates", {"g": generation, "p": number}),
        ("/v1/runs", {"p": number}),
    ):
        cursor = base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")
        answer = facade.get(route, params={"cursor": cursor})
        assert answer.status_code == 422, (route, answer.text)


@pytest.mark.parametrize("name", ["\u0000", "a\u0000b", "two\nlines", "\u2028", "\u007f", "  "])
def test_names_of_data_sets_can_be_printed(facade: TestClient, tmp_path: Path, name: str):
    (tmp_path / "data" / "helen").mkdir()
    (tmp_path / "data" / "helen" / "1.jpg").write_bytes(portrait())
    assert facade.post("/v1/datasets", json={"input": "data/helen", "name": name}).status_code == 422
    answer = facade.post("/v1/datasets/upload", params={"name": name}, files={"file": ("a.zip", b"x")})
    assert answer.status_code == 422


def test_ids_are_the_same_in_upper_case(facade: TestClient, store: DatasetStore):
    record = synthetic.dataset(store, [synthetic.profiles(3)])
    for given in (str(record.id), str(record.id).upper()):
        assert facade.get(f"/v1/datasets/{given}").json()["key"] == record.key
        assert facade.get(f"/scan/{given}/profiles/count").json() == 3


def test_long_lists_of_names_resolve_no_folder_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The cost of a name is one look at its file: 50,000 names once held a thread for a minute."""
    root = tmp_path / "data"
    (root / "many").mkdir(parents=True)
    names = [f"data/many/{number}.jpg" for number in range(500)]
    for name in names:
        (tmp_path / name).touch()
    resolved: list[Path] = []
    resolve = Path.resolve

    def counted(path: Path, strict: bool = False) -> Path:
        resolved.append(path)
        return resolve(path, strict)

    monkeypatch.setattr(Path, "resolve", counted)
    source = file_source(Location.parse(root), str(root), names)
    assert source.files == [name.removeprefix("data/") for name in names]
    assert len(resolved) < 10
    assert count([source], ScanOptions()) == 500 and len(resolved) < 10
