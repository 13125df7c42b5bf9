"""A rescan measures what changed and nothing else."""

import os

import pytest

from bqat_pipeline.columns import Column, ColumnSet, columns_for
from bqat_pipeline.datasets import ScanOptions, Source
from bqat_pipeline.datasets.records import Changes
from bqat_pipeline.execution import plan, scan_dataset
from tests.execution.conftest import by_file, profiles
from tests.execution.fake_engine import FakeEngines

OLD = 1_600_000_000  # long before any listing


@pytest.fixture
def scan(store, record, config, folder, tmp_path):
    """Function that scans, and answers the manifest and the beginnings of the files that were analysed."""
    log = tmp_path / "engine.log"

    for path in folder.iterdir():
        os.utime(path, (OLD, OLD))

    def run(**more):
        log.write_bytes(b"")
        chosen = {"settings": config, **more}
        manifest = scan_dataset(store, record.key, engines=FakeEngines(str(log)), **chosen)
        return manifest, log.read_text().splitlines()

    return run


def test_unchanged_folder_is_not_measured_again(scan):
    first, analysed = scan()
    assert len(analysed) == 30
    second, analysed = scan()
    assert (second, analysed) == (first, [])


def test_only_new_and_changed_files_are_measured(scan, folder, store, record):
    scan()
    (folder / "003.jpg").write_bytes(b"face changed")
    (folder / "added.jpg").write_bytes(b"face added")
    (folder / "007.jpg").unlink()
    manifest, analysed = scan()
    assert sorted(analysed) == ["face added", "face changed"]
    assert manifest.changes == Changes(new=1, changed=1, unchanged=28, moved=0, vanished=1)
    assert (manifest.rows, profiles(store, record.key)["row"].to_pylist()) == (30, list(range(30)))
    assert by_file(store, record.key)["003.jpg"]["image_width"] == len(b"face changed")


def test_moved_files_keep_their_measures(scan, folder, store, record):
    scan()
    (folder / "sub").mkdir()
    for name in ("004.jpg", "005.jpg"):
        (folder / name).rename(folder / "sub" / name)
    manifest, analysed = scan()
    assert analysed == []
    assert manifest.changes == Changes(unchanged=28, moved=2)
    row = by_file(store, record.key)["sub/004.jpg"]
    assert (row["folder"], row["status"]) == ("sub", "ok")


def test_touched_file_is_recognised_by_its_content(scan, folder):
    scan()
    os.utime(folder / "009.jpg")
    manifest, analysed = scan()
    assert analysed == []
    assert manifest.changes == Changes(unchanged=30)


def test_same_size_and_time_do_not_hide_a_change_made_around_the_listing(scan, folder, store, record):
    """A time stamp as young as the listing proves nothing: a later change could have left the same one."""
    path = folder / "010.jpg"
    path.write_bytes(b"face 010")
    moment = path.stat().st_mtime
    scan()
    path.write_bytes(b"face 999")
    os.utime(path, (moment, moment))
    (folder / "other.jpg").write_bytes(b"face other")
    _, analysed = scan()
    assert sorted(analysed) == ["face 999", "face other"]


def test_copy_of_a_known_file_is_new_but_not_measured(scan, folder):
    scan()
    (folder / "copy.jpg").write_bytes((folder / "000.jpg").read_bytes())
    manifest, analysed = scan()
    assert analysed == []
    assert manifest.changes == Changes(new=1, unchanged=30)


def test_two_files_that_swap_names_are_told_apart(scan, folder, store, record):
    scan()
    before = by_file(store, record.key)
    (folder / "000.jpg").rename(folder / "x")
    (folder / "001.jpg").rename(folder / "000.jpg")
    (folder / "x").rename(folder / "001.jpg")
    os.utime(folder / "000.jpg", (OLD + 5, OLD + 5))
    os.utime(folder / "001.jpg", (OLD + 6, OLD + 6))
    scan()
    after = by_file(store, record.key)
    assert after["000.jpg"]["sha256"] == before["001.jpg"]["sha256"]
    assert after["001.jpg"]["sha256"] == before["000.jpg"]["sha256"]


def test_files_that_ended_their_worker_get_another_chance(scan, folder):
    (folder / "bad.jpg").write_bytes(b"crash")
    os.utime(folder / "bad.jpg", (OLD, OLD))
    first, _ = scan()
    assert first.counts["crashed"] == 1
    (folder / "new.jpg").write_bytes(b"face new")
    second, analysed = scan()
    assert (second.counts["crashed"], analysed) == (1, ["face new"])


@pytest.mark.parametrize(
    ("word", "status"), [("crash", "crashed"), ("hang", "timeout"), ("memory", "crashed"), ("trip", "crashed")]
)
def test_rows_of_a_passing_trouble_are_tried_again_though_nothing_changed(
    scan, folder, config, tmp_path, word, status, store, record
):
    mended = tmp_path / "mended"
    (folder / "bad.jpg").write_bytes(f"until {mended} {word}".encode())
    os.utime(folder / "bad.jpg", (OLD, OLD))
    limits = {"settings": config.model_copy(update={"image_timeout": 1.0, "worker_memory": 1_000_000_000})}
    first, _ = scan(**limits)
    assert first.counts == {"ok": 30, status: 1}
    mended.touch()
    second, analysed = scan(**limits)
    assert (second.counts, len(analysed)) == ({"ok": 31}, 1)
    assert second.changes == Changes(unchanged=31)
    assert (second.previous, by_file(store, record.key)["bad.jpg"]["reason_code"]) == (first.generation, None)
    assert scan(**limits) == (second, [])


def test_trouble_that_stays_leaves_the_results_as_they_are(scan, folder, store, record):
    (folder / "bad.jpg").write_bytes(b"crash")
    first, _ = scan()
    for _ in range(2):
        assert scan() == (first, [])
        assert store.generations(record.key) == [first.generation]


def test_file_that_the_listing_does_not_find_is_not_tried_for_ever(store, folder, config):
    record = store.create("named", [Source(uri=str(folder), prefix="data/set", files=["000.jpg", "gone.jpg"])])
    first = scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    assert first.counts == {"ok": 1, "vanished": 1}
    (folder / "gone.jpg").write_bytes(b"face here")
    second = scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    assert second.counts == {"ok": 2}


def test_forced_scan_measures_everything(scan):
    scan()
    manifest, analysed = scan(salt="again")
    assert len(analysed) == 30
    assert manifest.changes == Changes(unchanged=30)
    assert scan() == (manifest, [])


def test_folder_as_it_once_was_is_published_again_without_work(scan, folder):
    first, _ = scan()
    (folder / "extra.jpg").write_bytes(b"face extra")
    second, _ = scan()
    (folder / "extra.jpg").unlink()
    third, analysed = scan()
    assert analysed == []
    assert (third.generation, third.previous) == (first.generation, second.generation)
    assert third.changes == Changes(unchanged=30, vanished=1)  # since the scan before, not since the first one


def test_other_requirements_give_new_verdicts_without_measuring(scan, store, record):
    first, _ = scan()
    store.save(record.model_copy(update={"requirements": "enrolment-relaxed"}))
    second, analysed = scan()
    assert analysed == []
    assert second.generation != first.generation
    assert second.rows == 30


def test_only_the_generation_before_is_kept(scan, folder, store, record):
    made = []
    for number in range(4):
        (folder / f"more{number}.jpg").write_bytes(b"face more %d" % number)
        made.append(scan()[0].generation)
    assert set(store.generations(record.key)) == set(made[-2:])


def test_columns_name_the_rows_and_those_of_before_leave_the_stored_digest(monkeypatch):
    digest = columns_for("ofiq").digest
    monkeypatch.setattr(plan, "_FIRST_COLUMNS", {digest})
    stored = "cf68093589401e0efa3955a85ac5055a00b3a59d17f6ac2bffe6e6c610871e39"
    assert plan.rows_digest("ofiq-beae545f6e3e0542", ScanOptions(engine="ofiq")) == stored
    assert plan.rows_digest("ofiq-beae545f6e3e0542", ScanOptions(engine="biqt")) != stored
    backwards = ColumnSet(reversed(list(columns_for("ofiq"))))
    assert backwards.digest == digest
    for changed in (Column("new", "int", ""), Column("new", "float", "")):
        assert ColumnSet((*backwards, changed)).digest != digest
    assert ColumnSet([Column("new", "int", "")]).digest != ColumnSet([Column("new", "float", "")]).digest
