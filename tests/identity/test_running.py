"""Templates and pairs of a data set: what is made again and what is not, and what never stays."""

import contextlib
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqat_pipeline.cli.identities import persons_lines
from bqat_pipeline.datasets import DamagedDatasetError, DatasetRecord, DatasetStore, Generation, UnknownDatasetError
from bqat_pipeline.datasets.identity_files import IdentityFiles, forget_expired_templates
from bqat_pipeline.datasets.scan_warnings import scan_warnings
from bqat_pipeline.execution.errors import ScanError
from bqat_pipeline.identity import making, running
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.finding import IdentityOptions
from bqat_pipeline.identity.running import find_identities, find_identities_of_scan
from bqat_pipeline.identity.searching import stored_templates
from bqat_pipeline.report.identities.counts import Identities
from bqat_pipeline.report.identities.counts import identities as counted
from bqat_pipeline.settings import Settings
from tests.identity.fake_templates import FakeTemplateEngines
from tests.identity.scans import opened, pairs, scanned


def test_pairs_are_found_and_only_new_files_are_opened_again(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines, folder: Path
) -> None:
    scanned(store, record, config)
    summary = find_identities(store, record.key, config, engines=engines)
    assert len(opened(engines)) == 25  # 27 files: one is a copy, one was not measured
    assert summary["templates"] == 25
    assert summary["without_template"] == {"turned_away": 1}
    without = store.found(record.key, "not_compared")
    assert without is not None
    reasons = {row["row"]: row["reason_code"] for row in without.to_table().to_pylist()}
    assert sorted(reasons.values()) == ["not_measured", "turned_away"]
    assert without.count_rows() == 27 - summary["templates"]
    found = pairs(store, record)
    assert found[0] == ("p05/0.jpg", "p05/2.jpg")  # the copy
    assert {("p00/0.jpg", "p00/1.jpg"), ("p03/1.jpg", "p07/0.jpg"), ("p03/1.jpg", "p07/1.jpg")} <= set(found)
    assert ("p03/0.jpg", "p03/1.jpg") not in found
    assert summary["pairs"] == len(found) == 11 + 2 + 2
    assert summary["groups"] == 11

    (folder / "p01" / "1.jpg").write_bytes(b"person 02 shot 5")
    (folder / "p02" / "0.jpg").unlink()
    (folder / "p02" / "1.jpg").rename(folder / "p02" / "moved.jpg")
    scanned(store, record, config)
    assert store.found(record.key, "identities") is None  # never that of other files
    find_identities(store, record.key, config, engines=engines)
    assert opened(engines) == ["person 02 shot 5"]
    assert ("p01/1.jpg", "p02/moved.jpg") in pairs(store, record)
    assert (
        len(stored_templates(store, record.key, config.identity_retention).templates) == 24
    )  # and none of the file that is gone


def test_an_interrupted_pass_goes_on_from_there(
    store: DatasetStore,
    record: DatasetRecord,
    config: Settings,
    engines: FakeTemplateEngines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned(store, record, config)
    original = making.measure

    def stopped(context, work, total, compute, size, progress):  # type: ignore[no-untyped-def]
        ticks = iter(range(100))
        add = progress.add

        def counted(done: int, failed: int = 0) -> None:
            add(done, failed)
            if next(ticks) == 1:
                raise KeyboardInterrupt

        progress.add = counted
        original(context, work, total, compute, size, progress)

    monkeypatch.setattr(making, "measure", stopped)
    with pytest.raises(KeyboardInterrupt):
        find_identities(store, record.key, config, engines=engines)
    monkeypatch.setattr(making, "measure", original)
    before = opened(engines)
    parts = list(IdentityFiles.of(store, record.key).work.parts.iterdir())
    assert parts
    assert list(forget_expired_templates(store, 0.0)) == []  # somebody may be at work
    find_identities(store, record.key, config, engines=engines)
    after = opened(engines)
    assert len(after) < 25
    assert set(before) | set(after) >= {f"person {number:02d} shot 0" for number in range(12)}
    assert len(pairs(store, record)) == 15
    assert not IdentityFiles.of(store, record.key).work.folder.exists()


def test_two_passes_over_one_data_set_take_turns(
    store: DatasetStore,
    record: DatasetRecord,
    config: Settings,
    engines: FakeTemplateEngines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned(store, record, config)
    both, original = Barrier(2), making.measure

    def together(*arguments: Any) -> None:
        with contextlib.suppress(BrokenBarrierError):
            both.wait(0.3)
        original(*arguments)

    monkeypatch.setattr(making, "measure", together)
    with ThreadPoolExecutor(2) as pool:
        one, other = (pool.submit(find_identities, store, record.key, config, engines=engines) for _ in range(2))
        assert one.result() == other.result()
    assert len(opened(engines)) == 25  # each file once


def test_a_picture_that_ends_its_worker_does_not_end_the_pass(
    store: DatasetStore,
    record: DatasetRecord,
    config: Settings,
    engines: FakeTemplateEngines,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned(store, record, config)
    (folder / "p09" / "1.jpg").write_bytes(b"crash")  # after the scan: it is opened for its template only
    find_identities(store, record.key, config, engines=engines)
    assert opened(engines).count("crash") == 3
    assert len(pairs(store, record)) == 14


def test_templates_are_nowhere_else_and_go_with_the_data_set(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines
) -> None:
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    files = IdentityFiles.of(store, record.key)
    home = store.home.local
    vector = stored_templates(store, record.key, config.identity_retention).templates.vectors[3].tobytes()
    assert files.templates.is_file()
    for path in home.rglob("*"):
        if path.is_file() and path != files.templates.local:
            assert vector not in path.read_bytes(), path
            assert "identities/" not in str(path.relative_to(store.folder(record.key).local)), path
    store.clear(record.key)
    assert not files.folder.exists()
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    store.delete(record.key)
    assert not files.folder.exists()


def test_a_data_set_that_is_deleted_meanwhile_leaves_no_template(
    store: DatasetStore,
    record: DatasetRecord,
    config: Settings,
    engines: FakeTemplateEngines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned(store, record, config)
    original = making.measure

    def deleted(*arguments) -> None:  # type: ignore[no-untyped-def]
        store.delete(record.key)
        original(*arguments)

    monkeypatch.setattr(making, "measure", deleted)
    with pytest.raises((LookupError, ValueError, ScanError, OSError)):
        find_identities(store, record.key, config, engines=engines)
    assert not store.folder(record.key).exists()


def test_templates_expire_by_their_own_retention_and_pairs_stay(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines
) -> None:
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    files = IdentityFiles.of(store, record.key)
    day = 86_400
    assert list(forget_expired_templates(store, 30 * day)) == []
    for path in (files.templates.local, files.templates.local.parent):
        os.utime(path, (time.time() - 31 * day,) * 2)
    assert list(forget_expired_templates(store, 30 * day)) == [record.key]
    assert not files.folder.exists()
    assert len(pairs(store, record)) == 15
    with pytest.raises(IdentityError, match="has no templates"):
        stored_templates(store, record.key, config.identity_retention)
    at_once = config.model_copy(update={"identity_retention": 0.0})
    assert find_identities(store, record.key, at_once, engines=engines)["pairs"] == 15
    assert not files.folder.exists()


def test_damaged_templates_are_made_again(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines, folder: Path
) -> None:
    scanned(store, record, config)
    wanted = find_identities(store, record.key, config, engines=engines)
    everything = opened(engines)
    stored = IdentityFiles.of(store, record.key).templates.local
    good = stored.read_bytes()
    table = pq.read_table(stored)
    no_numbers = np.full(128, np.nan, np.float16).tobytes()
    vectors = pa.array(
        [None if value is None else no_numbers for value in table["template"].to_pylist()], pa.binary(256)
    )
    garbage = bytearray(good)
    garbage[100 : len(garbage) // 2] = bytes(len(garbage) // 2 - 100)
    for damaged in (b"", good[: len(good) // 2], bytes(garbage)):
        stored.write_bytes(damaged)
        with pytest.raises((DamagedDatasetError, IdentityError)):
            stored_templates(store, record.key, config.identity_retention)
        assert find_identities(store, record.key, config, engines=engines) == wanted
        assert opened(engines) == everything
    pq.write_table(table.set_column(2, table.schema.field(2), vectors), stored)
    assert find_identities(store, record.key, config, engines=engines) == wanted


def test_what_a_killed_process_left_half_written_is_deleted_by_the_next_scan(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines
) -> None:
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    files = IdentityFiles.of(store, record.key)
    (files.folder.local / ".templates.parquet.123-abcdef.tmp").write_bytes(files.templates.read_bytes())
    find_identities(store, record.key, config, engines=engines)
    assert [path.name for path in files.folder.local.iterdir()] == ["templates.parquet"]


def test_a_scan_goes_on_without_the_model_and_keeps_what_was_found_before(
    store: DatasetStore,
    record: DatasetRecord,
    config: Settings,
    engines: FakeTemplateEngines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned(store, record, config)
    (tmp_path / "other.dat").write_bytes(bytes(22_466_066))
    for model, said in ((tmp_path / "other.dat", "is not the known identity model"), (tmp_path, "Is a directory")):
        chosen = config.model_copy(update={"identity_model": str(model)})
        assert said in find_identities_of_scan(store, record.key, chosen)["problem"]
        assert store.found(record.key, "identities") is None
    with monkeypatch.context() as patched:
        patched.setattr(running, "IdentityOptions", partial(IdentityOptions, limit=23))
        summary = find_identities_of_scan(store, record.key, config, engines=engines)
    assert summary == {"problem": "there are 24 different pictures, and up to 23 are compared each with each"}
    generation = store.current(record.key)  # nobody says that no two pictures are alike
    assert generation is not None and generation.found("identities") is None
    assert counted(generation) == Identities(problem=summary["problem"])
    assert "problem" not in find_identities_of_scan(store, record.key, config, engines=engines)
    IdentityFiles.of(store, record.key).forget()
    summary = find_identities_of_scan(store, record.key, chosen)
    assert said in summary["problem"] and summary["pairs"] == len(pairs(store, record)) == 15
    assert scan_warnings(store, record.key, store.manifest(record.key), identities=False) == []
    assert len(scan_warnings(store, record.key, store.manifest(record.key), identities=True)) == 1
    folder = store.folder(record.key).local
    shutil.copytree(folder, tmp_path / "kept")
    store.delete(record.key)
    with pytest.raises(UnknownDatasetError):
        find_identities_of_scan(store, record.key, chosen)
    assert not folder.exists()
    shutil.move(tmp_path / "kept", folder)  # restored; the mark of its deletion is still there
    assert said in find_identities_of_scan(store, record.key, chosen)["problem"]


def test_a_data_set_that_is_deleted_while_a_problem_is_noted_does_not_come_back(
    store: DatasetStore, record: DatasetRecord, config: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scanned(store, record, config)
    write = Generation.write_details

    def deleted(*arguments: Any) -> None:
        store.delete(record.key)
        write(*arguments)

    monkeypatch.setattr(Generation, "write_details", deleted)
    find_identities_of_scan(store, record.key, config.model_copy(update={"identity_model": str(tmp_path)}))
    assert not store.folder(record.key).exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pairs": 3}, "3 pairs among 1,200 compared pictures may show one person; `bqat identities x` lists them"),
        ({"pairs": 0}, "no two different files of 1,200 compared may show one person"),
        ({"pairs": 0, "compared": 0}, "not looked for: there is no template of two pictures"),
        ({"pairs": 9, "note": "only the 9 closest pairs are kept"}, "more than 9 pairs among 1,200 compared pictures"),
        (
            {"pairs": 3, "problem": "no model"},
            "may show one person (found by an earlier scan of these pictures); `bqat",
        ),
    ],
)
def test_scan_and_show_say_what_the_count_of_pairs_is_of(changes: dict[str, Any], said: str) -> None:
    summary = {"dataset": "x", "compared": 1200, "pairs": 0, "note": None, "problem": None} | changes
    line, *more = persons_lines(summary)
    assert said in line and more == [f"           {summary['note']}"] * bool(summary["note"])
