"""The Dagster instance is opened by several commands at once, and what is wrong with it is said."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ROOT, deployment_environment

DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")

Opener = Callable[..., list[str]]


@pytest.fixture(scope="module")
def openers() -> Iterator[Callable[..., list[tuple[int, Any]]]]:
    """Opens instances of environments, each in a process of its own and all at the same time."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.opener"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout

        def ask(*jobs: tuple[dict[str, str], list[str]]) -> list[tuple[int, Any]]:
            process.stdin.write(json.dumps(jobs) + "\n")
            process.stdin.flush()
            return [tuple(answer) for answer in json.loads(process.stdout.readline())]

        yield ask
        process.kill()


@pytest.fixture
def opened(openers: Callable[..., list[tuple[int, Any]]]) -> Opener:
    """Opens the instance of an environment in another process, adds data sets, and tells which it has."""

    def opened(environment: dict[str, str], add: Sequence[str] = ()) -> list[str]:
        ((status, found),) = openers((environment, list(add)))
        assert status == 0
        return found

    return opened


def test_first_commands_at_the_same_time_make_one_whole_instance(
    openers: Callable[..., list[tuple[int, Any]]], tmp_path: Path
):
    for attempt in range(3):
        environment = deployment_environment(tmp_path / str(attempt))
        together = openers(*[(environment, [])] * 4)
        assert [status for status, _ in together] == [0] * 4
        for name in DATABASES:
            with sqlite3.connect(tmp_path / str(attempt) / "state" / name) as database:
                assert len(database.execute("select * from alembic_version").fetchall()) == 1, name


def made_by_two_openers(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("insert into alembic_version values ('7e2f3204cf8e')")


def cut(path: Path) -> None:
    os.truncate(path, 5000)


def overwritten(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


@pytest.mark.parametrize("ruin", [made_by_two_openers, cut, overwritten])
def test_ruined_instance_is_named_with_its_remedy_by_doctor_and_by_other_commands(
    opened: Opener, warm: Path, tmp_path: Path, ruin: Callable[[Path], None]
):
    environment = deployment_environment(tmp_path)
    opened(environment)
    ruin(tmp_path / "state" / "history" / "runs.db")
    found = subprocess.run([warm / "bqat", "doctor", "--json"], env=environment, capture_output=True, text=True)
    assert found.returncode == 1
    (finding,) = [f for f in json.loads(found.stdout) if f["subject"] == "instance"]
    assert finding["level"] == "wrong"
    assert "history/runs.db" in finding["text"] and f"move {tmp_path / 'state' / 'history'}" in finding["text"]
    started = subprocess.run([warm / "bqat", "up"], env=environment, capture_output=True, text=True)
    assert started.returncode == 2
    assert "is damaged" in started.stderr and "Traceback" not in started.stderr


def test_state_folder_is_closed_for_other_users(opened: Opener, tmp_path: Path):
    fresh = deployment_environment(tmp_path, BQAT_STATE=tmp_path / "made" / "state")
    opened(fresh)
    assert stat.S_IMODE((tmp_path / "made" / "state").stat().st_mode) == 0o700
    (tmp_path / "state").chmod(0o755)
    opened(deployment_environment(tmp_path))
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o750


@pytest.mark.parametrize("command", [["scan", "nowhere"], ["scan", "data"], ["list"], ["doctor"]])
def test_folders_of_results_and_state_are_made_for_their_owner_only(command: list[str], warm: Path, tmp_path: Path):
    made = tmp_path / "made"
    environment = deployment_environment(tmp_path, BQAT_HOME=made / "storage", BQAT_STATE=made / "state")
    subprocess.run([warm / "bqat", *command], cwd=tmp_path, env=environment, capture_output=True)
    for folder in filter(Path.exists, (made / "storage", made / "state")):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_folder_of_others_that_was_named_as_state_is_not_closed(opened: Opener, tmp_path: Path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "letter.txt").write_text("of somebody else")
    (tmp_path / "state").chmod(0o755)
    opened(deployment_environment(tmp_path))
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o755


def test_instance_of_other_results_is_refused_by_every_command(opened: Opener, warm: Path, tmp_path: Path):
    ours = deployment_environment(tmp_path)
    opened(ours)
    theirs = ours | {"BQAT_HOME": str(tmp_path / "elsewhere")}
    for command in (["scan", "--sample"], ["up"], ["doctor"]):
        refused = subprocess.run([warm / "bqat", *command], env=theirs, capture_output=True, text=True)
        said = " ".join((refused.stderr + refused.stdout).split())
        assert refused.returncode in (1, 2) and "Traceback" not in said
        assert f"belongs to the results in {tmp_path / 'storage'}, not to those in {tmp_path / 'elsewhere'}" in said
        assert "BQAT_STATE" in said
    opened(ours)


def test_results_that_moved_keep_their_instance_and_new_ones_see_no_aliens(opened: Opener, tmp_path: Path):
    ours = deployment_environment(tmp_path)
    assert "old-1" in opened(ours, add=["old-1"])
    (tmp_path / "storage").rename(tmp_path / "moved")
    assert "old-1" in opened(ours | {"BQAT_HOME": str(tmp_path / "moved")})
    (tmp_path / "moved").rename(tmp_path / "archived")
    (tmp_path / "new").mkdir()
    assert opened(ours | {"BQAT_HOME": str(tmp_path / "new")}) == []
