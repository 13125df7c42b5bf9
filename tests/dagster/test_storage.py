"""What Dagster stores of the embedded deployment: SQLite files that stay open, and what steps print."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage


@dg.asset
def listed(context: dg.AssetExecutionContext) -> None:
    context.log.info("said in a run")


def said(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    records = instance.get_records_for_run(run_id).records
    return [record.event_log_entry.user_message for record in records if record.event_log_entry.level == 20]


def dagsters_own(state: Path) -> dg.DagsterInstance:
    """An instance on the same files, by Dagster's `storage: sqlite`."""
    settings: dict[str, Any] = {"storage": {"sqlite": {"base_dir": str(state)}}, "telemetry": {"enabled": False}}
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(state), overrides=settings))


def test_runs_of_dagsters_own_storage_are_read_and_the_other_way_round(
    embedded: dg.DagsterInstance, environment: Path
) -> None:
    run = dg.materialize([listed], instance=embedded).run_id
    with dagsters_own(environment / "state") as own:
        assert said(own, run) == ["said in a run"]
        another = dg.materialize([listed], instance=own).run_id
    assert said(embedded, another) == ["said in a run"]
    assert {found.run_id for found in embedded.get_runs()} == {run, another}
    latest = embedded.get_latest_materialization_event(listed.key)
    assert latest is not None
    assert latest.run_id == another
    history = environment / "state" / "history" / "runs"
    for name in (run, another, "index"):
        with sqlite3.connect(history / f"{name}.db") as database:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
            assert len(database.execute("select * from alembic_version").fetchall()) == 1
    assert {path.suffix for path in history.iterdir()} <= {".db", ".db-wal", ".db-shm"}


def test_event_waits_for_no_disk_and_an_accepted_run_does(
    embedded: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = dg.materialize([listed], instance=embedded).run_id
    storage = (embedded.event_log_storage, embedded.run_storage)
    assert isinstance(storage[0], SqliteEventLogStorage)
    assert isinstance(storage[1], SqliteRunStorage)
    with storage[0].run_connection(run) as events, storage[1].connect() as runs:
        assert events.exec_driver_sql("pragma synchronous").scalar() == 1
        assert runs.exec_driver_sql("pragma synchronous").scalar() == 2
    # Nothing is opened for an event: that took 50 ms each time.
    connections: list[object] = []
    connect = sqlite3.connect

    def noted(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(arguments)
        return connect(*arguments, **options)

    monkeypatch.setattr(sqlite3.dbapi2, "connect", noted)
    embedded.report_engine_event("an event", embedded.get_run_by_id(run))
    assert connections == []


def test_what_a_step_prints_is_kept_and_shown_without_further_processes(
    embedded: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    @dg.asset
    def prints() -> None:
        print("to the reader")
        sys.stderr.write("from a library\n" * 10_000)

    started: list[object] = []
    monkeypatch.setattr(subprocess.Popen, "__init__", lambda *a, **o: started.append(a))
    run = dg.materialize([prints], instance=embedded).run_id
    shown = capfd.readouterr()
    assert "to the reader\n" in shown.out
    assert shown.err.count("from a library\n") == 10_000
    (captured,) = (
        record.event_log_entry.dagster_event
        for record in embedded.get_records_for_run(run, of_type=dg.DagsterEventType.LOGS_CAPTURED).records
    )
    assert captured is not None
    key = embedded.compute_log_manager.build_log_key_for_run(run, captured.logs_captured_data.file_key)
    kept = embedded.compute_log_manager.get_log_data(key)
    assert kept.stdout == b"to the reader\n"
    assert (kept.stderr or b"").count(b"from a library\n") == 10_000
    assert embedded.compute_log_manager.is_capture_complete(key)
    assert started == []


def test_history_of_a_run_is_on_the_disk_before_it_has_its_name(
    embedded: dg.DagsterInstance, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    linked: list[tuple[str, bool]] = []
    sync, link = os.fsync, os.link

    def noted_sync(descriptor: int) -> None:
        sync(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    def noted_link(source: Path, target: Path) -> None:
        linked.append((target.stem, source.stat().st_ino in synced))
        link(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "link", noted_link)
    run = dg.materialize([listed], instance=embedded).run_id
    assert linked == [(run, True)]
    # An empty file, as a power cut leaves of one that Dagster itself was creating, is filled.
    cut_off = environment / "state" / "history" / "runs" / "cut-off.db"
    cut_off.touch()
    assert embedded.get_records_for_run("cut-off").records == []
    assert cut_off.stat().st_size > 0
