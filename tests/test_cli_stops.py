"""Commands that are stopped, killed, or cannot write: one line, the documented exit code, and nothing lost."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import matplotlib
import pyarrow.dataset as ds
import pytest
from PIL import Image

from tests.processes import BIN, deployment_environment, eventually, kill_family

PICTURES = 40


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures large enough that a scan can be met half-way."""
    folder = tmp_path_factory.mktemp("pictures") / "large"
    folder.mkdir()
    portrait = Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").convert("RGB")
    portrait.resize((2390, 2800)).save(folder / "0.jpg", quality=80)
    content = (folder / "0.jpg").read_bytes()
    for number in range(1, PICTURES):
        (folder / f"{number}.jpg").write_bytes(content + bytes([number]))
    return folder


def _stopped(home: Path, pictures: Path, number: int) -> subprocess.CompletedProcess[str]:
    """`bqat scan`, sent a signal when some of the files are done."""
    environment = deployment_environment(home, BQAT_CHUNK_SIZE=2, BQAT_WORKERS=1)
    process = subprocess.Popen(
        [str(BIN / "bqat"), "scan", str(pictures)],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        before = max(_done(home), 0)
        eventually(lambda: _done(home) > before or process.poll() is not None, 200, "the first files of the scan")
        os.killpg(process.pid, number)  # as a terminal does: the whole group
        output, errors = process.communicate(timeout=120)
    finally:
        kill_family(process.pid)
    return subprocess.CompletedProcess([], process.returncode, output, errors)


def _done(home: Path) -> int:
    found = [json.loads(path.read_text()) for path in home.glob("storage/datasets/*/progress.json")]
    return int(found[0]["done"]) if found else -1


def _runs(home: Path) -> list[str]:
    with sqlite3.connect(home / "state" / "history" / "runs.db") as database:
        return [status for (status,) in database.execute("select status from runs order by id")]


def test_a_scan_that_is_killed_and_stopped_goes_on_and_leaves_no_run_started(tmp_path: Path, pictures: Path) -> None:
    killed = _stopped(tmp_path, pictures, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert _runs(tmp_path) == ["STARTED"]
    stopped = _stopped(tmp_path, pictures, signal.SIGINT)
    assert stopped.returncode == 130
    lines = [line for line in stopped.stderr.splitlines() if not line.startswith("face_profiles: ")]
    assert len(lines) == 1 and lines[0].startswith("stopped: "), stopped.stderr
    assert f" of {PICTURES} files are done and kept" in lines[0]
    assert _runs(tmp_path) == ["FAILURE", "CANCELED"]
    ended = _stopped(tmp_path, pictures, signal.SIGTERM)
    assert ended.returncode == 130 and "Traceback" not in ended.stderr
    done = subprocess.run(
        [str(BIN / "bqat"), "scan", str(pictures), "--json"],
        cwd=tmp_path,
        env=deployment_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    rows = ds.dataset(json.loads(done.stdout)["profiles"]).to_table(columns=["file"])
    assert len(set(rows["file"].to_pylist())) == rows.num_rows == PICTURES
    assert _runs(tmp_path) == ["FAILURE", "CANCELED", "CANCELED", "SUCCESS"]


def test_ctrl_c_while_a_command_is_still_loading_is_one_line(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [str(BIN / "bqat"), "list"],
        cwd=tmp_path,
        env=deployment_environment(tmp_path) | {"PYTHONPROFILEIMPORTTIME": "1"},  # a line for each module
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    next(line for line in process.stderr if "bqat_pipeline.cli.console" in line)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    told = [line for line in errors.splitlines() if not line.startswith("import time:")]
    assert process.returncode == 130 and told == ["stopped"]


def test_a_place_that_takes_no_more_is_one_sentence(tmp_path: Path) -> None:
    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    done = subprocess.run(
        [str(BIN / "bqat"), "scan", "--sample"],
        cwd=tmp_path,
        env=deployment_environment(tmp_path),
        preexec_fn=limit_files,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "error: " in done.stderr


def test_a_full_state_folder_is_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"]).returncode:
        pytest.skip("NO MOUNT NAMESPACES HERE: a full state folder was not tested")
    environment = deployment_environment(tmp_path)
    full = f'mount -t tmpfs -o size=1m none "{tmp_path}/state" && head -c 2000000 /dev/zero > "{tmp_path}/state/x"; exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", full, "sh", str(BIN / "bqat"), "scan", "--sample"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert f"(BQAT_STATE is {tmp_path}/state). There is no room left: make room" in done.stderr
    assert not list((tmp_path / "storage" / "datasets").iterdir())


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["--version"]])
def test_an_answer_that_cannot_be_printed_is_one_sentence(tmp_path: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(BIN / "bqat"), *command],
            cwd=tmp_path,
            env=deployment_environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
        )
    assert done.returncode == 2
    assert "there is no room left" in done.stderr and "Traceback" not in done.stderr
