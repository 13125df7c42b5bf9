"""A store and folders of small files for tests of scans."""

from pathlib import Path

import pyarrow as pa
import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Source
from bqat_pipeline.settings import Settings


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(Location.parse(tmp_path / "home"))


@pytest.fixture
def config() -> Settings:
    return Settings(workers=2, chunk_size=5, image_timeout=20, _env_file=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty files that the fake engine measures."""
    place = tmp_path / "data" / "set"
    place.mkdir(parents=True)
    for number in range(30):
        (place / f"{number:03d}.jpg").write_bytes(b"face %03d" % number)
    return place


@pytest.fixture
def record(store: DatasetStore, folder: Path) -> DatasetRecord:
    return store.create("set", [Source(uri=str(folder), prefix="data/set")])


def profiles(store: DatasetStore, key: str) -> pa.Table:
    """The published profiles in order."""
    dataset = store.profiles(key)
    assert dataset is not None
    return dataset.to_table()


def by_file(store: DatasetStore, key: str) -> dict[str, dict]:
    return {row["file"].removeprefix("data/set/"): row for row in profiles(store, key).to_pylist()}
