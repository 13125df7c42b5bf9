"""``bqat inspect`` outlives the picture that it is given."""

import json
import subprocess
from pathlib import Path

import pytest

from bqat_pipeline.sample import write_sample
from tests.processes import BIN, deployment_environment


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspect")
    write_sample(folder)
    return folder / "originals" / "collins.png"


def inspected(picture: Path, home: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "bqat"), "inspect", str(picture), *options],
        env=deployment_environment(home) | settings,
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_a_picture_that_ends_its_process_is_a_row(picture: Path, tmp_path: Path) -> None:
    done = inspected(picture, tmp_path, "--json", BQAT_IMAGE_TIMEOUT="0.01")  # less than loading the models takes
    row = json.loads(done.stdout)
    assert (done.returncode, row["status"], row["verdict"]) == (1, "timeout", None)
    assert "BQAT_IMAGE_TIMEOUT" in row["reason"]


def test_a_process_without_memory_names_the_setting(picture: Path, tmp_path: Path) -> None:
    done = inspected(picture, tmp_path, BQAT_WORKER_MEMORY="1000000")
    assert done.returncode == 2
    assert "BQAT_WORKER_MEMORY" in done.stderr and "Traceback" not in done.stderr


def test_limits_are_those_of_a_scan(picture: Path, tmp_path: Path) -> None:
    done = inspected(picture, tmp_path, "--json", BQAT_MAX_PIXELS="1000")
    assert json.loads(done.stdout)["status"] == "too_large"
