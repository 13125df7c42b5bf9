"""S3 that refuses, breaks off or is away: nothing is lost, and few requests are made."""

from collections.abc import Iterator

import pytest

from bqat_pipeline.datasets import DatasetStore, Location, Source
from bqat_pipeline.datasets.identity_files import IdentityFiles
from bqat_pipeline.execution import ScanError, scan_dataset
from bqat_pipeline.execution.parts import intact_parts, read_part
from bqat_pipeline.identity.running import find_identities_of_scan
from tests.execution.conftest import by_file, profiles
from tests.execution.fake_engine import FakeEngines
from tests.identity.fake_templates import FakeTemplateEngines
from tests.s3 import FlakyS3, flaky_s3


@pytest.fixture(scope="module")
def s3() -> Iterator[FlakyS3]:
    with flaky_s3() as running:
        yield running


@pytest.fixture
def remote(s3: FlakyS3, tmp_path) -> tuple[DatasetStore, str]:
    """A store and the key of a data set of twelve pictures, both of this test alone."""
    place = tmp_path.name
    pictures = Location.parse(s3.uri(f"{place}/data"))
    for number in range(12):
        (pictures / f"{number:03d}.jpg").write_bytes(b"face %03d" % number)
    store = DatasetStore(Location.parse(s3.uri(f"{place}/home")))
    return store, store.create("set", [Source(uri=s3.uri(f"{place}/data"), prefix="data/set")]).key


def passing(status: int, times: int, text: str):
    """A fault of the first requests of a path."""
    left = [times]

    def fault(method: str, path: str) -> int | None:
        if text not in path or (method == "GET" and "list-type" in path):
            return None
        left[0] -= 1
        return status if left[0] >= 0 else None

    return fault


@pytest.mark.parametrize("status", [403, 503, 0])
def test_refusals_that_pass_cost_no_row(s3, remote, config, status):
    store, key = remote
    with s3.faulty(passing(status, 2, "/data/007.jpg")):
        assert scan_dataset(store, key, settings=config, engines=FakeEngines()).counts == {"ok": 12}


def test_picture_that_stays_refused_is_a_row_with_its_reason_and_tried_again_by_the_next_scan(s3, remote, config):
    store, key = remote
    with s3.faulty(lambda method, path: 403 if "/data/007.jpg" in path else None):
        manifest = scan_dataset(store, key, settings=config, engines=FakeEngines())
    assert manifest.counts == {"ok": 11, "unreadable": 1}
    row = by_file(store, key)["007.jpg"]
    assert row["reason_code"] == "permission_denied"
    assert "ACCESS_DENIED" in row["reason"]
    assert scan_dataset(store, key, settings=config, engines=FakeEngines()).counts == {"ok": 12}


@pytest.mark.parametrize("where", ["data", ""])
def test_scan_waits_while_s3_is_away(s3, remote, config, caplog, where):
    store, key = remote
    seen = []

    def away(method: str, path: str) -> int | None:
        """From the first picture on, until the scan says that it waits."""
        if path.endswith("/data/003.jpg"):
            seen.append(path)
        waits = "BQAT_STORAGE_TIMEOUT" in caplog.text
        return 0 if seen and not waits and where in path else None

    with s3.faulty(away):
        manifest = scan_dataset(store, key, settings=config, engines=FakeEngines())
    assert manifest.counts == {"ok": 12}
    assert "tried again" in caplog.text
    assert profiles(store, key)["row"].to_pylist() == list(range(12))


def test_s3_that_stays_away_ends_the_scan_with_a_sentence_and_it_resumes(s3, remote, config):
    store, key = remote
    impatient = config.model_copy(update={"storage_timeout": 0.0})
    with (
        s3.faulty(lambda method, path: 403 if method == "PUT" and "/parts/" in path else None),
        pytest.raises(ScanError, match=r"cannot read or write below .*ACCESS_DENIED.*run the scan again"),
    ):
        scan_dataset(store, key, settings=impatient, engines=FakeEngines())
    assert scan_dataset(store, key, settings=config, engines=FakeEngines()).counts == {"ok": 12}


def requests_of(s3: FlakyS3, act) -> dict[str, int]:
    s3.requests.clear()
    act()
    return dict(s3.requests)


def test_files_are_written_by_one_request_and_read_by_two(s3, remote, config, tmp_path):
    store, key = remote
    place = store.folder(key) / "small.json"
    assert requests_of(s3, lambda: place.write_bytes(b"{}")) == {"PUT": 1}
    assert requests_of(s3, place.read_bytes) == {"HEAD": 1, "GET": 1}


@pytest.mark.parametrize(("size", "times"), [(1_000, 2), (1_000, 100), (20_000_000, 2)])
def test_file_that_s3_refuses_is_put_again_or_stays_where_it_was(s3, remote, tmp_path, size, times):
    """pyarrow's own copy ends well when a small file is refused, and an empty one stays."""
    store, key = remote
    place, source = store.folder(key) / "table.parquet", tmp_path / "table.parquet"
    source.write_bytes(bytes(size))
    left = [times]

    def fault(method: str, path: str) -> int | None:
        left[0] -= "table.parquet" in path and method in ("PUT", "POST")
        return 403 if left[0] >= 0 and "table.parquet" in path and method in ("PUT", "POST") else None

    with s3.faulty(fault):
        if times == 2:
            place.put_file(source)
        else:
            with pytest.raises(OSError, match="ACCESS_DENIED"):
                place.put_file(source)
    assert (place.exists(), source.exists()) == ((True, False) if times == 2 else (False, True))
    assert times > 2 or place.info().size == size


def test_finished_part_costs_two_requests_when_a_scan_resumes_and_two_when_it_is_read(s3, remote, config):
    store, key = remote
    with s3.faulty(lambda method, path: 403 if method == "PUT" and "profiles-0" in path else None):
        impatient = config.model_copy(update={"storage_timeout": 0.0})
        with pytest.raises(ScanError):
            scan_dataset(store, key, settings=impatient, engines=FakeEngines())
    (generation,) = store.generations(key)
    folder = store.generation(key, generation).parts
    parts = intact_parts(folder)
    assert len(parts) == 12
    assert requests_of(s3, lambda: intact_parts(folder)) == {"HEAD": 12, "GET": 12 + 1}  # and one list
    path = next(iter(folder.iterdir())).path
    assert requests_of(s3, lambda: read_part(folder.filesystem, path)) == {"HEAD": 1, "GET": 1}


def test_templates_of_faces_survive_a_refusal_and_go_with_the_data_set(s3, remote, config, tmp_path):
    store, key = remote
    scan_dataset(store, key, settings=config, engines=FakeEngines())
    log, chosen = tmp_path / "log", config.model_copy(update={"storage_timeout": 0.0})
    engines = FakeTemplateEngines(str(log))
    with s3.faulty(lambda method, path: 403 if method in ("PUT", "POST") and "templates.parquet" in path else None):
        assert "AWS Error" in find_identities_of_scan(store, key, chosen, engines=engines)["problem"]
    assert find_identities_of_scan(store, key, chosen, engines=engines)["without_template"] == {"turned_away": 12}
    assert len(log.read_text().splitlines()) == 12  # no file was opened twice
    left = IdentityFiles.of(store, key).folder
    assert [info.base_name for info in left.iterdir()] == ["templates.parquet"]
    store.delete(key)
    assert not left.is_dir()
