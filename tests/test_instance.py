"""The Dagster instance is opened by several commands at once, and what is wrong with it is said."""

import json
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

from tests.processes import BIN, ROOT, deployment_environment

OPEN = "from bqat_pipeline.instance import open_instance; open_instance().dispose()"
DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


def test_first_commands_at_the_same_time_make_one_whole_instance(tmp_path: Path):
    for attempt in range(3):
        environment = deployment_environment(tmp_path / str(attempt))
        together = [
            subprocess.Popen([sys.executable, "-c", OPEN], cwd=ROOT, env=environment, stderr=subprocess.PIPE)
            for _ in range(4)
        ]
        ended = [process.communicate()[1].decode() for process in together]
        assert [process.returncode for process in together] == [0] * 4, ended
        for name in DATABASES:
            with sqlite3.connect(tmp_path / str(attempt) / "state" / name) as database:
                assert len(database.execute("select * from alembic_version").fetchall()) == 1, name


def test_ruined_instance_is_named_with_its_remedy_by_doctor_and_by_other_commands(tmp_path: Path):
    environment = deployment_environment(tmp_path)
    subprocess.run([sys.executable, "-c", OPEN], cwd=ROOT, env=environment, check=True)
    with sqlite3.connect(tmp_path / "state" / "history" / "runs.db") as database:  # as two openers left it
        database.execute("insert into alembic_version values ('7e2f3204cf8e')")
    found = subprocess.run([BIN / "bqat", "doctor", "--json"], env=environment, capture_output=True, text=True)
    assert found.returncode == 1
    (finding,) = [f for f in json.loads(found.stdout) if f["subject"] == "instance"]
    assert finding["level"] == "wrong"
    assert "history/runs.db" in finding["text"] and f"move {tmp_path / 'state' / 'history'}" in finding["text"]
    started = subprocess.run([BIN / "bqat", "up"], env=environment, capture_output=True, text=True)
    assert started.returncode == 2
    assert "is ruined" in started.stderr and "Traceback" not in started.stderr


def test_state_folder_is_closed_for_other_users(tmp_path: Path):
    fresh = deployment_environment(tmp_path, BQAT_STATE=tmp_path / "made" / "state")
    subprocess.run([sys.executable, "-c", OPEN], cwd=ROOT, env=fresh, check=True)
    assert stat.S_IMODE((tmp_path / "made" / "state").stat().st_mode) == 0o700
    (tmp_path / "state").chmod(0o755)
    subprocess.run([sys.executable, "-c", OPEN], cwd=ROOT, env=deployment_environment(tmp_path), check=True)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o750


def test_folder_of_others_that_was_named_as_state_is_not_closed(tmp_path: Path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "letter.txt").write_text("of somebody else")
    (tmp_path / "state").chmod(0o755)
    subprocess.run([sys.executable, "-c", OPEN], cwd=ROOT, env=deployment_environment(tmp_path), check=True)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o755


def test_instance_of_other_results_is_refused_by_every_command(tmp_path: Path):
    ours = deployment_environment(tmp_path)
    subprocess.run([sys.executable, "-c", OPEN], cwd=ROOT, env=ours, check=True)
    theirs = ours | {"BQAT_HOME": str(tmp_path / "elsewhere")}
    for command in (["scan", "--sample"], ["up"], ["doctor"]):
        refused = subprocess.run([BIN / "bqat", *command], env=theirs, capture_output=True, text=True)
        said = " ".join((refused.stderr + refused.stdout).split())
        assert refused.returncode in (1, 2) and "Traceback" not in said
        assert f"belongs to the results in {tmp_path / 'storage'}, not to those in {tmp_path / 'elsewhere'}" in said
        assert "BQAT_STATE" in said
    subprocess.run([sys.executable, "-c", OPEN], cwd=ROOT, env=ours, check=True)


def test_results_that_moved_keep_their_instance_and_new_ones_see_no_aliens(tmp_path: Path):
    known = (
        "from bqat_pipeline.instance import open_instance; i = open_instance(); {}"
        "print(sorted(i.get_dynamic_partitions('datasets')))"
    )

    def partitions(environment: dict[str, str], before: str = "") -> str:
        command = [sys.executable, "-c", known.format(before)]
        return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    ours = deployment_environment(tmp_path)
    assert "old-1" in partitions(ours, "i.add_dynamic_partitions('datasets', ['old-1']); ")
    (tmp_path / "storage").rename(tmp_path / "moved")
    moved = ours | {"BQAT_HOME": str(tmp_path / "moved")}
    assert "old-1" in partitions(moved)
    (tmp_path / "moved").rename(tmp_path / "archived")
    (tmp_path / "new").mkdir()
    assert partitions(ours | {"BQAT_HOME": str(tmp_path / "new")}).strip() == "[]"
