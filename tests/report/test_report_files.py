"""The files of a report: replaced together, current, deleted; tiny and odd data sets."""

import json
from pathlib import Path

import numpy as np
import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Source, UnknownDatasetError
from bqat_pipeline.report import (
    NothingToReportError,
    delete_report,
    read_report,
    scorecard_markdown,
    summary_lines,
    wire_report,
    write_report,
)
from bqat_pipeline.report.write import put_eda
from tests.report import synthetic
from tests.report.reading import NO_PICTURES, made_report, page_of


def test_a_new_report_replaces_the_old_one_with_all_its_files(store: DatasetStore, made_up: DatasetRecord) -> None:
    write_report(store, made_up.key, NO_PICTURES)
    (store.report(made_up.key) / "stale.csv").write_bytes(b"old")
    put_eda(store, made_up.key, store.manifest(made_up.key).generation, "kept")
    write_report(store, made_up.key, NO_PICTURES)
    names = {info.base_name for info in store.report(made_up.key).iterdir()}
    assert "stale.csv" not in names
    assert {
        "index.html",
        "report.json",
        "failures.csv",
        "unusable.csv",
        "scorecard.csv",
        "measures.csv",
        "groups.csv",
    } <= names
    assert 'href="./eda.html"' in page_of(store, made_up)
    assert [p.name for p in store.folder(made_up.key).local.iterdir() if p.name.endswith(".tmp")] == []


def test_a_report_that_fails_leaves_the_old_one(store: DatasetStore, made_up: DatasetRecord) -> None:
    write_report(store, made_up.key, NO_PICTURES)
    before = page_of(store, made_up)
    store.save(made_up.model_copy(update={"requirements": "no-such-profile"}))
    with pytest.raises(ValueError, match="no-such-profile"):
        write_report(store, made_up.key, NO_PICTURES)
    assert page_of(store, made_up) == before


def test_the_facade_finds_the_page_until_it_is_deleted(store: DatasetStore, made_up: DatasetRecord) -> None:
    assert wire_report(store, made_up.key) is None
    write_report(store, made_up.key, NO_PICTURES)
    place = wire_report(store, made_up.key)
    assert place is not None
    assert b'href="./failures.csv"' in place.read_bytes()
    assert delete_report(store, made_up.key)
    assert wire_report(store, made_up.key) is None
    assert not delete_report(store, made_up.key)


def test_an_eda_page_of_an_older_scan_is_dropped(store: DatasetStore, made_up: DatasetRecord) -> None:
    put_eda(store, made_up.key, store.manifest(made_up.key).generation, "old")
    synthetic.publish(store, made_up, [synthetic.profiles(50)], "g2")
    write_report(store, made_up.key, NO_PICTURES)
    assert not (store.report(made_up.key) / "eda.html").exists()
    assert "eda.html" not in page_of(store, made_up)


def test_nothing_is_reported_before_the_first_scan(store: DatasetStore) -> None:
    record = store.create("Empty", [Source(uri="/nowhere", prefix="data/faces")])
    with pytest.raises(NothingToReportError, match="no finished scan"):
        write_report(store, record.key, NO_PICTURES)
    with pytest.raises(UnknownDatasetError):
        write_report(store, "gone-12345678", NO_PICTURES)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_tiny_data_sets_have_a_report(store: DatasetStore, rows: int) -> None:
    record = synthetic.dataset(store, [synthetic.profiles(rows)])
    report = made_report(store, record)
    assert report.standing.files == rows


def test_a_data_set_without_any_face_has_a_report(store: DatasetStore) -> None:
    report = made_report(store, synthetic.dataset(store, [synthetic.profiles(30, unmeasured=1.0)]))
    assert report.standing.headline == "No face could be measured in any of the files."
    assert report.standing.outcomes.pass_rate.value is None


def test_essentials_as_text(store: DatasetStore, made_up: DatasetRecord) -> None:
    summary = write_report(store, made_up.key, NO_PICTURES)
    json.dumps(summary, allow_nan=False)
    assert any("assessed pictures" in line for line in summary_lines(summary))
    report = read_report(store, made_up.key)
    assert report is not None
    assert scorecard_markdown(report.scorecard).count("\n") == len(report.scorecard) + 1


def test_the_same_data_makes_the_same_numbers(store: DatasetStore, made_up: DatasetRecord) -> None:
    first, second = (made_report(store, made_up).model_dump(exclude={"created"}) for _ in range(2))
    assert first == second


def test_reports_on_object_storage(made_up: DatasetRecord, store: DatasetStore, tmp_path: Path) -> None:
    """A store that is no plain local folder takes the other way of publishing."""
    from pyarrow import fs

    remote = fs.SubTreeFileSystem(str(tmp_path / "storage"), fs.LocalFileSystem())
    store.report(made_up.key).create_dir()  # object storage has no folders, this stand-in does
    elsewhere = DatasetStore(Location(remote, "/"))
    write_report(elsewhere, made_up.key, NO_PICTURES)
    assert read_report(elsewhere, made_up.key) is not None
    assert np.isfinite(read_report(elsewhere, made_up.key).standing.usable.value)
