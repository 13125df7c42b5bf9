"""``bqat inspect`` outlives the picture that it is given."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
import skimage.data

from bqat_pipeline.cli import inspect
from bqat_pipeline.face import EngineOptions, FaceEngine
from bqat_pipeline.requirements import load_rule_set
from bqat_pipeline.sample import write_sample
from tests.processes import BIN, deployment_environment

Inspected = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspect")
    write_sample(folder)
    return folder / "originals" / "collins.png"


@pytest.fixture(scope="module")
def inspected(warm: Path) -> Inspected:
    """A function that inspects a picture and other files, with options, in a folder and with settings."""

    def run(picture: Path, home: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(warm / "bqat"), "inspect", str(picture), *options],
            env=deployment_environment(home) | settings,
            capture_output=True,
            text=True,
            timeout=200,
        )

    return run


def test_a_picture_that_ends_its_process_is_a_row(inspected: Inspected, picture: Path, tmp_path: Path) -> None:
    done = inspected(picture, tmp_path, "--json", BQAT_IMAGE_TIMEOUT="0.01")  # less than loading the models takes
    row = json.loads(done.stdout)
    assert (done.returncode, row["status"], row["verdict"]) == (1, "timeout", None)
    assert "BQAT_IMAGE_TIMEOUT" in row["reason"]


def test_a_process_without_memory_names_the_setting(inspected: Inspected, picture: Path, tmp_path: Path) -> None:
    done = inspected(picture, tmp_path, BQAT_WORKER_MEMORY="1000000")
    assert done.returncode == 2
    assert "BQAT_WORKER_MEMORY" in done.stderr and "Traceback" not in done.stderr


def test_limits_are_those_of_a_scan(inspected: Inspected, picture: Path, tmp_path: Path) -> None:
    done = inspected(picture, tmp_path, "--json", BQAT_MAX_PIXELS="1000")
    assert json.loads(done.stdout)["status"] == "too_large"


def test_table_says_value_error_limit_and_force_and_the_status_is_no_verdict(
    inspected: Inspected, picture: Path, tmp_path: Path
) -> None:
    done = inspected(picture, tmp_path)
    head, *_ = done.stdout.splitlines()
    assert head.endswith("collins.png: measured")
    for name, error in (("Yaw", "2.5"), ("Pitch", "3.7"), ("Roll", "1.0")):
        against, measured = (line.split() for line in done.stdout.splitlines() if line.startswith(name))
        assert (against[2:5], against[-1]) == (["±", error, "deg"], "required")
        assert measured[1:5] == [against[1], "±", error, "deg"]
    yaw = next(line.split() for line in done.stdout.splitlines() if line.startswith("Yaw"))
    assert yaw[5:8] == ["-5.0", "to", "5.0"]
    assert any(line.startswith("Smile") and line.endswith("recommended") for line in done.stdout.splitlines())


def test_second_verdict_stands_below_the_first(inspected: Inspected, picture: Path, tmp_path: Path) -> None:
    done = inspected(picture, tmp_path)
    assert "\nFit for recognition: pass (utility 9" in done.stdout
    second = json.loads(inspected(picture, tmp_path, "--json").stdout)["recognition"]
    assert second["verdict"] == "pass" and 90 < second["utility"] <= 100
    alone = inspected(picture, tmp_path, "--requirements", "recognition").stdout
    assert alone.count("Fit for recognition") == 1


def test_several_pictures_are_a_line_each(inspected: Inspected, picture: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken\x1b[31m.jpg"
    broken.write_bytes(b"no picture")
    done = inspected(picture, tmp_path, str(broken))
    first, second = done.stdout.splitlines()
    assert first.split()[0] in ("pass", "borderline", "fail") and str(picture) in first
    assert second.startswith("unreadable") and "\\x1b" in second and "\x1b" not in second
    assert done.returncode == 1
    rows = [json.loads(line) for line in inspected(picture, tmp_path, str(broken), "--json").stdout.splitlines()]
    assert [row["status"] for row in rows] == ["ok", "unreadable"]
    yaw = next(r for r in rows[0]["requirements"] if r["name"] == "yaw")
    assert (yaw["min"], yaw["max"], yaw["severity"]) == (-5, 5, "required")


def test_a_path_that_never_was_is_said(inspected: Inspected, tmp_path: Path) -> None:
    done = inspected(tmp_path / "typo.jpg", tmp_path)
    assert (done.returncode, "there is no file" in done.stderr) == (2, True)


def test_watched_folder_is_judged_as_files_arrive(picture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "arrivals"
    folder.mkdir()
    (folder / "before.png").write_bytes(picture.read_bytes())
    process = subprocess.Popen(
        [str(BIN / "bqat"), "inspect", "--watch", str(folder)],
        env=deployment_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout and process.stderr
        assert "watching" in process.stderr.readline()
        (folder / "one.png").write_bytes(picture.read_bytes())
        assert "one.png" in process.stdout.readline()
        (folder / "two.jpg").write_bytes(b"no picture")
        line = process.stdout.readline()
        assert line.startswith("unreadable") and "two.jpg" in line
        fleeting = [folder / f"fleeting{number}.jpg" for number in range(300)]
        for _ in range(10):
            for file in fleeting:
                file.write_bytes(b"no picture")
            for file in fleeting:
                file.unlink()
        (folder / "two.jpg").unlink()
        (folder / "three.part").symlink_to(folder / "gone")
        (folder / ".unfinished").write_bytes(b"no pic")
        (folder / ".unfinished").rename(folder / "four.jpg")
        lines = [process.stdout.readline()]
        while "four.jpg" not in lines[-1]:
            assert "fleeting" in lines[-1], lines
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (rest, "Traceback" in errors) == ("", False)


def test_overlay_has_a_legend_and_its_verdict_in_colour(inspected: Inspected, picture: Path, tmp_path: Path) -> None:
    target = tmp_path / "overlay.png"
    done = inspected(picture, tmp_path, "--overlay", str(target))
    assert done.returncode in (0, 1), done.stderr
    below = cv2.imread(str(target))[1000:]  # the picture itself has 1000 px at its longer side
    colours = {tuple(colour) for colour in below.reshape(-1, 3).tolist()}
    assert {(255, 170, 60), (60, 170, 255), (120, 255, 80)} <= colours  # BGR: face, other faces, eyes
    assert {(90, 130, 255), (255, 190, 110), (80, 200, 240)} & colours  # fail, pass or borderline


def test_what_is_no_human_face_is_shown_and_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FaceEngine(EngineOptions(confidence=0.2))  # finds a face in the cat
    monkeypatch.setattr(inspect, "_engine", lambda *_: engine)
    picture, overlay = tmp_path / "cat.png", tmp_path / "overlay.png"
    cv2.imwrite(str(picture), cv2.cvtColor(skimage.data.chelsea(), cv2.COLOR_RGB2BGR))
    found = inspect._measure(picture, overlay, load_rule_set("enrolment-relaxed"), 60.0, 10**8, 10**8)
    assert (found.row["status"], found.verdict, found.outcomes, found.problem) == ("doubtful_face", None, (), "")
    assert overlay.stat().st_size
