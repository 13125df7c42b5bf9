"""`make scan` says what it installs."""

import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT


def _install(lock: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / ".ci" / "install.py"), str(lock), "about 2 GB on disk"]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def test_one_line_says_how_much_is_installed(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    both = [f"setuptools ; python_full_version {sign} '3.12'\n" for sign in ("<", ">=")]
    lock.write_text("# made by uv\npip\n" + "".join(both))  # installed already
    done = _install(lock)
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr.startswith("Installing 2 packages into ")
    assert done.stderr.endswith(": about 2 GB on disk, once.\n") and done.stderr.count("\n") == 1


def test_a_failure_shows_what_pip_said(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(f"{tmp_path}/nothing-0.1-py3-none-any.whl\n")
    done = _install(lock)
    assert done.returncode != 0 and "nothing-0.1-py3-none-any.whl" in done.stderr
