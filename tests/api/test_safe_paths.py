"""Places that clients name: none outside the data root is read, listed, scanned or deleted."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetStore
from tests.api.conftest import SECRET, everything
from tests.api.pictures import portrait
from tests.report import synthetic

OUTSIDE = [
    "../secret/key.txt",
    "%2e%2e/secret/key.txt",
    "..%2fsecret%2fkey.txt",
    "%252e%252e/secret/key.txt",
    "helen/../../secret/key.txt",
    "helen/%2e%2e/%2e%2e/secret/key.txt",
    "..\\secret\\key.txt",
    "%5c..%5csecret%5ckey.txt",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "way%20out/key.txt",
    "helen/link.jpg",
    "uploaded/way%20out/key.txt",
    ".hidden",
    "helen/1.jpg%00.txt",
    "a" * 5000,
    "helen/" * 500,
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_file_outside_the_data_root_is_read(facade: TestClient, world: Path, path: str):
    response = facade.get(f"/warehouse/data/{path}")
    assert response.status_code in (400, 404, 414, 422)
    assert SECRET not in response.text and portrait() not in response.content


@pytest.mark.parametrize(
    "path",
    [
        "data/helen",
        "data/uploaded",
        "data/uploaded/",
        "data/uploaded/.",
        "data/uploaded/../helen",
        "data/uploaded/%2e%2e/helen",
        "data/uploaded/way out",
        "data/uploaded/back",
        "data/uploaded//../../secret",
        "uploaded/x",
        "data",
        "/",
        "",
        ".",
        "data/uploaded/\x00",
        "data/uploaded/missing",
    ],
)
def test_only_uploads_are_deleted(facade: TestClient, world: Path, path: str):
    before = everything(world)
    response = facade.request("DELETE", "/dataset", json=path)
    assert response.status_code == 400 and everything(world) == before


@pytest.mark.parametrize("body", [{"x": 1}, ["data/uploaded/a"], 5, None])
def test_folder_to_delete_must_be_a_text(facade: TestClient, world: Path, body: object):
    assert facade.request("DELETE", "/dataset", json=body).status_code == 422


@pytest.mark.parametrize(
    "path", ["../secret", "/etc", "data/../secret", "way out", "data/way out", "data/\x00", "s3://x/y"]
)
def test_places_outside_are_not_scanned_counted_or_copied(facade: TestClient, world: Path, path: str):
    before = everything(world)
    answers = [
        facade.post("/scan/local?modality=face", json={"input": path}),
        facade.post("/scan/local?modality=face", json={"input": [f"{path}/face.jpg"]}),
        facade.post("/scan/preprocessing", json={"source": path}),
        facade.post("/v1/datasets", json={"input": path}),
        facade.post("/v1/datasets", json={"uri": str(world / "secret")}),
        facade.get("/task/inputs/metadata", params={"path": path}),
    ]
    assert all(a.status_code in (400, 422) for a in answers), [a.status_code for a in answers]
    assert everything(world) == before


def test_links_out_of_the_data_root_are_not_counted_as_pictures_to_read(facade: TestClient, world: Path):
    response = facade.post("/scan/local?modality=face", json={"input": ["data/helen/link.jpg"]})
    assert response.status_code == 422


@pytest.mark.parametrize(
    "name", ["..%2fdataset.json", "%2e%2e%2fdataset.json", "dataset.json", "index.html%00", ".x.html"]
)
def test_report_files_are_the_only_files_of_a_data_set(facade: TestClient, store: DatasetStore, name: str):
    record = synthetic.dataset(store, [synthetic.profiles(3)])
    (store.report(record.key) / "index.html").write_bytes(b"<p>report</p>")
    for base in (f"/v1/datasets/{record.key}/report", f"/scan/{record.id}"):
        response = facade.get(f"{base}/{name}")
        assert response.status_code in (404, 422) and "sources" not in response.text


@pytest.mark.parametrize("key", ["..", "%2e%2e", "..%2f..%2fetc", "a%2fb", ".hidden", "x" * 101, "%00"])
def test_keys_of_data_sets_are_no_paths(facade: TestClient, world: Path, key: str):
    before = everything(world)
    for method, route in (
        ("GET", f"/v1/datasets/{key}"),
        ("DELETE", f"/v1/datasets/{key}"),
        ("DELETE", f"/scan/logs/{key}"),
        ("DELETE", f"/scan/{key}/profiles"),
        ("DELETE", f"/scan/{key}/report"),
        ("GET", f"/scan/{key}/profiles"),
    ):
        assert facade.request(method, route).status_code < 500
    assert everything(world) == before


def test_errors_tell_no_paths_of_the_server(facade: TestClient, world: Path):
    texts = [
        facade.post("/scan/local?modality=face", json={"input": "data/missing"}).text,
        facade.get("/warehouse/data/missing.jpg").text,
        facade.get("/v1/datasets/missing-00000000").text,
        facade.post("/dataset", files={"file": ("a.zip", b"x")}).text,
    ]
    assert not any(str(world) in text for text in texts)


@pytest.mark.parametrize("rules", ["/etc/own.toml", "data/helen/own.toml", "none-such"])
def test_no_file_is_taken_for_the_rule_set_of_a_crop(facade: TestClient, world: Path, rules: str):
    (world / "data" / "helen" / "own.toml").write_text("name = 'own'")
    response = facade.post("/scan/preprocessing", json={"source": "data/helen", "options": {"crop": rules}})
    assert response.status_code == 422 and "icao-tr-portrait" in response.text
