"""Pictures and results on S3: what the facade reads and writes there."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from fastapi.testclient import TestClient
from moto.server import ThreadedMotoServer

from api.app import create_app
from api.sources import folder_source
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from bqat_pipeline.settings import Settings
from tests.api.pictures import archive, portrait
from tests.report import synthetic

ROWS = 120


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    """URI of a bucket; ``%s`` stands for the path in it."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys).create_bucket(Bucket="faces")
    yield f"s3://key:secret@faces/%s?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    moto.stop()


@pytest.fixture(scope="module")
def record(uri: str, tmp_path_factory: pytest.TempPathFactory) -> DatasetRecord:
    """A data set that was made on local disk and copied to the bucket."""
    folder = tmp_path_factory.mktemp("local")
    store = DatasetStore(Location.parse(folder))
    made = synthetic.dataset(store, [synthetic.profiles(ROWS)])
    (store.report(made.key) / "index.html").write_bytes(b"<p>report</p>")
    home = Location.parse(uri % "home")
    for path in folder.rglob("*"):
        if path.is_file():
            (home / path.relative_to(folder).as_posix()).write_bytes(path.read_bytes())
    return made


@pytest.fixture(scope="module")
def client(uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    config = Settings(
        _env_file=None,
        home=uri % "home",
        data=uri % "data",
        state=tmp_path_factory.mktemp("state"),
        dagster_url="http://127.0.0.1:9",
    )
    with TestClient(create_app(config), base_url="http://localhost", raise_server_exceptions=False) as opened:
        yield opened


def test_profiles_are_paged_sorted_and_exported(client: TestClient, record: DatasetRecord):
    route = f"/v1/datasets/{record.key}"
    page = client.get(f"{route}/profiles", params={"limit": 50}).json()
    assert len(page["items"]) == 50 and page["rows"] == ROWS
    top = client.get(f"{route}/profiles", params={"sort": "-ipd", "limit": 5, "filter": "status:eq:ok"}).json()["items"]
    assert [r["ipd"] for r in top] == sorted((r["ipd"] for r in top), reverse=True)
    assert len(client.get(f"{route}/export", params={"format": "ndjson"}).text.splitlines()) == ROWS
    assert len(client.get(f"/scan/{record.id}/profiles").json()) == ROWS
    assert client.get(f"{route}/report").text == "<p>report</p>"
    assert client.get(f"{route}/scorecard").json()["rows"] == ROWS


def test_pictures_are_uploaded_listed_shown_and_deleted(client: TestClient, uri: str, tmp_path: Path):
    content = archive({"a/1.jpg": portrait(), "2.jpg": portrait()})
    response = client.post("/dataset", files={"file": ("set1.zip", content)})
    assert response.json()["message"].endswith("data/uploaded/set1")
    assert client.get("/task/inputs/folders").json() == ["data/uploaded", "data/uploaded/set1"]
    assert client.get("/task/inputs/metadata", params={"path": "data/uploaded/set1"}).json()["count"] == 2
    assert client.get("/warehouse/data/uploaded/set1/a/1.jpg").content == portrait()
    source = folder_source(Location.parse(uri % "data"), uri % "data", "data/uploaded/set1")
    assert source.prefix == "data/uploaded/set1"
    assert (Location.parse(source.uri) / "2.jpg").read_bytes() == portrait()
    assert client.request("DELETE", "/dataset", json="data/uploaded/set1").status_code == 200
    assert client.get("/task/inputs/folders").json() == ["data/uploaded"]
