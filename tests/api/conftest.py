"""A facade in this process, for tests that need no runs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.settings import Settings
from tests.api.pictures import portrait, write_samples
from tests.stack import Stack

Facade = Callable[..., AbstractContextManager[TestClient]]
SECRET = "the secret outside the data root"


@pytest.fixture(scope="session")
def facade_in(tmp_path_factory: pytest.TempPathFactory) -> Facade:
    """A function that opens a facade on a folder, with no Dagster that it could reach."""

    @contextmanager
    def opened(folder: Path, **changes: Any) -> Iterator[TestClient]:
        for name in ("storage", "data", "state"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        settings = Settings(
            _env_file=None,
            home=str(folder / "storage"),
            data=str(folder / "data"),
            state=folder / "state",
            dagster_url="http://127.0.0.1:9",  # the discard port, on which nothing listens
            **{"assess_workers": 0} | changes,  # worker processes only where a test asks for them
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


@pytest.fixture
def world(facade: TestClient, tmp_path: Path) -> Path:
    """A secret beside the data root, links to it from inside, and a data set's results."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text(SECRET)
    (tmp_path / "secret" / "face.jpg").write_bytes(portrait())
    data = tmp_path / "data"
    (data / "helen").mkdir()
    (data / "helen" / "1.jpg").write_bytes(portrait())
    (data / "helen" / "link.jpg").symlink_to(tmp_path / "secret" / "face.jpg")
    (data / "way out").symlink_to(tmp_path / "secret")
    (data / "uploaded" / "way out").symlink_to(tmp_path / "secret")
    (data / "uploaded" / "back").symlink_to(data / "helen")
    (data / ".hidden").write_text(SECRET)
    return tmp_path


def everything(folder: Path) -> list[str]:
    """Every path below a folder."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.fixture(scope="session")
def scanned(stack: Stack) -> dict:
    """The finished task of a scan of the sample files."""
    write_samples(stack.data / "contract")
    return stack.scanned("data/contract")
