"""What cannot be read is never taken for absent, and no change of a file stays unseen."""

import json
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.datasets.records import Changes
from bqat_pipeline.execution import EmptySourceError, scan_dataset
from tests.execution.conftest import by_file
from tests.execution.fake_engine import FakeEngines
from tests.processes import bound_by_modes

OLD = 1_600_000_000  # long before any listing


@pytest.fixture
def log(tmp_path):
    return tmp_path / "engine.log"


@pytest.fixture
def scan(store, record, config, log):
    """Function that scans, and answers the manifest and the beginnings of the files that were analysed."""

    def run(**more):
        log.write_bytes(b"")
        manifest = scan_dataset(store, record.key, settings=config, engines=FakeEngines(str(log)), **more)
        return manifest, log.read_text().splitlines()

    return run


@pytest.fixture
def restricted(store, record, log):
    """Function that scans in a process that the modes of files bind, and answers its standard error."""

    def run():
        chosen = json.dumps({"workers": 2, "chunk_size": 5})
        command = [sys.executable, "-m", "tests.execution.run_scan", str(store.home), record.key, str(log), chosen]
        return subprocess.run([*bound_by_modes(), *command], capture_output=True, text=True).stderr

    return run


@pytest.fixture
def below(folder):
    """A folder of three of the thirty files."""
    place = folder / "below" / "deep"
    place.mkdir(parents=True)
    for name in ("010.jpg", "011.jpg", "012.jpg"):
        (folder / name).rename(place / name)
    return place


@pytest.mark.parametrize("which", ["the folder itself", "the one above"])
def test_folder_that_cannot_be_read_is_named_and_its_rows_stay(scan, restricted, store, record, below, folder, which):
    scan()
    closed = below if which == "the folder itself" else below.parent
    (folder / "000.jpg").unlink()
    closed.chmod(0)
    try:
        assert restricted() == ""
    finally:
        closed.chmod(0o700)
    manifest = store.manifest(record.key)
    name = f"data/set/{closed.relative_to(folder)}"
    passed = manifest.passed_over
    assert (passed.unreadable_folders, passed.unreadable_folder_names, passed.kept_files) == (1, [name], 3)
    assert passed.warnings() == [
        f"1 folder could not be read (Permission denied): {name}; "
        "3 files of an earlier scan below them stay as unreadable"
    ]
    assert manifest.changes == Changes(unchanged=26, vanished=1, unreadable=3)
    row = by_file(store, record.key)["below/deep/011.jpg"]
    assert (row["status"], row["reason_code"]) == ("unreadable", "folder_unreadable")
    assert (row["brightness"], row["file_size"], row["verdict"]) == (None, 8, "not_assessed")
    healed, analysed = scan()
    assert (healed.counts, analysed) == ({"ok": 29}, [])
    assert healed.passed_over.warnings() == []
    assert healed.changes == Changes(unchanged=29)


# Lets `os.scandir` fail in a process as it does on a broken disk.
BROKEN = """
import errno, os, runpy, sys
folder = sys.argv.pop(1)
def fail(event, arguments):
    # By name only where it is one: the pool of workers lists folders by descriptors.
    if event == "os.scandir" and isinstance(arguments[0], bytes) and arguments[0].rstrip(b"/") == os.fsencode(folder):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
sys.addaudithook(fail)
runpy.run_module("tests.execution.run_scan", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("which", ["below", "all"])
def test_disk_that_fails_while_a_folder_is_listed_costs_no_row(scan, store, record, folder, below, log, which):
    first, _ = scan()
    broken = below if which == "below" else folder
    command = [sys.executable, "-c", BROKEN, str(broken), str(store.home), record.key, str(log), '{"workers": 1}']
    error = subprocess.run(command, capture_output=True, text=True).stderr
    manifest = store.manifest(record.key)
    if which == "all":
        assert "Input/output error" in error and manifest == first
        return
    assert error == ""
    assert manifest.passed_over.warnings() == [
        "1 folder could not be read (Input/output error): data/set/below/deep; "
        "3 files of an earlier scan below them stay as unreadable"
    ]
    assert manifest.counts == {"ok": 27, "unreadable": 3}
    healed, measured = scan()
    assert healed.counts == {"ok": 30} and not measured


def test_folder_that_never_could_be_read_is_named(restricted, store, record, below):
    below.chmod(0)
    try:
        assert restricted() == ""
    finally:
        below.chmod(0o700)
    manifest = store.manifest(record.key)
    assert (manifest.rows, manifest.passed_over.unreadable_folder_names) == (27, ["data/set/below/deep"])


def test_source_that_cannot_be_read_fails_the_scan_and_results_stay(scan, restricted, store, record, folder):
    first, _ = scan()
    folder.chmod(0)
    try:
        assert f"{folder} cannot be read: Permission denied" in restricted()
    finally:
        folder.chmod(0o700)
    assert store.manifest(record.key) == first


def test_source_that_is_suddenly_empty_fails_the_scan_unless_it_is_meant(scan, store, record, folder):
    first, _ = scan()
    away = folder.with_name("away")
    folder.rename(away)
    folder.mkdir()
    for _ in range(2):
        with pytest.raises(EmptySourceError, match=r"set is empty, and held 30 files before; is it mounted\?"):
            scan()
    assert store.manifest(record.key) == first
    emptied, _ = scan(allow_empty=True)
    assert (emptied.rows, emptied.changes) == (0, Changes(vanished=30))
    assert scan()[0] == emptied
    folder.rmdir()
    with pytest.raises(FileNotFoundError, match="is it mounted"):
        scan()
    away.rename(folder)
    assert scan()[0].counts == {"ok": 30}


def test_scan_that_never_ended_knows_what_its_source_held(store, record, config, folder):
    from bqat_pipeline.execution import Scanner

    scanner = Scanner(store, config, FakeEngines())
    scanner.list(record.key)
    folder.rename(folder.with_name("away"))
    folder.mkdir()
    with pytest.raises(EmptySourceError):
        scanner.list(record.key)


@pytest.mark.parametrize("how", ["in place", "by another file"])
def test_file_rewritten_with_its_old_time_and_size_is_measured_again(scan, store, record, folder, how):
    """As ``exiftool -P`` and ``rsync -t`` do."""
    path = folder / "010.jpg"
    for file in folder.iterdir():
        os.utime(file, (OLD, OLD))
    scan()
    if how == "in place":
        path.write_bytes(b"face 999")
        os.utime(path, (OLD, OLD))
    else:
        other = folder / ".010.jpg.x"
        other.write_bytes(b"face 999")
        os.utime(other, (OLD, OLD))
        other.rename(path)
    manifest, analysed = scan()
    assert analysed == ["face 999"]
    assert manifest.changes == Changes(changed=1, unchanged=29)


def test_file_whose_properties_alone_changed_is_not_measured_again(scan, folder):
    scan()
    (folder / "010.jpg").chmod(0o600)
    manifest, analysed = scan()
    assert (manifest.changes, analysed) == (Changes(unchanged=30), [])


def test_image_table_of_an_earlier_version_is_read(scan, store: DatasetStore, record, folder):
    for file in folder.iterdir():
        os.utime(file, (OLD, OLD))
    scan()
    table = store.current(record.key).images.local
    pq.write_table(pq.read_table(table).drop(["changed", "inode"]), table)
    (folder / "new.jpg").write_bytes(b"face new")
    manifest, analysed = scan()
    assert (manifest.changes, analysed) == (Changes(new=1, unchanged=30), ["face new"])


def test_files_that_are_no_rows_are_counted_also_when_nothing_else_changed(scan, folder):
    first, _ = scan()
    assert (first.passed_over.warnings(), first.passed_over.notes()) == ([], [])
    (folder / "notes.txt").write_text("no picture")
    (folder / "photo.jpg.part").write_bytes(b"\xff\xd8\xff\xe0 and so on")
    second, analysed = scan()
    assert (second.generation, second.created, analysed) == (first.generation, first.created, [])
    assert second.passed_over.warnings() == [
        "2 other files were passed over, of which 1 begins like a picture: data/set/photo.jpg.part; "
        "give them an extension that is taken up"
    ]
    (folder / "photo.jpg.part").unlink()
    assert scan()[0].passed_over.notes() == ["1 other file was passed over"]


def test_forced_scan_that_was_interrupted_goes_on(store, record, config, log):
    from bqat_pipeline.execution import Scanner

    scanner = Scanner(store, config, FakeEngines(str(log)))
    first = scanner.list(record.key, salt="run 1").generation
    assert scanner.list(record.key, salt="run 2").generation == first
    scanner.measure(record.key)
    assert scanner.list(record.key, salt="run 3").generation != first
