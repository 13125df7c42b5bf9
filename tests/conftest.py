"""Fixtures for the whole suite."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.stack import Stack, running_stack
from tests.warm import warm_commands

# A shell ignores interrupts in commands that it runs in the background; processes that tests interrupt would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline for an example: on a loaded machine it would be missed without a fault in the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Files whose tests take longest. They run first, then those on the shared deployment, which ends with them; short files
# run last, so that all workers have some until the end. Of the first ones, those that mostly wait (for processes that
# start, for S3 that is away) stand beside those that mostly compute, and those of the review page together, as they
# share a browser and a facade.
_LONG = (
    "test_up.py",
    "test_cli.py",
    "test_system.py",
    "report/test_page_in_browser.py",
    "test_dask.py",
    "test_instance.py",
    "test_inspect.py",
    "test_s3_faults.py",
    "report/test_report.py",
    "test_extending.py",
    "test_cli_stops.py",
    "test_scan_job.py",
    "test_storage_away.py",
    "execution/test_faults.py",
    "execution/test_sources.py",
    "ui/review/test_deciding.py",
    "ui/review/test_showing.py",
    "ui/review/test_finding.py",
    "ui/review/test_persons.py",
    "ui/review/test_rescans.py",
    "ui/test_assess_page.py",
    "review/test_decision_log.py",
    "ui/test_datasets_page.py",  # before all others on the shared deployment: it wants one that nobody has used
    "api/test_contract.py",
    "api/test_contract_ends.py",
    "test_docs_lines.py",
    "api/test_gui_session.py",
    "api/test_v1_runs.py",
    "api/test_exploration.py",
    "api/test_contract_findings.py",
    "api/test_one_scan_per_folder.py",
    "api/test_concurrency.py",
    "dagster/test_ui.py",
    "api/test_older_surface.py",
)
_files_on_stack = pytest.StashKey[set[Path]]()
_shared_stack = pytest.StashKey[contextlib.ExitStack]()


def _needs_stack(item: pytest.Item) -> bool:
    return "stack" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The order in which files are handed to the workers of `make test`; alone, pytest keeps its own."""
    if not hasattr(config, "workerinput"):
        return
    shared = {item.path for item in items if _needs_stack(item)}
    config.stash[_files_on_stack] = shared

    def place(item: pytest.Item) -> tuple[int, int]:
        number = next((number for number, name in enumerate(_LONG) if item.path.match(name)), len(_LONG))
        return (1 if item.path in shared else 0 if number < len(_LONG) else 2), number

    items.sort(key=place)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """End the shared deployment, which costs computing time, when a worker has reached files that do not use it."""
    if item.path not in item.config.stash.get(_files_on_stack, {item.path}):
        item.config.stash.get(_shared_stack, contextlib.ExitStack()).close()


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One running deployment for all tests that need real runs; each test uses folders of its own below its data."""
    with contextlib.ExitStack() as opened:
        request.config.stash[_shared_stack] = opened
        # The folder sensor runs once only: it would scan folders of tests that count their own tasks.
        folder = tmp_path_factory.mktemp("stack")
        yield opened.enter_context(running_stack(folder, BQAT_CHUNK_SIZE=5, BQAT_SENSOR_INTERVAL=3600))


@pytest.fixture(scope="session")
def warm() -> Iterator[Path]:
    """A folder with a ``bqat`` command that starts without the time for its imports (``tests.warm``)."""
    with warm_commands() as folder:
        yield folder
