"""Landmarks and light zones of a picture, found on demand; the crop that would pass."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from tests.api.conftest import Facade
from tests.api.pictures import portrait
from tests.report import synthetic


def made(folder: Path) -> DatasetRecord:
    """Rows 0 to 2 are a portrait as it was scanned, one that was changed since, and one that is gone."""
    table = synthetic.profiles(5)
    files, hashes = table["file"].to_pylist(), table["sha256"].to_pylist()
    hashes[0] = hashlib.sha256(portrait()).hexdigest()
    table = table.set_column(table.schema.get_field_index("sha256"), synthetic.SCHEMA.field("sha256"), pa.array(hashes))
    for file in files[:2]:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(portrait())
    store = DatasetStore(Location.parse(folder / "storage"))
    return synthetic.dataset(store, [table], uri=str(folder / "data" / "faces"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def record(place: Path) -> DatasetRecord:
    return made(place)


@pytest.fixture(scope="module")
def client(facade_in: Facade, place: Path, record: DatasetRecord) -> Iterator[TestClient]:
    with facade_in(place, assess_workers=1) as running:
        yield running


def marks(client: TestClient, record: DatasetRecord, row: int, **headers: str) -> httpx.Response:
    return client.get(f"/v1/datasets/{record.key}/profiles/{row}/marks", headers=headers)


def refusal(client: TestClient, record: DatasetRecord, row: int, status: int) -> str:
    answer = marks(client, record, row)
    assert answer.status_code == status, answer.text
    detail: str = answer.json()["detail"]
    return detail


def test_landmarks_and_light_zones_lie_on_the_face(client: TestClient, record: DatasetRecord):
    answer = marks(client, record, 0)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    row = client.post("/v1/assess", content=portrait(), headers={"Content-Type": "image/jpeg"}).json()["row"]
    assert (found["width"], found["height"]) == (row["image_width"], row["image_height"])
    assert len(found["points"]) == 478 and len(found["zones"]) == 4
    # 468 is the iris on the image left, the subject's right
    x, y = found["points"][468]
    assert abs(x - row["pupil_right_x"]) < 3 and abs(y - row["pupil_right_y"]) < 3
    forehead, left, right, chin = ([sum(p) / 4 for p in zip(*zone, strict=True)] for zone in found["zones"])
    assert forehead[1] < left[1] < chin[1] and left[0] < chin[0] < right[0]
    assert all(
        row["bbox_left"] < x < row["bbox_right"] and row["head_top"] < y < row["head_bottom"]
        for x, y in (left, right, forehead, chin)
    )
    assert marks(client, record, 0, **{"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_why_there_are_none_is_said(client: TestClient, record: DatasetRecord, facade_in: Facade, place: Path):
    assert "changed after the scan" in refusal(client, record, 1, 404)
    assert "not there any more" in refusal(client, record, 2, 404)
    assert "no row 99" in refusal(client, record, 99, 404)
    for changes, status, words in (
        ({"assess_workers": 0}, 503, "BQAT_ASSESS_WORKERS=0"),
        ({"assess_workers": 1, "thumbnails": "blurred"}, 404, "BQAT_THUMBNAILS=blurred"),
        ({"assess_workers": 1, "thumbnails": "none"}, 404, "BQAT_THUMBNAILS=none"),
    ):
        with facade_in(place, **changes) as other:
            assert words in refusal(other, record, 0, status)


def test_a_row_says_its_crop_or_why_there_is_none(client: TestClient, record: DatasetRecord):
    plans = [client.get(f"/v1/datasets/{record.key}/review/{row}").json()["crop"] for row in range(5)]
    assert all((plan["crop"] is None) == bool(plan["reason"]) for plan in plans)
