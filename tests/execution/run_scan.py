"""A scan in a process of its own, for tests that kill it: home, key, log, settings as JSON."""

import json
import sys

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.execution import scan_dataset
from bqat_pipeline.settings import Settings
from tests.execution.fake_engine import FakeEngines

if __name__ == "__main__":
    home, key, log, chosen = sys.argv[1:]
    scan_dataset(
        DatasetStore(Location.parse(home)),
        key,
        settings=Settings(**json.loads(chosen), _env_file=None),
        engines=FakeEngines(log),
    )
