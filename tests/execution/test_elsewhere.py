"""Rows of another data set with the same pictures are taken over, and belong to the one that took them."""

import shutil

import pytest

from bqat_pipeline.datasets import Source
from bqat_pipeline.execution import reuse, scan_dataset
from tests.execution.conftest import by_file
from tests.execution.fake_engine import FakeEngines


@pytest.fixture
def scan(store, config, tmp_path):
    """Function that scans a data set, and answers the manifest and how many files were analysed."""
    log = tmp_path / "engine.log"

    def run(record, **more):
        log.write_bytes(b"")
        manifest = scan_dataset(store, record.key, engines=FakeEngines(str(log)), settings=config, **more)
        return manifest, len(log.read_text().splitlines())

    return run


def again(store, folder, name="set"):
    return store.create(name, [Source(uri=str(folder), prefix=f"data/{name}")])


@pytest.mark.parametrize("name", ["set", "other"])
def test_rows_are_taken_over_by_content_and_survive_the_other_data_set(scan, store, record, folder, name):
    first, _ = scan(record)
    (folder / "new.jpg").write_bytes(b"face new")
    second = again(store, folder, name)
    manifest, analysed = scan(second)
    assert (manifest.rows, analysed) == (31, 1)
    assert (manifest.changes.new, manifest.counts["ok"]) == (31, first.counts["ok"] + 1)
    store.delete(record.key)
    rows = by_file(store, second.key)
    assert len(rows) == 31 and all(file.startswith("data/other/") for file in rows) == (name == "other")
    assert scan(second)[1] == 0


def test_copies_in_another_folder_are_not_measured_again(scan, store, record, folder, tmp_path):
    scan(record)
    shutil.copytree(folder, tmp_path / "data" / "copy")
    assert scan(again(store, tmp_path / "data" / "copy", "copy"))[1] == 0


def test_pictures_of_sizes_that_no_other_data_set_has_are_measured_without_a_join(
    scan, store, record, folder, tmp_path, monkeypatch
):
    scan(record)
    (tmp_path / "data" / "new").mkdir()
    (tmp_path / "data" / "new" / "one.jpg").write_bytes(b"face " + bytes(999_983))
    with monkeypatch.context() as context:
        context.setattr("bqat_pipeline.execution.reuse.open_database", lambda: pytest.fail("a join for nothing"))
        assert scan(again(store, tmp_path / "data" / "new", "new"))[1] == 1


def test_forced_scan_takes_nothing(scan, store, record, folder):
    scan(record)
    assert scan(again(store, folder), salt="afresh")[1] == 30


def test_damaged_neighbour_does_no_harm(scan, store, record, folder):
    scan(record)
    (profiles,) = store.folder(record.key).local.glob("*/profiles/*.parquet")
    profiles.write_bytes(profiles.read_bytes()[:100])
    manifest, analysed = scan(again(store, folder))
    assert (manifest.rows, analysed) == (30, 30)


def test_neighbour_that_is_deleted_while_its_rows_are_looked_up_does_no_harm(scan, store, record, folder, monkeypatch):
    scan(record)
    second = again(store, folder)

    entered = reuse._Join.__enter__

    def then_deleted(join: reuse._Join) -> reuse._Join:
        entered(join)
        store.delete(record.key)
        return join

    monkeypatch.setattr(reuse._Join, "__enter__", then_deleted)
    manifest, analysed = scan(second)
    assert (manifest.rows, analysed) == (30, 30)
