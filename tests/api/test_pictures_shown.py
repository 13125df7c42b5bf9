"""`BQAT_THUMBNAILS`: no route that answers pictures shows more of a face than the operator allows."""

import base64
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from bqat_pipeline.columns import PERSONAL
from bqat_pipeline.datasets import DatasetStore
from tests.api.conftest import Facade
from tests.api.pictures import portrait
from tests.report import synthetic
from tests.report.reading import with_columns

# Of no meaning; only in a column that shows a person.
PATTERN = "cGVyc29uYWw="
FILES = ("1.jpg", "1.bin", "1.zip")


def pictured(folder: Path) -> None:
    place = folder / "data" / "helen"
    place.mkdir(parents=True)
    for name in FILES:
        (place / name).write_bytes(portrait())
    (place / "notes.txt").write_text("not a picture")


def with_patterns(store: DatasetStore) -> str:
    """Key of a data set whose rows hold something in every column that shows a person."""
    table = synthetic.profiles(3, unmeasured=0)
    return synthetic.dataset(store, [with_columns(table, **{name: [PATTERN] * 3 for name in PERSONAL})]).key


def test_what_shows_a_person_leaves_with_no_row_unless_named(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    assert PERSONAL
    key = with_patterns(store)
    answers = [
        *(
            f"export?format={form}&{rest}"
            for form in ("csv", "ndjson")
            for rest in ("", "fields=*", "rules=enrolment-relaxed")
        ),
        *("profiles?fields=*", "profiles/0", "profiles", "review/0"),
    ]
    with facade_in(tmp_path) as client:
        for route in answers:
            answer = client.get(f"/v1/datasets/{key}/{route}")
            assert answer.status_code == 200 and PATTERN not in answer.text, route
            assert not any(f'"{name}"' in answer.text for name in PERSONAL), route
        parquet = pq.read_table(io.BytesIO(client.get(f"/v1/datasets/{key}/export?format=parquet").content))
        assert "aux_face_hash" in parquet.column_names and not PERSONAL & set(parquet.column_names)
        for name in PERSONAL:
            named = client.get(f"/v1/datasets/{key}/export", params={"format": "ndjson", "fields": f"*,{name}"})
            lines = [json.loads(line) for line in named.text.splitlines()]
            assert [line[name] for line in lines] == [PATTERN] * 3 and "ipd" in lines[0]
        assert {c["name"] for c in client.get("/v1/columns").json() if c["personal"]} == set(PERSONAL)


@pytest.mark.parametrize("mode", ["none", "blurred"])
def test_what_shows_a_person_is_refused_where_faces_are_kept_back(
    facade_in: Facade, tmp_path: Path, store: DatasetStore, mode: str
):
    key = with_patterns(store)
    with facade_in(tmp_path, thumbnails=mode) as client:
        for name in PERSONAL:
            for route in ("profiles", "export"):
                answer = client.get(f"/v1/datasets/{key}/{route}", params={"fields": f"file,{name}"})
                assert answer.status_code == 422 and "BQAT_THUMBNAILS" in answer.json()["detail"]


def detail(content: bytes) -> float:
    """How much neighbouring pixels differ: a mosaic has none of the fine detail of a face."""
    image = Image.open(io.BytesIO(content)).convert("L").resize((256, 256))
    small = image.resize((12, 12)).resize((256, 256))
    pixels = zip(image.tobytes(), small.tobytes(), strict=True)
    return sum(abs(a - b) for a, b in pixels) / 256**2


def converted(client: TestClient) -> bytes:
    body = {"file": base64.b64encode(portrait()).decode(), "format": "png"}
    answer = client.post("/convert", json=body)
    assert answer.status_code == 200
    return base64.b64decode(answer.json().partition(",")[2])


def test_by_default_pictures_are_shown_as_they_are(facade_in: Facade, tmp_path: Path):
    pictured(tmp_path)
    with facade_in(tmp_path) as client:
        assert client.get("/warehouse/data/helen/1.jpg").content == portrait()
        assert detail(converted(client)) > 4


def test_no_route_hands_out_a_picture_when_none_is_to_be_shown(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    pictured(tmp_path)
    key = synthetic.dataset(store, [synthetic.profiles(3)]).key
    with facade_in(tmp_path, thumbnails="none") as client:
        for name in (*FILES, "notes.txt"):
            answer = client.get(f"/warehouse/data/helen/{name}")
            assert answer.status_code == 404 and "BQAT_THUMBNAILS" in answer.json()["detail"]
        refused = client.post("/convert", json={"file": base64.b64encode(portrait()).decode()})
        assert refused.status_code == 403 and "BQAT_THUMBNAILS" in refused.json()["detail"]
        for route in ("thumbnail", "overlay"):
            assert client.get(f"/v1/datasets/{key}/profiles/0/{route}").status_code == 404
        assert "1.jpg" in client.get("/warehouse/data/helen/").text  # names are no pictures


def test_blurred_is_blurred_on_every_route(facade_in: Facade, tmp_path: Path):
    pictured(tmp_path)
    with facade_in(tmp_path) as client:
        known = client.get("/warehouse/data/helen/1.jpg").headers["etag"]
    with facade_in(tmp_path, thumbnails="blurred") as client:
        for name in FILES:
            answer = client.get(f"/warehouse/data/helen/{name}", headers={"If-None-Match": known})
            assert answer.status_code == 200 and detail(answer.content) < 4
        assert detail(converted(client)) < 4
        assert client.get("/warehouse/data/helen/notes.txt").status_code == 400


@pytest.mark.parametrize(
    ("made_with", "allowed", "status"),
    [
        ("full", "full", 200),
        ("full", "blurred", 404),
        ("full", "none", 404),
        ("blurred", "blurred", 200),
        ("blurred", "none", 404),
        ("none", "blurred", 200),
        ("none", "none", 200),
        (None, "none", 404),
    ],
)
def test_report_that_is_older_than_the_setting_is_not_served(
    facade_in: Facade, tmp_path: Path, store: DatasetStore, made_with: str | None, allowed: str, status: int
):
    record = synthetic.dataset(store, [synthetic.profiles(3)])
    folder = store.report(record.key)
    (folder / "index.html").write_bytes(b"<html>faces</html>")
    if made_with is not None:
        (folder / "report.json").write_bytes(json.dumps({"dataset": {"thumbnails": made_with}}).encode())
    with facade_in(tmp_path, thumbnails=allowed) as client:
        for route in (f"/scan/{record.id}/report", f"/v1/datasets/{record.key}/report"):
            answer = client.get(route)
            assert answer.status_code == status
            assert ("faces" in answer.text) == (status == 200)
