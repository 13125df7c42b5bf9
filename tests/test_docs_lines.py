"""What README and docs show can be pasted: shell lines against a running deployment, Python as it stands."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bqat_pipeline.sample import write_sample
from tests.processes import BIN, ROOT, deployment_environment, free_port
from tests.stack import Stack

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Starts a deployment, or needs one of another kind; tests/test_system.py and tests/test_deployment.py run what these do.
NOT_HERE = re.compile(r"^(make|docker|mkdir -p data && docker|echo \"(POSTGRES|BQAT)|bqat up|dask|dagster)\b")
# Blocks of extending.md are run, put together, by tests/test_extending.py.
ELSEWHERE = {"extending.md"}


def _blocks(page: Path, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def _shell_blocks(page: Path) -> list[list[str]]:
    """Lines of shell blocks; blocks without a language count when they begin with a command."""
    commands = ("make", "bqat", "curl", "field", "docker", "echo", "dask", "PATH=", "base=")
    blocks = [b for b in _blocks(page, "", "sh", "bash") if b.startswith(commands)]
    return [[line for line in block.splitlines() if line.strip() and not line.startswith("#")] for block in blocks]


@pytest.fixture(scope="module")
def place(warm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the sample data set was scanned."""
    folder = tmp_path_factory.mktemp("typed")
    _typed(["bqat scan --sample"], folder, warm)
    return folder


def _typed(lines: list[str], folder: Path, warm: Path) -> None:
    """Type lines into one shell; each must end with the exit code that it names, or 0."""
    script = []
    for line in lines:
        command = line.partition("   #")[0].rstrip().rstrip(";")
        wanted = re.search(r"# exit (\d)", line)
        code = wanted.group(1) if wanted else "0"
        script.append(
            f"{{ {command}\n}} </dev/null >>out.txt 2>&1; c=$?; [ $c = {code} ] || printf '%s\n' $c {_quoted(line)}"
        )
    path = f"{warm}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = deployment_environment(folder, PATH=path, BQAT_PORT=free_port(), BQAT_DAGSTER_PORT=free_port())
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=folder, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.stdout == "" and done.stderr == "", done.stdout + done.stderr + (folder / "out.txt").read_text()[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_runs(page: Path, place: Path, warm: Path) -> None:
    lines = [line for block in _shell_blocks(page) if not _is_for_a_server(block) for line in block]
    lines = [line.replace("$PWD/.venv/bin", f"{warm}:{BIN}") for line in lines if not NOT_HERE.match(line)]
    # Last of all: other examples are about the data set that it deletes.
    lines.sort(key=lambda line: line.startswith("bqat delete"))
    if not lines:
        return
    # What a page deletes, or scans by other limits, is as it was for the next one.
    with tempfile.TemporaryDirectory() as kept:
        shutil.copytree(place / "storage", kept, dirs_exist_ok=True)
        _typed(lines, place, warm)
        shutil.rmtree(place / "storage")
        shutil.copytree(kept, place / "storage")


@pytest.mark.parametrize("page", [p for p in PAGES if "curl" in p.read_text()], ids=lambda page: page.name)
def test_every_request_is_answered(page: Path, stack: Stack, warm: Path) -> None:
    write_sample(stack.data / "sample")
    for block in _shell_blocks(page):
        if _is_for_a_server(block):
            lines = [re.sub(r"(http://)?localhost:8848", stack.url, line) for line in block]
            _typed([line.replace("curl ", "curl --fail-with-body ") for line in lines], stack.folder, warm)


def _is_for_a_server(block: list[str]) -> bool:
    return any("curl " in line for line in block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_runs(page: Path, place: Path) -> None:
    if page.name in ELSEWHERE:
        return
    for block in _blocks(page, "python"):
        done = subprocess.run([sys.executable, "-c", block], cwd=place, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, f"{block}\n{done.stderr}"


def test_every_target_of_make_exists() -> None:
    blocks = [block for page in PAGES for block in _shell_blocks(page)]
    lines = [line for block in blocks for line in block if line.startswith("make ")]
    assert len(lines) >= 4
    for line in lines:
        command = line.partition("#")[0].split()
        done = subprocess.run([*command, "--dry-run"], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and ".venv/bin/" in done.stdout, (line, done.stderr)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
