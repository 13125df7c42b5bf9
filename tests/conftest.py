"""Fixtures for the whole suite."""

from collections.abc import Iterator

import pytest

from tests.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One running deployment for all tests that need real runs; each test uses folders of its own below its data."""
    with running_stack(tmp_path_factory.mktemp("stack"), BQAT_CHUNK_SIZE=5) as running:
        yield running
