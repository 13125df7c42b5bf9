"""A run outlives a restart of its PostgreSQL, and fails when the database stays away."""

import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from bqat_pipeline.deployment import postgres_storage
from tests.postgres import Postgres, running_postgres
from tests.processes import eventually

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def instance(database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance of the server deployment, from its own file."""
    for name, value in {**database.environment, "BQAT_STATE": str(tmp_path), "DAGSTER_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "dagster.yaml").write_text((ROOT / "docker" / "dagster.yaml").read_text())
    with dg.DagsterInstance.get() as opened:
        yield opened


def test_run_goes_on_when_postgres_was_away(database: Postgres, instance: dg.DagsterInstance, caplog) -> None:
    def start_when_missed() -> None:
        eventually(lambda: "PostgreSQL does not answer" in caplog.text, 120, "waiting for the database")
        database.start()

    @dg.asset
    def profiles(context: dg.AssetExecutionContext) -> None:
        database.stop()
        threading.Thread(target=start_when_missed).start()
        context.log.info("written while the database is away")

    result = dg.materialize([profiles], instance=instance)
    assert result.success
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.SUCCESS
    messages = [record.event_log_entry.user_message for record in instance.get_records_for_run(result.run_id).records]
    assert "written while the database is away" in messages


def test_database_that_stays_away_is_not_waited_for_for_ever(
    database: Postgres, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = postgres_storage.settings().model_copy(update={"database_timeout": 0.5})
    monkeypatch.setattr(postgres_storage, "settings", lambda: impatient)
    database.stop()
    try:
        with pytest.raises(Exception, match="refused"):
            instance.get_runs_count()
    finally:
        database.start()
    assert instance.get_runs_count() >= 0
