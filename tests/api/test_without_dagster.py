"""What the facade does while Dagster is out of reach."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetStore
from tests.api.pictures import archive, portrait


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launches are tried once instead of for thirty seconds."""
    monkeypatch.setattr("api.tasks.dagster_client.LAUNCH_PATIENCE", 0.0)


def test_scan_that_cannot_be_launched_leaves_nothing_behind(facade: TestClient, store: DatasetStore, tmp_path: Path):
    (tmp_path / "data" / "helen").mkdir()
    (tmp_path / "data" / "helen" / "1.jpg").write_bytes(portrait())
    answers = [
        facade.post("/scan/local?modality=face", json={"input": "data/helen"}),
        facade.post("/v1/datasets", json={"input": "data/helen"}),
        facade.post("/scan/remote?modality=face", files=[("files", ("1.jpg", portrait()))]),
        facade.post("/v1/datasets/upload", files={"file": ("set.zip", archive({"1.jpg": portrait()}))}),
        facade.post("/scan/report/remote", files={"file": ("table.csv", b"file,ipd\na,1\n")}),
        facade.post("/scan/preprocessing", json={"source": "data/helen"}),
    ]
    assert [a.status_code for a in answers] == [503] * len(answers)
    assert all(a.headers["retry-after"] == "5" for a in answers)
    assert list(store.keys()) == []
    left = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert left == [tmp_path / "data" / "helen" / "1.jpg"]


def test_data_set_that_was_there_stays_as_it_was(facade: TestClient, store: DatasetStore, tmp_path: Path):
    from bqat_pipeline.datasets import Source

    for name in ("first", "second"):
        (tmp_path / "data" / name).mkdir()
        (tmp_path / "data" / name / "1.jpg").write_bytes(portrait())
    record = store.create("first", [Source(uri=str(tmp_path / "data" / "first"), prefix="data/first")])
    body = {"input": "data/second", "collection": str(record.id)}
    assert facade.post("/scan/local?modality=face", json=body).status_code == 503
    assert store.record(record.key) == record


def test_routes_that_need_dagster_say_so_and_others_answer(facade: TestClient):
    tid = "45a77c3a-6b82-4fc4-88c8-6ff9a4f31014"
    for route in (
        "/task/pending",
        "/task/logs/scan",
        f"/task/{tid}/status",
        "/scan/status",
        "/v1/runs",
        f"/v1/runs/{tid}",
    ):
        response = facade.get(route)
        assert response.status_code == 503 and "Dagster" in response.json()["detail"]
    for route in ("/info", "/scan/logs", "/task/inputs/folders", "/v1/datasets", "/metrics", "/healthz"):
        assert facade.get(route).status_code == 200
