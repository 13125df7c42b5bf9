"""Installs the packages of a lock file into the environment that runs this, and says what it does.

usage: install.py LOCK ABOUT [compile]     (ABOUT: what a person is told of the size)

One line first, a counter on a terminal, the words of pip only when it fails. The lock file is complete: nothing that a
package names beside it is installed. Nothing is compiled ahead unless asked: the first import writes the byte code of
what is used, a quarter of all modules (docs/install.md). Tests start hundreds of processes, and the first ones would
all compile the same.
"""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

from pip._vendor.packaging.markers import Marker

# More than a third of all code, of which nothing here imports more than a small part: that is compiled when it is used.
_HARDLY_IMPORTED = (
    "cfnlint|dask|distributed|faker|imageio|mediapipe|moto|mypy|mypyc|networkx|numba|pip|pygments|samtranslator|"
    "setuptools|skimage|sklearn|statsmodels|sympy|tifffile"
)


def main(lock: Path, about: str, ahead: bool) -> int:
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
    if ahead and any(line.startswith("Successfully installed") for line in said):
        _show("compiling ...")
        _compile()
    _show("")
    if process.returncode:
        print("".join(said[-40:]), file=sys.stderr)
    return process.returncode


def _count(lock: Path) -> int:
    """Packages of a lock file that are for this Python and system."""
    lines = [line for line in lock.read_text().splitlines() if line.strip() and not line.startswith(("#", "-"))]
    markers = [line.partition(" ; ")[2] for line in lines]
    return sum(not marker or Marker(marker).evaluate() for marker in markers)


def _compile() -> None:
    """Make byte code on all cores, where pip takes one; not of the packages' own tests, a quarter of all the code.

    What cannot be compiled is passed over, as pip does it: templates, and code for other versions of Python.
    """
    packages = sysconfig.get_path("purelib")
    left_out = rf"^{re.escape(packages)}([/\\]({_HARDLY_IMPORTED})|.*[/\\]tests?)[/\\]"
    command = [sys.executable, "-m", "compileall", "-qq", "-j", "0", "-x", left_out, packages]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _show(text: str) -> None:
    """Replace the last line of a terminal; a log file gets none of this."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], "compile" in sys.argv[3:]))
