"""What is probably no human face, through HTTP: assessed at once, as rows of a scan, and for clients of the BQAT API."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Source
from bqat_pipeline.execution import scan_dataset
from bqat_pipeline.settings import Settings
from tests.api.conftest import Facade
from tests.api.pictures import cat_like_a_face, portrait

STATUS, CODE = "doubtful_face", "not_human"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doubtful")


@pytest.fixture(scope="module")
def client(facade_in: Facade, place: Path) -> Iterator[TestClient]:
    with facade_in(place, assess_workers=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def record(client: TestClient, place: Path) -> DatasetRecord:
    """A finished scan of a person and a cat, measured by the real engine."""
    folder = place / "data" / "mixed"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(cat_like_a_face())
    (folder / "person.jpg").write_bytes(portrait())
    store = DatasetStore(Location.parse(place / "storage"))
    made = store.create("mixed", [Source(uri=str(folder), prefix="data/mixed")])
    scan_dataset(store, made.key, settings=Settings(_env_file=None, workers=1))
    return made


def test_it_is_assessed_with_its_measures_and_never_passes(client: TestClient) -> None:
    body = client.post("/v1/assess?requirements=enrolment-relaxed", content=cat_like_a_face()).json()
    assert (body["status"], body["verdict"]) == (STATUS, "not_assessed")
    assert "human" in body["reasons"][0]
    assert all(requirement["outcome"] == "not_assessed" for requirement in body["requirements"])
    row = body["row"]
    assert row["reason_code"] == CODE and 0 <= row["aux_human_face"] < 0.5 < row["confidence"] and row["ipd"] > 0


def test_a_scan_keeps_it_as_a_row_that_counts_nowhere(client: TestClient, record: DatasetRecord) -> None:
    base = f"/v1/datasets/{record.key}"
    facts = client.get(base).json()
    assert (facts["rows"], facts["counts"]) == (2, {"ok": 1, STATUS: 1})
    (listed,) = client.get(f"{base}/profiles", params={"filter": f"status:eq:{STATUS}"}).json()["items"]
    assert listed["file"].endswith("cat.jpg") and "human" in listed["reason"]
    row = client.get(f"{base}/profiles/{listed['row']}").json()
    assert (row["status"], row["reason_code"], row["verdict"]) == (STATUS, CODE, "not_assessed")
    assert row["ipd"] > 0 and not row["verdict_reasons"]
    review = client.get(f"{base}/review/{listed['row']}").json()
    assert review["verdict"] == "not_assessed" and review["row"]["reason_code"] == CODE
    card = client.get(f"{base}/scorecard").json()
    assert (card["measured"], card["unmeasured"]) == (1, {STATUS: 1})


def test_clients_of_the_bqat_api_see_a_picture_without_a_face(client: TestClient, record: DatasetRecord) -> None:
    records = {one["file"].split("/")[-1]: one for one in client.get(f"/scan/{record.id}/profiles").json()}
    sent = client.post("/file", files={"file": ("cat.jpg", cat_like_a_face())}).json()["results"]
    for cat in (records["cat.jpg"], sent):
        assert "face detection" in str(cat["log"]) and cat["image_width"] > 0
        assert not {"ipd", "confidence", "yaw_degree", "smile"} & set(cat)
    assert records["person.jpg"]["ipd"] > 0 and "log" not in records["person.jpg"]
