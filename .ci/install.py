"""Installs the packages of a lock file into the environment that runs this, and says what it does.

usage: install.py LOCK ABOUT     (ABOUT: what a person is told of the size)

One line first, a counter on a terminal, the words of pip only when it fails. The lock file is complete: nothing that a
package names beside it is installed. Nothing is compiled ahead: the first import writes the byte code of what is
used, a quarter of all modules (docs/install.md).
"""

import subprocess
import sys
from pathlib import Path

from pip._vendor.packaging.markers import Marker


def main(lock: Path, about: str) -> int:
    """Exit status of pip."""
    packages = _count(lock)
    print(f"Installing {packages} packages into {Path(sys.prefix).name}: {about}, once.", file=sys.stderr, flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-compile", "--progress-bar", "off"]
    said: list[str] = []
    found = 0
    with subprocess.Popen(
        [*pip, "--requirement", str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                found += 1
                _show(f"{found} of {packages} fetched")
            elif line.startswith("Installing collected packages"):
                _show("all fetched, unpacking ...")
    _show("")
    if process.returncode:
        print("".join(said[-40:]), file=sys.stderr)
    return process.returncode


def _count(lock: Path) -> int:
    """Packages of a lock file that are for this Python and system."""
    lines = [line for line in lock.read_text().splitlines() if line.strip() and not line.startswith(("#", "-"))]
    markers = [line.partition(" ; ")[2] for line in lines]
    return sum(not marker or Marker(marker).evaluate() for marker in markers)


def _show(text: str) -> None:
    """Replace the last line of a terminal; a log file gets none of this."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
