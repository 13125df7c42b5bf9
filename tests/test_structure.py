"""The shape of the source: one subject a file, and folders that can be read at a glance."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("bqat_pipeline", "assets", "resources", "api", "tests", "benchmarks", "docs")
LINES = 400
# Most modules directly in a folder; more are a sign that a subject wants a folder of its own.
MODULES = {"bqat_pipeline": 8, "api": 8, "bqat_pipeline/face": 16, "bqat_pipeline/report": 24}


def test_no_module_is_longer_than_400_lines() -> None:
    modules = [path for folder in SOURCES for ending in ("py", "js") for path in (ROOT / folder).rglob(f"*.{ending}")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in modules}
    own = {path: length for path, length in lengths.items() if "/vendor/" not in path}
    assert len(own) > 500
    assert {path: length for path, length in own.items() if length > LINES} == {}


@pytest.mark.parametrize("folder", MODULES)
def test_no_folder_holds_more_modules_than_can_be_read_at_a_glance(folder: str) -> None:
    modules = sorted(path.name for path in (ROOT / folder).glob("*.py") if not path.name.startswith("__"))
    assert len(modules) <= MODULES[folder], modules
