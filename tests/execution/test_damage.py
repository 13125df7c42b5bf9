"""Every file of a data set cut, emptied or deleted by hand: the next scan makes it whole again; readers say what is damaged."""

import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from bqat_pipeline.datasets import DamagedDatasetError, DatasetRecord, DatasetStore
from bqat_pipeline.execution import scan, scan_dataset
from bqat_pipeline.execution.chunks import ScanContext
from bqat_pipeline.execution.compute import Compute
from bqat_pipeline.settings import Settings
from tests.execution.conftest import profiles
from tests.execution.fake_engine import FakeEngines

DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "deleted": lambda path: path.unlink(),
}


def files_of(folder: Path) -> dict[str, Path]:
    """Files of a data set by their place; one part stands for all."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock":
            parts = path.relative_to(folder).parts
            name = "/".join("part" if part.startswith("part-") else part for part in parts)
            found.setdefault(name, path)
    return found


@pytest.fixture
def again(store: DatasetStore, record: DatasetRecord, config: Settings) -> Callable[..., pa.Table]:
    """Scan and answer the published rows. In a thread: processes have no part in this, and take a second each time."""

    @contextmanager
    def compute(settings: Settings, context: ScanContext) -> Iterator[Compute]:
        with ThreadPoolExecutor(1) as pool:
            yield Compute(pool, lambda: 1)

    def run(**more: str) -> pa.Table:
        scan_dataset(store, record.key, settings=config, engines=FakeEngines(**more), compute=compute)
        return profiles(store, record.key)

    return run


def interrupted(monkeypatch: pytest.MonkeyPatch, again: Callable[..., pa.Table]) -> None:
    """A scan that ends when all parts are there and nothing is published."""
    with monkeypatch.context() as patch:
        patch.setattr(scan, "compact", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            again()


def heal_all(store: DatasetStore, record: DatasetRecord, again: Callable[..., pa.Table], rows: pa.Table) -> list[str]:
    """Damage tables in each way and other files in one; those that the next scan does not make good."""
    folder = store.folder(record.key).local
    kept = folder.with_name(f"{folder.name}.kept")
    shutil.copytree(folder, kept)
    bad = []
    for number, name in enumerate(files_of(folder)):
        ways = list(DAMAGE) if name.endswith(".parquet") else [list(DAMAGE)[number % len(DAMAGE)]]
        for how in ways:
            shutil.rmtree(folder)
            shutil.copytree(kept, folder)
            DAMAGE[how](files_of(folder)[name])
            try:
                whole = again().equals(rows)
            except Exception as error:
                whole = False
                bad.append(f"{name} {how}: {type(error).__name__}: {error}")
            if not whole:
                bad.append(f"{name} {how}")
    shutil.rmtree(kept)
    return bad


def test_any_damaged_file_of_a_published_data_set_is_made_again(store, record, again):
    rows = again()
    assert heal_all(store, record, again, rows) == []


def test_any_damaged_file_of_an_interrupted_scan_is_made_again(store, record, again, monkeypatch, tmp_path, folder):
    (folder / "000.jpg").write_bytes(b"face changed")
    rows = again()
    (folder / "000.jpg").write_bytes(b"face 000")
    interrupted(monkeypatch, again)  # a rescan: with rows taken over and a work list
    assert {"reused.parquet", "todo.parquet"} <= {Path(name).name for name in files_of(store.folder(record.key).local)}
    assert heal_all(store, record, again, _after(rows, again, store, record)) == []


def _after(rows: pa.Table, again: Callable[..., pa.Table], store: DatasetStore, record: DatasetRecord) -> pa.Table:
    """Rows that the interrupted scan will publish, from a copy of the data set."""
    folder = store.folder(record.key).local
    kept = folder.with_name(f"{folder.name}.before")
    shutil.copytree(folder, kept)
    result = again()
    shutil.rmtree(folder)
    kept.rename(folder)
    assert not result.equals(rows)
    return result


def test_rows_of_intact_files_are_not_measured_again(store, record, again, monkeypatch, tmp_path):
    interrupted(monkeypatch, again)
    damaged = files_of(store.folder(record.key).local)
    (part,) = [path for name, path in damaged.items() if name.endswith("/part")]
    DAMAGE["cut"](part)
    log = tmp_path / "log"
    again(log_path=str(log))
    assert 0 < len(log.read_text().splitlines()) < 30


def test_damaged_profiles_are_named_to_readers_and_made_again(store, record, again, caplog):
    rows = again()
    generation = store.current(record.key)
    DAMAGE["cut"](generation.profiles.local / "profiles-00000.parquet")
    fresh = DatasetStore(store.home)  # as after a restart: each reader looks once at each generation
    with pytest.raises(DamagedDatasetError, match="scan the data set again"):
        fresh.profiles(record.key)
    with caplog.at_level(logging.WARNING):
        scan_dataset(fresh, record.key, engines=FakeEngines(), settings=Settings(workers=1, _env_file=None))
    assert "profiles" in caplog.text
    assert profiles(fresh, record.key).equals(rows)


def test_rows_that_are_missing_are_not_believed(store, record, again):
    again()
    manifest = store.manifest(record.key)
    store.publish(record.key, manifest.model_copy(update={"rows": 31}))
    with pytest.raises(DamagedDatasetError, match="30 of 31 rows"):
        DatasetStore(store.home).profiles(record.key)


def test_damaged_record_and_copy_are_named(store, record, again):
    again()
    for name in ("dataset.json", "dataset.json.bak"):
        DAMAGE["cut"](store.folder(record.key).local / name)
    with pytest.raises(DamagedDatasetError, match=r"dataset\.json of set-.*restore the file"):
        store.record(record.key)
    store.delete(record.key)
    assert not store.folder(record.key).exists()


def test_what_was_damaged_of_a_record_is_kept(store, record, again):
    again()
    place = store.folder(record.key).local
    (place / "dataset.json").write_text('{"name": "an edit that went wrong"')
    assert again().num_rows == 30
    assert "went wrong" in (place / "dataset.json.damaged").read_text()
    assert store.record(record.key) == record
