"""Pictures and results on S3: a scan gives the rows that it gives on local disk."""

import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from bqat_pipeline.datasets import DatasetStore, Location, Source
from bqat_pipeline.datasets.records import Changes
from bqat_pipeline.execution import scan_dataset
from tests.execution.conftest import profiles
from tests.execution.fake_engine import FakeEngines


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of an S3 server of this test."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"{host}:{port}"
    moto.stop()


@pytest.fixture
def bucket(server: str, tmp_path: Path) -> str:
    """URI of a new bucket; ``%s`` stands for the path in it."""
    name = f"test-{tmp_path.name.replace('_', '-').lower()}"[:60]
    client(server).create_bucket(Bucket=name)
    return f"s3://key:secret@{name}/%s?endpoint_override={server}&scheme=http&region=us-east-1"


def client(server: str):
    return boto3.client(
        "s3",
        endpoint_url=f"http://{server}",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )


@pytest.fixture
def remote(bucket: str, folder: Path):
    """Store and data set on S3, with the same pictures as the local folder."""
    pictures = Location.parse(bucket % "data/set")
    for path in folder.iterdir():
        (pictures / path.name).write_bytes(path.read_bytes())
    store = DatasetStore(Location.parse(bucket % "home"))
    return store, store.create("set", [Source(uri=bucket % "data/set", prefix="data/set")])


def comparable(table):
    return table.drop(["modified"]).to_pylist()


def test_scan_on_s3_equals_scan_on_local_disk(remote, store, record, config):
    there, dataset = remote
    scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    manifest = scan_dataset(there, dataset.key, settings=config, engines=FakeEngines())
    assert manifest.counts == {"ok": 30}
    assert comparable(profiles(there, dataset.key)) == comparable(profiles(store, record.key))
    assert there.progress(dataset.key).done == 30


def test_rescan_on_s3_measures_what_changed(remote, config, bucket, tmp_path):
    store, dataset = remote
    scan_dataset(store, dataset.key, settings=config, engines=FakeEngines())
    (Location.parse(bucket % "data/set") / "003.jpg").write_bytes(b"face changed")
    (Location.parse(bucket % "data/set") / "new/031.jpg").write_bytes(b"face added")
    log = tmp_path / "log"
    manifest = scan_dataset(store, dataset.key, settings=config, engines=FakeEngines(str(log)))
    assert manifest.changes == Changes(new=1, changed=1, unchanged=29)
    assert sorted(log.read_text().splitlines()) == ["face added", "face changed"]


def test_two_scans_at_once_without_a_lock_both_end_right(remote, config):
    store, dataset = remote
    results, errors = [], []

    def run():
        try:
            results.append(scan_dataset(store, dataset.key, settings=config, engines=FakeEngines()))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert {manifest.rows for manifest in results} == {30}
    assert profiles(store, dataset.key)["row"].to_pylist() == list(range(30))
