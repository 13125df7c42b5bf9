"""Data sets to report on, and a browser to look at the pages with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from tests.report import synthetic


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    """An empty home folder."""
    return DatasetStore(Location.parse(tmp_path / "storage"))


@pytest.fixture
def made_up(store: DatasetStore) -> DatasetRecord:
    """600 made-up profiles without pictures."""
    return synthetic.dataset(store, [synthetic.profiles(600)])


def chromium() -> str | None:
    """Path of a Chromium on this machine."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A Chromium that makes no requests of its own."""
    path = chromium()
    if path is None:
        pytest.skip("CHROMIUM IS MISSING: the page was not looked at in a browser; install chromium to run these tests")
    from playwright.sync_api import sync_playwright

    quiet = [
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
    ]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", *quiet])
        yield launched
        launched.close()
