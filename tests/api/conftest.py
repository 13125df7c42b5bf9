"""A facade in this process, for what needs no runs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.settings import Settings

Facade = Callable[..., AbstractContextManager[TestClient]]


@pytest.fixture(scope="session")
def facade_in(tmp_path_factory: pytest.TempPathFactory) -> Facade:
    """Opens a facade on a folder; Dagster is out of its reach."""

    @contextmanager
    def opened(folder: Path, **changes: Any) -> Iterator[TestClient]:
        for name in ("storage", "data", "state"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        settings = Settings(
            _env_file=None,
            home=str(folder / "storage"),
            data=str(folder / "data"),
            state=folder / "state",
            dagster_url="http://127.0.0.1:9",  # discard: nobody listens
            **changes,
        )
        app = create_app(settings)
        with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
            yield client

    return opened


@pytest.fixture
def facade(facade_in: Facade, tmp_path: Path) -> Iterator[TestClient]:
    """A facade on an empty folder."""
    with facade_in(tmp_path) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    """The data sets of `facade`."""
    return DatasetStore(Location.parse(tmp_path / "storage"))
