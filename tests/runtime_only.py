"""What a user installs: an environment in which only the packages of ``requirements.lock`` can be imported."""

import importlib.metadata
import os
import re
from functools import cache
from pathlib import Path

from tests.processes import ROOT

# Runs at the start of each process: the usual search for modules, without some.
_SITE = """
import sys
from importlib.machinery import PathFinder

class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {hidden!r} else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
"""


def runtime_packages_only(folder: Path) -> str:
    """A value of ``PYTHONPATH`` that hides all other installed packages; it is written to a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_SITE.format(hidden=hidden_modules()))
    return os.pathsep.join((str(folder), str(ROOT)))


@cache
def hidden_modules() -> frozenset[str]:
    """Modules, as imported, of installed packages that ``requirements.lock`` does not name."""
    named = {
        _normal(line.partition("==")[0])
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line
    }
    named.add("bqat-pipeline")
    kept: set[str] = set()
    others: set[str] = set()
    for package in importlib.metadata.distributions():
        name = _normal(package.metadata["Name"])
        (kept if name in named else others).update(
            file.parts[0].partition(".")[0] for file in package.files or () if file.suffix in (".py", ".so")
        )
    return frozenset(others - kept)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
