"""What tests look at after a data set was scanned with identities."""

from pathlib import Path

from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.execution import scan_dataset
from bqat_pipeline.identity.questions import stored_pairs
from bqat_pipeline.settings import Settings
from tests.execution.fake_engine import FakeEngines
from tests.identity.fake_templates import FakeTemplateEngines


def opened(engines: FakeTemplateEngines) -> list[str]:
    """Texts of the files that were opened since the last call."""
    log = Path(engines.log_path)
    lines = log.read_text().splitlines() if log.is_file() else []
    log.unlink(missing_ok=True)
    return sorted(lines)


def scanned(store: DatasetStore, record: DatasetRecord, config: Settings) -> None:
    scan_dataset(store, record.key, settings=config, engines=FakeEngines())


def pairs(store: DatasetStore, record: DatasetRecord) -> list[tuple[str, str]]:
    table = store.found(record.key, "identities")
    profiles = store.profiles(record.key)
    assert table is not None
    assert profiles is not None
    found = stored_pairs(table, 0.34)
    assert [pair.distance for pair in found] == sorted(pair.distance for pair in found)
    return [(pair.a.removeprefix("set/"), pair.b.removeprefix("set/")) for pair in found]
