"""What of the log of `bqat up` a person at the terminal is told."""

from pathlib import Path

import pytest

from bqat_pipeline.deployment import up_log
from bqat_pipeline.deployment.up_log import UpLog

LINES = """12:00:00 WARNING bqat_pipeline.orchestration.sensors data/faces cannot be read now
12:00:01 ERROR bqat.api the storage refuses \x1b[31m
Traceback (most recent call last):
  File "/somewhere.py", line 1, in <module>
12:00:02 INFO bqat.api GET /info 200 1.0 ms
2026-11-26 12:00:03 +0000 - dagster.daemon - WARNING - No cursor for event type
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
{"time": "2026", "level": "error", "logger": "bqat.api", "message": "as JSON"}
{"level": "info", "message": "not this"}
{"no log": "at all"
12:00:04 WARNING bqat.up said by the supervisor itself
"""


def written(log: UpLog, text: str) -> None:
    with log.path.open("a") as stream:
        stream.write(text)
    log.follow()


def test_terminal_tells_our_own_problems_in_a_sentence_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = UpLog(tmp_path, everything=False)
    written(log, LINES)
    log.follow()
    told = [line.partition(" bqat.up ")[2] for line in capsys.readouterr().err.splitlines()]
    assert told == ["data/faces cannot be read now", "the storage refuses  [31m", "as JSON"]
    assert "XNNPACK" in log.path.read_text()


def test_terminal_tells_everything_once_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = UpLog(tmp_path, everything=True)
    up_log.logger.warning("mine")
    written(log, LINES)
    told = capsys.readouterr().err
    assert told.count("mine") == 1 and "XNNPACK" in told and "GET /info" in told


def test_lines_that_come_in_pieces_are_told_whole_and_those_of_earlier_starts_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    written(UpLog(tmp_path, everything=False), LINES)
    capsys.readouterr()
    log = UpLog(tmp_path, everything=False)
    written(log, "12:00:05 ERROR bqat.api half of ")
    assert capsys.readouterr().err == ""
    written(log, "it\n")
    assert capsys.readouterr().err.endswith("bqat.up half of it\n")


def test_file_that_has_grown_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(up_log, "LARGEST", 1000)
    log = UpLog(tmp_path, everything=False)
    written(log, "x" * 2000 + "\n")
    assert log.path.read_bytes() == b"" and (tmp_path / "logs" / "up.log.1").stat().st_size == 2001
    written(log, "12:00:06 ERROR bqat.api after it\n")
    assert log.path.read_text() == "12:00:06 ERROR bqat.api after it\n"
