"""Errors of the storage that pass: nothing is taken for absent, and nothing is deleted that nobody asked to delete."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bqat_pipeline.datasets import DatasetStore, Location, UnknownDatasetError, UnreadableDatasetError
from bqat_pipeline.datasets.deletions import Deletions
from bqat_pipeline.execution import ScanError, scan_dataset
from tests.execution.conftest import profiles
from tests.execution.fake_engine import FakeEngines
from tests.execution.test_faults import background

Break = Callable[[str], None]


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> Iterator[Break]:
    """A function that lets all reads of files of a name fail, as a network file system does; of no name: none."""
    real, broken = Location.read_bytes, [""]

    def read(self: Location) -> bytes:
        if broken[0] and self.name == broken[0]:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return real(self)

    monkeypatch.setattr(Location, "read_bytes", read)

    def choose(name: str) -> None:
        broken[0] = name

    yield choose


@pytest.fixture
def running(store, record, folder, config, tmp_path) -> Callable[[], tuple[Path, Callable]]:
    """A function that scans a finished data set again, up to a new file that waits at a pipe."""
    scan_dataset(store, record.key, settings=config, engines=FakeEngines())

    def start():
        pipe = tmp_path / "gate"
        os.mkfifo(pipe)
        (folder / "new.jpg").write_bytes(b"gate %b" % os.fsencode(pipe))
        return pipe, background(scan_dataset, store, record.key, settings=config, engines=FakeEngines())

    return start


def files(store: DatasetStore) -> set[Path]:
    return {path for path in store.home.local.rglob("*") if path.is_file()}


def test_unreadable_record_during_a_scan_deletes_nothing(store, record, config, running, stale):
    before = files(store)
    pipe, result = running()
    with pipe.open("wb"):
        stale("dataset.json")
    with pytest.raises(ScanError, match=r"dataset\.json of set-.* cannot be read now: Stale file handle"):
        result()
    stale("")
    assert before <= files(store)
    assert profiles(store, record.key).num_rows == 30
    assert scan_dataset(store, record.key, settings=config, engines=FakeEngines()).rows == 31


def test_half_saved_record_during_a_scan_deletes_nothing(store, record, running):
    pipe, result = running()
    place = store.folder(record.key).local / "dataset.json"
    with pipe.open("wb"):
        place.write_bytes(place.read_bytes()[:40])
    assert result().rows == 31
    assert profiles(store, record.key).num_rows == 31


@pytest.mark.parametrize("name", ["manifest.json", "dataset.json", "plan.json"])
def test_unreadable_file_is_an_answer_of_its_own(store, record, config, stale, name):
    scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    before = files(store)
    stale(name)
    if name != "plan.json":
        with pytest.raises(UnreadableDatasetError):
            store.manifest(record.key) if name == "manifest.json" else list(store.records())
    with pytest.raises((ScanError, UnreadableDatasetError)):
        scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    stale("")
    assert files(store) == before


def test_error_that_passes_at_once_is_not_noticed(store, record, monkeypatch):
    real, left = Location.read_bytes, [2]

    def read(self: Location) -> bytes:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(self)

    monkeypatch.setattr(Location, "read_bytes", read)
    assert store.record(record.key) == record


def test_data_set_whose_folder_was_removed_by_hand_is_not_published(store, record, running):
    pipe, result = running()
    with pipe.open("wb"):
        shutil.rmtree(store.folder(record.key).local)
    with pytest.raises((UnknownDatasetError, ScanError)):
        result()
    assert store.manifest(record.key) is None


def test_deletion_is_marked_so_that_a_scan_cleans_up_and_a_new_data_set_is_not_meant(
    store, record, folder, config, running
):
    pipe, result = running()
    with pipe.open("wb"):
        store.delete(record.key)
    with pytest.raises(UnknownDatasetError, match="deleted"):
        result()
    assert not store.folder(record.key).exists()
    (folder / "new.jpg").write_bytes(b"waits no longer")  # nobody opens its pipe again
    again = store.create("set", record.sources, collection=record.id)
    assert again.key == record.key
    assert scan_dataset(store, again.key, settings=config, engines=FakeEngines()).rows == 31
    assert store.finish_deletions() == 0
    assert store.folder(again.key).exists()


def test_restored_data_set_outlives_its_mark(store, record, config, running):
    Deletions(store.home / "deleted").mark(record.key, record.created)  # deleted once, and restored from a backup
    assert scan_dataset(store, record.key, settings=config, engines=FakeEngines()).rows == 30
    assert store.finish_deletions() == 0


def test_rest_of_an_interrupted_deletion_is_no_data_set_and_goes(store, record, running):
    Deletions(store.home / "deleted").mark(record.key, record.created)
    (store.folder(record.key) / "dataset.json").delete()
    with pytest.raises(UnknownDatasetError):
        store.record(record.key)
    assert store.finish_deletions() == 1
    assert not store.folder(record.key).exists()


def test_home_is_for_its_user_only(store, record):
    assert store.home.local.stat().st_mode & 0o077 == 0
