"""One browser and one facade for the tests of the review page that a worker runs one after the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import running_chromium
from tests.facade import RunningFacade, running_facade
from tests.ui.review.page import Set, made


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("review")


@pytest.fixture(scope="package")
def facade(folder: Path) -> Iterator[RunningFacade]:
    with running_facade(folder, BQAT_ASSESS_WORKERS=0) as running:
        yield running


@pytest.fixture
def review(facade: RunningFacade, folder: Path, browser: Any) -> Set:
    """A data set that nobody has decided about."""
    return Set(facade, made(folder), browser)
