"""Response times of the review page's thumbnails. Part of ``python -m benchmarks.review``.

Unlike the made-up rows these need pictures: portraits of 1 MP, each with bytes of its own, scanned for it. The facade is a new one,
so that every first thumbnail is made and every second comes from its cache on disk.
"""

import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.engine import portrait
from bqat_pipeline import audit
from bqat_pipeline.settings import Settings
from tests.facade import running_facade

PICTURES = 60


def thumbnails() -> dict[str, list[float]]:
    """Milliseconds of each thumbnail when it is made, and when it comes from the cache."""
    with tempfile.TemporaryDirectory(prefix="bqat-bench-") as temporary:
        folder = Path(temporary)
        pictures = folder / "data" / "pictures"
        pictures.mkdir(parents=True)
        content = portrait(1)
        for number in range(PICTURES):
            (pictures / f"{number:03}.jpg").write_bytes(content + number.to_bytes(2, "big"))
        with running_facade(folder, BQAT_ASSESS_WORKERS=0) as facade:
            settings = Settings(home=str(folder / "storage"), data=str(folder / "data"), state=folder / "state")
            key = audit(pictures, settings=settings).key
            with httpx.Client(base_url=facade.address, timeout=60) as client:

                def seconds(row: int) -> float:
                    began = time.perf_counter()
                    client.get(f"/v1/datasets/{key}/profiles/{row}/thumbnail").raise_for_status()
                    return 1000 * (time.perf_counter() - began)

                seconds(0)  # imports Pillow
                return {
                    "thumbnail of 1 MP, made": [seconds(row) for row in range(1, PICTURES)],
                    "thumbnail from the cache": [seconds(row) for row in range(1, PICTURES)],
                }
