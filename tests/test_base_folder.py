"""`bqat` finds the same results from every folder below, and from elsewhere by the checkout it belongs to."""

import os
import subprocess
from pathlib import Path

import pytest

from bqat_pipeline.base_folder import CHECKOUT, base_folder
from tests.processes import BIN


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base" / "storage" / "datasets").mkdir(parents=True)
    (tmp_path / "base" / "pictures" / "2026").mkdir(parents=True)
    return tmp_path / "base"


def test_the_nearest_folder_with_results_or_settings_is_the_base(base: Path, tmp_path: Path) -> None:
    assert base_folder(base) == base_folder(base / "pictures" / "2026") == base
    (base / "pictures" / ".env").write_text("OTHER=1\n")
    assert base_folder(base / "pictures") == base
    (base / "pictures" / ".env").write_text("BQAT_PORT=1234\n")
    assert base_folder(base / "pictures" / "2026") == base / "pictures"
    assert base_folder(tmp_path) == CHECKOUT


@pytest.mark.skipif(os.geteuid() != 0, reason="ONLY ROOT can give a folder to another user")
def test_a_folder_of_another_user_is_passed_over(base: Path) -> None:
    os.chown(base, 12345, 12345)
    assert base_folder(base / "pictures") == CHECKOUT
    assert base_folder(base) == base  # who stands in it has chosen it


def test_commands_in_a_folder_below_use_the_same_results_and_settings(base: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BQAT_")}

    def listed(folder: Path, **changes: str) -> str:
        done = subprocess.run(
            [str(BIN / "bqat"), "list"],
            cwd=folder,
            env=environment | changes,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f"no data sets in {base}/storage yet" in listed(base / "pictures" / "2026")
    (base / ".env").write_text("BQAT_HOME=./results\n")
    assert f"no data sets in {base}/results yet" in listed(base / "pictures" / "2026")
    assert f"no data sets in {base}/pictures/here yet" in listed(base / "pictures", BQAT_HOME="here")
