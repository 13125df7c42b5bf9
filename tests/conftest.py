"""Fixtures for the whole suite."""

import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.stack import Stack, running_stack
from tests.warm import warm_commands

# A shell starts what it runs in the background with interrupts ignored, and so would every process that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is no fault of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Files whose tests take longest, by the order of magnitude only. They begin, so that the end of a run finds short ones for
# all workers; those on the shared deployment come later, so that it does not run, and take time, all the while.
_LONG = (
    "test_up.py",
    "test_cli.py",
    "test_dask.py",
    "dagster/test_stack.py",
    "test_system.py",
    "test_s3_faults.py",
    "test_instance.py",
    "test_scan_job.py",
    "test_storage_errors.py",
    "test_cli_stops.py",
    "api/test_contract.py",
    "ui/test_review_page.py",
    "ui/test_assess_page.py",
    "review/test_decision_log.py",
    "test_docs_lines.py",
    "ui/test_datasets_page.py",
    "api/test_exploration.py",
    "api/test_v1_runs.py",
    "api/test_one_scan_per_folder.py",
    "api/test_concurrency.py",
    "api/test_gui_session.py",
    "api/test_older_surface.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The order in which files are handed to the workers of `make test`; alone, pytest keeps its own."""
    if not hasattr(config, "workerinput"):
        return
    own = "dagster/test_stack.py"  # has a deployment of its own, by the same name
    shared = {i.path for i in items if "stack" in getattr(i, "fixturenames", ()) and not i.path.match(own)}

    def place(item: pytest.Item) -> tuple[bool, int]:
        found = [number for number, name in enumerate(_LONG) if item.path.match(name)]
        return item.path in shared, found[0] if found else len(_LONG)

    items.sort(key=place)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One running deployment for all tests that need real runs; each test uses folders of its own below its data."""
    with running_stack(tmp_path_factory.mktemp("stack"), BQAT_CHUNK_SIZE=5) as running:
        yield running


@pytest.fixture(scope="session")
def warm() -> Iterator[Path]:
    """A folder with a ``bqat`` that starts at once, in a process of its own."""
    with warm_commands() as folder:
        yield folder
