"""A power cut right after a scan: what was not synchronized is gone. A copy of the disk image shows it, a kill does not."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.execution import scan_dataset
from tests.execution.conftest import profiles
from tests.execution.fake_engine import FakeEngines


@contextmanager
def mounted(image: Path, place: Path) -> Iterator[Path]:
    """A file system of an image; fails where the test may not mount: nothing else can show what a power cut leaves."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-o", "loop", image, place], capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(f"\nNOT TESTED: a power cut. Mounting an image needs root and loop devices: {done.stderr}\n")
        pytest.skip(f"NOT TESTED: a power cut; mounting needs root and loop devices ({done.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def cut(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """A function from the mounted disk to what is on it after a power cut at this moment."""
    with ExitStack() as stack:

        def copy(disk: Path) -> Path:
            copied = tmp_path / "after.img"
            shutil.copyfile(tmp_path / "disk.img", copied)  # without what only memory holds
            return stack.enter_context(mounted(copied, tmp_path / "after"))

        yield copy


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(48_000_000)
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("NOT TESTED: a power cut; mkfs.ext4 is not installed")

    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with mounted(image, tmp_path / "disk") as place:
        yield place


def test_published_scan_survives_a_power_cut(disk, cut, record, config):
    before = DatasetStore(Location.parse(disk / "home"))
    before.save(record)
    manifest = scan_dataset(before, record.key, settings=config, engines=FakeEngines())
    rows = profiles(before, record.key)
    after = DatasetStore(Location.parse(cut(disk) / "home"))
    assert after.record(record.key) == record
    assert after.manifest(record.key) == manifest
    assert profiles(after, record.key).equals(rows)
    log = disk / "log"
    assert scan_dataset(after, record.key, settings=config, engines=FakeEngines(str(log))) == manifest
    assert not log.exists()
    assert not list(after.home.local.rglob("*.arrow"))  # deleted last: a cut may bring parts back, a scan tidies up


def test_rescan_and_its_lists_survive_a_power_cut(disk, cut, record, folder, config):
    before = DatasetStore(Location.parse(disk / "home"))
    before.save(record)
    scan_dataset(before, record.key, settings=config, engines=FakeEngines())
    (folder / "new.jpg").write_bytes(b"face new")
    manifest = scan_dataset(before, record.key, settings=config, engines=FakeEngines())
    after = DatasetStore(Location.parse(cut(disk) / "home"))
    assert after.manifest(record.key) == manifest
    assert profiles(after, record.key).num_rows == 31


def test_data_set_that_was_just_made_survives_a_power_cut(disk, cut, record):
    DatasetStore(Location.parse(disk / "home")).save(record)
    assert DatasetStore(Location.parse(cut(disk) / "home")).record(record.key) == record
