"""A Dagster instance and a data set of three real pictures, in folders of the test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import matplotlib
import pytest

from assets.partitions import datasets
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Source
from bqat_pipeline.deployment.instance import PROJECT_ROOT, open_instance
from bqat_pipeline.settings import settings


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings that point into the test's folder; the data root is `tmp_path/data`."""
    for name, value in {
        "HOME": tmp_path / "home",
        "DATA": tmp_path / "data",
        "STATE": tmp_path / "state",
        "WORKERS": 1,
        "SENSOR_SETTLE": 0,
        "EDA": "false",
    }.items():
        monkeypatch.setenv(f"BQAT_{name}", str(value))
    (tmp_path / "data").mkdir()
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def store(environment: Path) -> DatasetStore:
    return DatasetStore(Location.parse(settings().home))


@pytest.fixture
def instance(environment: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def embedded(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance of the embedded deployment, from its own file."""
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
    with open_instance() as opened:
        yield opened


@pytest.fixture
def pictures(environment: Path) -> Path:
    """A folder below the data root with a portrait, a picture without a face, and a file that is no picture."""
    from PIL import Image

    folder = environment / "data" / "set"
    folder.mkdir()
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    shutil.copy(hopper, folder / "hopper.jpg")
    Image.new("RGB", (200, 200), "navy").save(folder / "plain.png")
    (folder / "text.jpg").write_text("not a picture")
    return folder


@pytest.fixture
def record(store: DatasetStore, pictures: Path, instance: dg.DagsterInstance) -> DatasetRecord:
    made = store.create("set", [Source(uri=str(pictures), prefix="data/set")])
    instance.add_dynamic_partitions(datasets.name, [made.key])
    return made
