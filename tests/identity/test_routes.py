"""`/v1/datasets/{dataset}/identities` and `/search`."""

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Source
from bqat_pipeline.datasets.identity_files import IdentityFiles
from bqat_pipeline.execution import scan_dataset
from bqat_pipeline.identity.questions import stored_pairs, with_decisions
from bqat_pipeline.identity.running import find_identities
from bqat_pipeline.review.pair_decisions import all_answers, pair_log
from bqat_pipeline.sample import portraits
from bqat_pipeline.settings import Settings
from tests.api.conftest import Facade
from tests.execution.fake_engine import FakeEngines
from tests.identity.fake_templates import FakeTemplateEngines
from tests.processes import eventually


def encoded(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


def scanned(folder: Path, files: dict[str, bytes], **real: bool | str) -> DatasetRecord:
    """A data set with identities; of small text files unless ``real``."""
    place = folder / "data" / "set"
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / name).write_bytes(content)
    store = DatasetStore(Location.parse(folder / "storage"))
    record = store.create("set", [Source(uri=str(place), prefix="data/set")])
    settings = Settings(workers=1, identity=True, _env_file=None, **real)
    if real:
        scan_dataset(store, record.key, settings=settings)
        find_identities(store, record.key, settings)
    else:
        scan_dataset(store, record.key, settings=settings, engines=FakeEngines())
        find_identities(store, record.key, settings, engines=FakeTemplateEngines(str(folder / "log")))
    return record


@pytest.fixture
def made_up(tmp_path: Path) -> DatasetRecord:
    files = {f"{person}{shot}.jpg": b"person %d shot %d" % (person, shot) for person in range(6) for shot in range(2)}
    return scanned(tmp_path, files)


def test_pairs_are_listed_in_pages(made_up: DatasetRecord, facade_in: Facade, tmp_path: Path) -> None:
    with facade_in(tmp_path, identity=True) as client:
        first = client.get(f"/v1/datasets/{made_up.key}/identities?limit=4").json()
        rest = client.get(f"/v1/datasets/{made_up.key}/identities?limit=4&cursor={first['next']}").json()
    pairs = first["items"] + rest["items"]
    assert [pair["distance"] for pair in pairs] == sorted(pair["distance"] for pair in pairs)
    assert {(pair["a"], pair["b"]) for pair in pairs} == {
        (f"data/set/{n}0.jpg", f"data/set/{n}1.jpg") for n in range(6)
    }
    assert rest["next"] is None
    assert "template" not in str(first)


def test_switched_off_both_routes_say_so(made_up: DatasetRecord, facade_in: Facade, tmp_path: Path) -> None:
    with facade_in(tmp_path) as client:
        for answer in (
            client.get(f"/v1/datasets/{made_up.key}/identities"),
            client.post(f"/v1/datasets/{made_up.key}/search", content=b"x"),
        ):
            assert answer.status_code == 503


def test_what_cannot_be_searched_is_said(made_up: DatasetRecord, facade_in: Facade, tmp_path: Path) -> None:
    route = f"/v1/datasets/{made_up.key}/search"
    wrong = {"identity": True, "identity_model": __file__, "assess_workers": 1}
    with facade_in(tmp_path, **wrong) as client:
        answer = client.post(route, content=encoded(portraits()[0]))
        assert answer.status_code == 503
        assert "cut short" in answer.json()["detail"]
        assert client.post(f"{route}?threshold=3", content=b"x").status_code == 422
        assert client.post(route, content=b"").status_code == 400
        assert client.post("/v1/datasets/nobody-12345678/search", content=b"x").status_code == 404
        IdentityFiles.of(DatasetStore(Location.parse(tmp_path / "storage")), made_up.key).forget()
        answer = client.post(route, content=encoded(portraits()[0]))
        assert answer.status_code == 404
        assert "has no templates" in answer.json()["detail"]


def test_the_key_is_asked_for(made_up: DatasetRecord, facade_in: Facade, tmp_path: Path) -> None:
    with facade_in(tmp_path, identity=True, api_key="secret") as client:
        assert client.post(f"/v1/datasets/{made_up.key}/search", content=b"x").status_code == 401
    with facade_in(tmp_path, identity=True, api_key="secret", api_key_scope="all") as client:
        assert client.get(f"/v1/datasets/{made_up.key}/identities").status_code == 401


def test_a_picture_finds_its_person(model: Path, facade_in: Facade, tmp_path: Path) -> None:
    collins, hopper = portraits()
    files = {"collins.jpg": encoded(collins), "hopper.jpg": encoded(hopper), "nobody.jpg": encoded(collins[:50, :50])}
    record = scanned(tmp_path, files, identity_model=str(model))
    route = f"/v1/datasets/{record.key}/search"
    chosen = {"identity": True, "identity_model": str(model), "assess_workers": 1, "thumbnails": "none"}
    with facade_in(tmp_path, **chosen) as client:
        before = {path: path.read_bytes() for path in (tmp_path / "storage").rglob("*") if path.is_file()}
        answer = client.post(route, content=encoded(np.ascontiguousarray(collins[:, ::-1])))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert (body["status"], body["searched"], body["threshold"]) == ("ok", 2, 0.34)
        assert [item["file"] for item in body["items"]] == ["data/set/collins.jpg"]
        assert 0 < body["items"][0]["distance"] < 0.34
        assert client.post(route, content=files["collins.jpg"]).json()["items"][0]["distance"] == 0
        everybody = client.post(f"{route}?threshold=1&limit=5", files={"file": ("a.jpg", encoded(hopper))}).json()
        assert [item["file"] for item in everybody["items"]] == ["data/set/hopper.jpg", "data/set/collins.jpg"]
        for content, status in ((b"no picture", "unreadable"), (encoded(np.zeros((90, 90, 3), np.uint8)), "no_face")):
            body = client.post(route, content=content).json()
            assert (body["status"], body["items"]) == (status, [])
            assert body["reason"]
        assert {path: path.read_bytes() for path in before} == before
        assert {path for path in (tmp_path / "storage").rglob("*") if path.is_file()} == set(before)
        IdentityFiles.of(DatasetStore(Location.parse(tmp_path / "storage")), record.key).forget()
        assert client.post(route, content=encoded(collins)).status_code == 404


def test_decisions_about_pairs_are_kept(made_up: DatasetRecord, facade_in: Facade, tmp_path: Path) -> None:
    route = f"/v1/datasets/{made_up.key}/identities"
    pair = {"a": "data/set/21.jpg", "b": "data/set/20.jpg"}

    def decided() -> dict[str, str]:
        return {item["a"]: item["decision"] for item in client.get(route).json()["items"] if item["decision"]}

    with facade_in(tmp_path, identity=True) as client:
        assert "sha256_a" not in client.get(route).json()["items"][0]
        assert decided() == {}
        answer = client.post(f"{route}/decisions", json=pair | {"decision": "different", "reviewer": "Ada"})
        assert answer.json() == pair | {"decision": "different", "reviewer": "Ada"}
        assert decided() == {"data/set/20.jpg": "different"}
        client.post(f"{route}/decisions", json={"a": "data/set/30.jpg", "b": "data/set/31.jpg", "decision": "same"})
        nobody = client.post(f"{route}/decisions", json=pair | {"a": "data/set/none.jpg", "decision": "same"})
        assert nobody.status_code == 404
        itself = client.post(f"{route}/decisions", json=pair | {"a": pair["b"], "decision": "same"})
        assert itself.status_code == 400

        store = DatasetStore(Location.parse(tmp_path / "storage"))
        store.clear(made_up.key)
        settings = Settings(workers=1, identity=True, _env_file=None)
        (tmp_path / "data" / "set" / "20.jpg").rename(tmp_path / "data" / "set" / "moved.jpg")
        scan_dataset(store, made_up.key, settings=settings, engines=FakeEngines())
        find_identities(store, made_up.key, settings, engines=FakeTemplateEngines(str(tmp_path / "log")))
        assert decided() == {"data/set/21.jpg": "different", "data/set/30.jpg": "same"}

        table, profiles = store.found(made_up.key, "identities"), store.profiles(made_up.key)
        assert table is not None
        assert profiles is not None
        listed = with_decisions(
            stored_pairs(table, 0.34), profiles, all_answers(pair_log(store, made_up.key).current())
        )
        assert sorted(pair.as_row().get("decision", "") for pair in listed) == ["", "", "", "", "different", "same"]

        client.post(f"{route}/decisions", json={"a": "data/set/31.jpg", "b": "data/set/30.jpg", "decision": "same"})
        parts = sorted((store.folder(made_up.key).local / "pair_decisions").iterdir())
        assert len(parts) == 2  # what is said again is not written again
        parts[0].write_text("{")
    with facade_in(tmp_path, identity=True) as client:
        assert decided() == {"data/set/30.jpg": "same"}  # the damaged one is passed over
        client.post(
            f"{route}/decisions", json={"a": "data/set/31.jpg", "b": "data/set/30.jpg", "decision": "undecided"}
        )
        assert decided() == {}
    with facade_in(tmp_path) as client:
        assert client.post(f"{route}/decisions", json=pair | {"decision": "same"}).status_code == 503


def test_templates_that_expired_are_deleted_by_the_facade_though_identities_are_off(
    made_up: DatasetRecord, facade_in: Facade, tmp_path: Path
) -> None:
    files = IdentityFiles.of(DatasetStore(Location.parse(tmp_path / "storage")), made_up.key)
    with facade_in(tmp_path):
        assert files.templates.is_file()
    os.utime(files.templates.local, (time.time() - 31 * 86_400,) * 2)
    with facade_in(tmp_path):  # without Dagster, too
        eventually(lambda: not files.folder.exists(), 60, "the templates to be deleted")
