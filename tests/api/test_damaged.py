"""Damaged and unreadable data sets below REST and on the command line: named with the way out, never a 500."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from bqat_pipeline.datasets.survey import survey
from tests.report import synthetic


@pytest.fixture
def client(facade: TestClient) -> TestClient:
    return facade


@pytest.fixture
def record(store: DatasetStore) -> DatasetRecord:
    return synthetic.dataset(store, [synthetic.profiles(30)])


@pytest.mark.parametrize("name", ["manifest.json", "dataset.json", "progress.json"])
def test_damaged_file_is_named_and_no_fault_of_the_server(
    client: TestClient, store: DatasetStore, record: DatasetRecord, name: str
) -> None:
    folder = store.folder(record.key).local
    for file in {name, "dataset.json.bak"} if name == "dataset.json" else {name}:
        (folder / file).write_bytes(b'{"half')
    paths = (f"/v1/datasets/{record.key}", f"/v1/datasets/{record.key}/profiles", "/v1/datasets", "/scan/logs")
    answers = {path: client.get(path) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code >= 500} == {}
    if name != "progress.json":
        assert record.key in [entry["key"] for entry in answers["/v1/datasets"].json()["damaged"]]
        assert answers[f"/v1/datasets/{record.key}/profiles"].status_code == 409
        assert name in answers[f"/v1/datasets/{record.key}/profiles"].json()["detail"]


def test_storage_that_does_not_answer_is_503_with_retry_after(
    client: TestClient, record: DatasetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(self: Location) -> bytes:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(Location, "read_bytes", stale)
    answer = client.get(f"/v1/datasets/{record.key}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert str(Path.cwd()) not in answer.text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_decision_on_a_full_disk_is_refused_with_the_way_out(
    client: TestClient, record: DatasetRecord, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = f"/v1/datasets/{record.key}"
    body = {"rows": [0], "decision": "reject", "generation": client.get(f"{route}/review").json()["generation"]}

    def full(self: Location, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(Location, "write_bytes", full)
        refused = client.post(f"{route}/decisions", json=body)
    assert refused.status_code == 503 and "there is no room left for results: make some" in refused.json()["detail"]
    assert "in some seconds" not in refused.text and client.get(f"{route}/review").json()["decided"] == 0
    assert client.post(f"{route}/decisions", json=body).status_code == 200
    assert client.get(f"{route}/review").json()["reject"] == 1


def test_survey_names_what_is_damaged(store: DatasetStore, record: DatasetRecord) -> None:
    place = store.folder(record.key).local / "dataset.json"
    name = json.loads(place.read_text())["name"]
    place.write_bytes(b"")
    (found,) = [entry for entry in survey(store) if entry.key == record.key]
    assert found.record is not None and found.record.name == name
    assert "copy" in found.problem


def _garble(file: Path) -> None:
    file.write_bytes(bytes(byte ^ 0x5A for byte in file.read_bytes()[:50]) + file.read_bytes()[50:])


@pytest.mark.parametrize("damage", [Path.unlink, _garble, lambda file: os.truncate(file, 500)])
@pytest.mark.parametrize("files", [1, 2])
def test_profiles_that_are_damaged_after_they_were_found_whole_are_named(
    client: TestClient, store: DatasetStore, damage: Callable[[Path], None], files: int
) -> None:
    record = synthetic.dataset(store, [synthetic.profiles(30)])
    manifest = store.manifest(record.key)
    assert manifest is not None
    folder = store.generation(record.key, manifest.generation).profiles.local
    (whole,) = folder.iterdir()
    if files == 2:
        rows = pq.read_table(whole)
        pq.write_table(rows.slice(0, 15), whole)
        pq.write_table(rows.slice(15), whole.with_name("profiles-00001.parquet"))
    paths = [f"/v1/datasets/{record.key}/{tail}" for tail in ("profiles?limit=1000", "export", "export?format=parquet")]
    assert [client.get(path).status_code for path in paths] == [200] * 3
    # Damage inside a later file is met while the body is on its way, which then ends unfinished.
    damage(max(folder.iterdir()) if damage is Path.unlink else min(folder.iterdir()))
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 409, path
        assert "scan the data set again" in answer.text
