"""Pictures and names in a report: as small and as private as it was asked for."""

from pathlib import Path

import cv2
import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.report import (
    ReportOptions,
    write_report,
)
from bqat_pipeline.sample import portraits
from tests.report import synthetic
from tests.report.reading import NO_PICTURES, page_of, rows_of, with_columns


@pytest.fixture
def pictured(store: DatasetStore, tmp_path: Path) -> DatasetRecord:
    """Twelve rows of which all files exist: the two portraits of the packages, six copies each."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    table = synthetic.profiles(12, unmeasured=0)
    names = []
    for number in range(12):
        image = portraits()[number % 2]
        cv2.imwrite(str(folder / f"{number}.jpg"), image)
        names.append(f"data/faces/{number}.jpg")
    heights = [portraits()[n % 2].shape[0] for n in range(12)]
    table = with_columns(
        table,
        file=names,
        image_height=heights,
        image_width=[512] * 12,
        bbox_left=[150] * 12,
        bbox_right=[350] * 12,
        bbox_upper=[80] * 12,
        bbox_lower=[300] * 12,
    )
    return synthetic.dataset(store, [table], uri=str(folder))


def test_page_shows_faces_and_stays_small(store: DatasetStore, pictured: DatasetRecord) -> None:
    summary = write_report(store, pictured.key, ReportOptions())
    assert summary["thumbnails"] == 12
    page = page_of(store, pictured)
    assert page.count("data:image/webp;base64,") >= 12
    assert "biometric personal data" in page


def test_a_page_with_300_thumbnails_stays_below_6_mb(store: DatasetStore, tmp_path: Path) -> None:
    for number, image in enumerate(portraits()):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), image)
    table = synthetic.profiles(700, unmeasured=0)
    table = with_columns(table, file=[f"data/faces/{row % 2}.jpg" for row in range(700)], image_width=[512] * 700)
    record = synthetic.dataset(store, [table], uri=str(tmp_path))
    summary = write_report(store, record.key, ReportOptions(worst=400))
    assert summary["thumbnails"] == 300
    assert summary["page_bytes"] < 6_000_000


def test_blurred_faces_differ_from_full_ones_and_none_are_none(store: DatasetStore, pictured: DatasetRecord) -> None:
    pages = {}
    for kind in ("full", "blurred", "none"):
        write_report(store, pictured.key, ReportOptions(thumbnails=kind))
        pages[kind] = {part.split('"')[0] for part in page_of(store, pictured).split("data:image/webp;base64,")[1:]}
    assert pages["full"] and pages["blurred"]
    assert not pages["full"] & pages["blurred"]
    assert not pages["none"]


def test_no_more_thumbnails_than_allowed(store: DatasetStore, pictured: DatasetRecord) -> None:
    assert write_report(store, pictured.key, ReportOptions(max_thumbnails=3))["thumbnails"] == 3


def test_pictures_that_went_away_do_not_cost_the_report(
    store: DatasetStore, pictured: DatasetRecord, tmp_path: Path
) -> None:
    for path in (tmp_path / "pictures").iterdir():
        path.write_bytes(b"no picture")
    assert write_report(store, pictured.key, ReportOptions())["thumbnails"] == 0


def test_no_picture_outside_the_source_is_read(store: DatasetStore, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "secret.jpg"), portraits()[0])
    (tmp_path / "pictures" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    table = synthetic.profiles(2, unmeasured=0)
    table = with_columns(table, file=["data/faces/../secret.jpg", "data/faces/link.jpg"])
    record = synthetic.dataset(store, [table], uri=str(tmp_path / "pictures"))
    assert write_report(store, record.key, ReportOptions())["thumbnails"] == 0


def test_hashed_names_leave_no_name_anywhere(store: DatasetStore, made_up: DatasetRecord) -> None:
    write_report(store, made_up.key, ReportOptions(thumbnails="none", names="hashed"))
    for info in store.report(made_up.key).iterdir():
        content = (store.report(made_up.key) / info.base_name).read_bytes().decode()
        for secret in ("harbour", "town hall", ".jpg", "data/faces"):
            assert secret not in content, info.base_name


def test_cells_that_spreadsheets_take_for_formulas_are_quoted(store: DatasetStore) -> None:
    table = synthetic.profiles(60, unmeasured=0)
    table = with_columns(
        table,
        folder=["=1+1"] * 30 + ["b"] * 30,
        file=["@evil.jpg"] * 60,
        yaw_degree=[0.0] * 60,
        iso_head_pose_yaw=[50.0] * 60,
    )
    record = synthetic.dataset(store, [table])
    write_report(store, record.key, NO_PICTURES)
    assert {row["group"] for row in rows_of(store, record, "groups.csv")} == {"'=1+1", "b"}
    assert {row["file"] for row in rows_of(store, record, "failures.csv")} == {"'@evil.jpg"}


def test_texts_that_the_gui_takes_for_errors_never_appear(store: DatasetStore) -> None:
    table = synthetic.profiles(60)
    names = ['not found {"detail":"Report of x"} not found.jpg'] * 60
    record = synthetic.dataset(
        store, [with_columns(table, file=names, folder=["not found", "b"] * 30, reason=["not found"] * 60)], "not found"
    )
    write_report(store, record.key, NO_PICTURES)
    page = page_of(store, record)
    assert "not found" not in page
    assert '{"detail":"Report of' not in page
    assert "not&#32;found" in page
