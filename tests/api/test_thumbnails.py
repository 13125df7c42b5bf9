"""Small pictures: kept on disk within a limit, made by processes that may die, as private as the operator wants."""

import io
from pathlib import Path

import pytest
from PIL import Image

import bqat_pipeline.execution.thumbnails as thumbnails_module
from bqat_pipeline.datasets import DatasetStore, Source
from bqat_pipeline.execution import scan_dataset
from bqat_pipeline.execution.thumbnail_cache import ThumbnailCache
from bqat_pipeline.settings import Settings
from tests.api.conftest import Facade
from tests.api.pictures import portrait
from tests.face.pictures import with_damaged_exif


def scanned(folder: Path, store: DatasetStore, files: dict[str, bytes]) -> str:
    """Route of the profiles of a data set of these files, really scanned."""
    place = folder / "data" / "helen"
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / name).write_bytes(content)
    record = store.create("helen", [Source(uri=str(place), prefix="data/helen")])
    scan_dataset(store, record.key, settings=Settings(_env_file=None, state=folder / "state", workers=1))
    return f"/v1/datasets/{record.key}/profiles"


def kept(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in (folder / "state" / "thumbnails").rglob("*.webp"))


def test_small_picture_is_made_once_and_gone_with_its_file(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    route = scanned(tmp_path, store, {"1.jpg": portrait()})
    with facade_in(tmp_path) as client:
        first = client.get(f"{route}/0/thumbnail")
        assert first.status_code == 200 and Image.open(io.BytesIO(first.content)).format == "WEBP"
        (entry,) = kept(tmp_path)
        (tmp_path / entry).write_bytes(b"from the cache")
        assert client.get(f"{route}/0/thumbnail").content == b"from the cache"
        assert client.get(f"{route}/0/thumbnail?size=64").content not in (b"from the cache", first.content)
        (tmp_path / "data" / "helen" / "1.jpg").unlink()
        assert client.get(f"{route}/0/thumbnail").status_code == 404


def test_file_with_other_bytes_than_were_scanned_is_not_kept(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    route = scanned(tmp_path, store, {"1.jpg": portrait()})
    (tmp_path / "data" / "helen" / "1.jpg").write_bytes(portrait() + b"changed")
    with facade_in(tmp_path) as client:
        assert client.get(f"{route}/0/thumbnail").status_code == 200
        assert kept(tmp_path) == []


def test_no_mode_serves_what_another_one_kept(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    route = scanned(tmp_path, store, {"1.jpg": portrait()})
    with facade_in(tmp_path) as client:
        plain = client.get(f"{route}/0/thumbnail").content
    assert [entry.split("/")[2] for entry in kept(tmp_path)] == ["full"]
    with facade_in(tmp_path, thumbnails="blurred") as client:
        assert kept(tmp_path) == []
        blurred = client.get(f"{route}/0/thumbnail").content
        assert blurred != plain
    with facade_in(tmp_path, thumbnails="none") as client:
        assert kept(tmp_path) == []
        assert client.get(f"{route}/0/thumbnail").status_code == 404
    with facade_in(tmp_path, thumbnail_cache=0) as client:
        assert client.get(f"{route}/0/thumbnail").content == plain and kept(tmp_path) == []


def test_picture_with_damaged_exif_is_shown_upright(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    route = scanned(tmp_path, store, {"1.jpg": with_damaged_exif((60, 40))})
    with facade_in(tmp_path) as client:
        answer = client.get(f"{route}/0/thumbnail")
        assert answer.status_code == 200
        assert Image.open(io.BytesIO(answer.content)).size == (40, 60)


def test_purge_removes_what_is_kept(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    route = scanned(tmp_path, store, {"1.jpg": portrait()})
    with facade_in(tmp_path) as client:
        client.get(f"{route}/0/thumbnail")
        assert kept(tmp_path)
        client.app.state.services.thumbnails.forget()  # type: ignore[attr-defined] - the route needs Dagster
        assert not kept(tmp_path)


def _ends_the_process(*_: object) -> bytes:
    import os

    os.kill(os.getpid(), 9)
    return b""


def test_picture_that_ends_its_process_costs_one_answer(
    facade_in: Facade, tmp_path: Path, store: DatasetStore, monkeypatch: pytest.MonkeyPatch
):
    route = scanned(tmp_path, store, {"1.jpg": portrait(), "2.jpg": portrait() + b"2"})
    with facade_in(tmp_path) as client:
        with monkeypatch.context() as patched:
            patched.setattr(thumbnails_module, "_make", _ends_the_process)
            refused = client.get(f"{route}/0/thumbnail")
        assert refused.status_code == 404 and "ended the process" in refused.json()["detail"]
        assert client.get(f"{route}/0/thumbnail").status_code == 404  # not tried again
        assert client.get(f"{route}/1/thumbnail").status_code == 200


def test_cut_off_picture_is_shown_as_far_as_it_goes(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    whole = portrait()
    route = scanned(tmp_path, store, {"1.jpg": whole[: len(whole) * 2 // 3]})
    with facade_in(tmp_path) as client:
        assert client.get(f"{route}/0/thumbnail").status_code == 200


def test_cache_keeps_the_most_recently_used_within_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bqat_pipeline.execution.thumbnail_cache._NOTED", -1.0)
    cache = ThumbnailCache(tmp_path, 10 * 4096)
    names = [f"{number:064x}-160.webp" for number in range(20)]
    for name in names[:10]:
        cache.put(name, b"x" * 4000)
    assert cache.get(names[0]) == b"x" * 4000  # used again, so it is not the oldest any more
    cache.put(names[10], b"x" * 4000)
    assert cache.get(names[0]) is not None and cache.get(names[10]) is not None and cache.get(names[1]) is None
    for name in names:
        cache.put(name, b"x" * 4000)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.webp")) <= 10 * 4096
    cache.put("../outside", b"x")
    cache.put(names[0], b"x" * 100_000)  # larger than the whole cache
    assert not (tmp_path.parent / "outside").exists() and cache.get("../outside") is None
