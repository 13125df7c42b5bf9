"""Every step of a scan waits for S3 that refuses for a while, not only the measuring."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bqat_pipeline.settings import settings
from tests.dagster.test_scan_job import run
from tests.s3 import FlakyS3, flaky_s3

# Files of the steps after the measuring, and how often each is refused: more often than one request is tried again.
REFUSED = {"/outliers.parquet": 4, "/duplicates.json": 4, "/report/index.html": 4}


@pytest.fixture
def s3() -> Iterator[FlakyS3]:
    with flaky_s3() as running:
        yield running


@pytest.fixture
def environment(environment: Path, s3: FlakyS3, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The usual settings, with results on S3."""
    monkeypatch.setenv("BQAT_HOME", s3.uri("home"))
    settings.cache_clear()
    return environment


def test_outliers_duplicates_and_report_wait_while_s3_is_away(record, instance, store, s3, caplog):
    left = dict(REFUSED)

    def fault(method: str, path: str) -> int | None:
        name = next((name for name in left if name in path), "")
        if method != "PUT" or not left.get(name):
            return None
        left[name] -= 1
        return 403

    with s3.faulty(fault):
        result = run(record, instance, ("images", "face_profiles", "outliers", "duplicates", "report"))
    assert result.success
    assert not any(left.values())
    assert caplog.text.count("(BQAT_STORAGE_TIMEOUT)") == len(REFUSED)
    assert (store.report(record.key) / "index.html").is_file()
