"""Data sets to report on, and a browser for the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from tests.browser import running_chromium
from tests.report import synthetic


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    """An empty home folder."""
    return DatasetStore(Location.parse(tmp_path / "storage"))


@pytest.fixture
def made_up(store: DatasetStore) -> DatasetRecord:
    """600 synthetic profiles without pictures."""
    return synthetic.dataset(store, [synthetic.profiles(600)])


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A Chromium that makes no requests of its own."""
    with running_chromium() as launched:
        yield launched
