"""Files and folders that several processes use at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bqat_pipeline.datasets import Location


def test_a_file_is_deleted_by_all_at_once(tmp_path: Path):
    """Two processes that compact a log delete the same parts; whoever comes second finds nothing to do."""
    start = threading.Barrier(8)

    def delete(number: int) -> None:
        start.wait()
        for name in range(200):
            Location.parse(str(tmp_path / str(name))).delete()

    for name in range(200):
        (tmp_path / str(name)).write_bytes(b"")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(delete, range(8)))
    assert not list(tmp_path.iterdir())
