"""Fixtures for the whole suite."""

import signal
from collections.abc import Iterator

import pytest

from tests.stack import Stack, running_stack

# A shell starts what it runs in the background with interrupts ignored, and so would every process that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One running deployment for all tests that need real runs; each test uses folders of its own below its data."""
    with running_stack(tmp_path_factory.mktemp("stack"), BQAT_CHUNK_SIZE=5) as running:
        yield running
