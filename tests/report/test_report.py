"""The report says what the profiles say."""

import codecs
import csv
import json
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqat_pipeline.columns import MEASURED, columns_for
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, ScanOptions, Source, UnknownDatasetError
from bqat_pipeline.datasets.records import PassedOver
from bqat_pipeline.duplicates import write_duplicates
from bqat_pipeline.outliers import write_outliers
from bqat_pipeline.report import (
    NothingToReportError,
    Report,
    ReportOptions,
    compare,
    comparison_lines,
    comparison_page,
    delete_report,
    read_report,
    scorecard_markdown,
    summary_lines,
    wire_report,
    write_report,
)
from bqat_pipeline.report.write import put_eda
from bqat_pipeline.requirements import load_profile, scorecard
from bqat_pipeline.sample import portraits
from tests.report import synthetic

NO_PICTURES = ReportOptions(thumbnails="none")


def _report(store: DatasetStore, record: DatasetRecord, options: ReportOptions = NO_PICTURES) -> Report:
    write_report(store, record.key, options)
    report = read_report(store, record.key)
    assert report is not None
    return report


def _page(store: DatasetStore, record: DatasetRecord) -> str:
    return (store.report(record.key) / "index.html").read_bytes().decode()


def _csv(store: DatasetStore, record: DatasetRecord, name: str) -> list[dict[str, str]]:
    with (store.report(record.key) / name).local.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def _with(table: pa.Table, **columns: list) -> pa.Table:
    for name, values in columns.items():
        position = table.schema.get_field_index(name)
        table = table.set_column(
            position, table.schema.field(position), pa.array(values, table.schema.field(position).type)
        )
    return table


@pytest.fixture
def pictured(store: DatasetStore, tmp_path: Path) -> DatasetRecord:
    """Twelve rows of which all files exist: the two portraits of the packages, six copies each."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    table = synthetic.profiles(12, odd=0)
    names = []
    for number in range(12):
        image = portraits()[number % 2]
        cv2.imwrite(str(folder / f"{number}.jpg"), image)
        names.append(f"data/faces/{number}.jpg")
    heights = [portraits()[n % 2].shape[0] for n in range(12)]
    table = _with(
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


# numbers


def test_counts_are_those_of_the_rows(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = _report(store, made_up)
    table = store.profiles(made_up.key).to_table(columns=["status"])
    counts = {entry["values"]: entry["counts"] for entry in table["status"].value_counts().to_pylist()}
    assert {s.status: s.count for s in report.statuses} == counts
    assert report.standing.measured == sum(counts[s] for s in MEASURED)
    assert sum(u.count for u in report.unusable) == report.standing.files - report.standing.measured


def test_scorecard_is_that_of_the_requirements(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = _report(store, made_up)
    expected = scorecard(load_profile(made_up.requirements), store.profiles(made_up.key))
    assert [(r.name, r.outcomes.passed, r.outcomes.failed) for r in report.scorecard] == [
        (name, tally.passed, tally.failed) for name, tally in expected.requirements.items()
    ]
    assert report.standing.outcomes.failed == expected.overall.failed


def test_distributions_are_those_of_the_measured_rows(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = _report(store, made_up)
    frame = store.profiles(made_up.key).to_table().to_pandas()
    values = frame.loc[frame.status.isin(MEASURED), "brightness"]
    found = next(m for m in report.measures if m.name == "brightness")
    assert found.spread.n == len(values)
    assert found.spread.mean == pytest.approx(values.mean())
    assert found.spread.p50 == pytest.approx(values.median(), rel=5e-3)
    assert found.histogram is not None
    assert sum(found.histogram.counts) + found.histogram.below + found.histogram.above == pytest.approx(
        len(values), abs=1
    )


def test_every_limited_measure_comes_first_with_its_limit(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = _report(store, made_up)
    limited = [m.name for m in report.measures if m.limits]
    assert [m.name for m in report.measures[: len(limited)]] == limited
    assert set(limited) == {r.quantity for r in load_profile(made_up.requirements).requirements}


def test_worst_picture_misses_most_limits(store: DatasetStore) -> None:
    table = synthetic.profiles(100, odd=0)
    yaw = table["iso_head_pose_yaw"].to_pylist()
    yaw[42] = 60.0
    sure = [0.99 if row == 42 else 0.01 for row in range(100)]
    table = _with(
        table,
        iso_head_pose_yaw=yaw,
        aux_eye_closed_score_left=sure,
        aux_eye_closed_score_right=sure,
        aux_mouth_open_score=sure,
    )
    report = _report(store, synthetic.dataset(store, [table]))
    assert report.worst[0].row == 42
    assert any("Turn the head" in reason for reason in report.worst[0].reasons)
    assert next(m for m in report.measures if m.name == "iso_head_pose_yaw").worst[0].row == 42


def test_report_json_follows_its_schema_and_holds_no_nan(store: DatasetStore, made_up: DatasetRecord) -> None:
    write_report(store, made_up.key, NO_PICTURES)
    text = (store.report(made_up.key) / "report.json").read_bytes().decode()
    jsonschema.validate(json.loads(text, parse_constant=pytest.fail), Report.model_json_schema())


def test_lists_hold_every_row_they_are_about(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = _report(store, made_up)
    failures, unusable = _csv(store, made_up, "failures.csv"), _csv(store, made_up, "unusable.csv")
    assert len(failures) == report.standing.outcomes.failed
    assert all(row["failed"] for row in failures)
    assert len(unusable) == report.standing.files - report.standing.measured
    assert {d.file: d.rows for d in report.downloads}["failures.csv"] == len(failures)


def test_a_data_set_larger_than_a_batch_counts_the_same(store: DatasetStore) -> None:
    whole = _report(store, synthetic.dataset(store, synthetic.chunks(70_000, size=10_000)))
    assert whole.standing.files == 70_000
    assert sum(g.files for g in whole.groups[0].groups) == 70_000


def test_an_ofiq_data_set_is_held_against_the_same_limits(store: DatasetStore) -> None:
    columns = columns_for("ofiq")
    own = synthetic.profiles(300, odd=0)
    table = pa.table(
        {
            c.name: own[c.name if c.name in own.column_names else f"iso_{c.name}"]
            if c.name in own.column_names or f"iso_{c.name}" in own.column_names
            else pa.nulls(300, c.arrow_type)
            for c in columns
            if not (c.name == "dynamic_range" or c.name == "sharpness")
        }
        | {"row": own["row"]}
    )
    record = synthetic.dataset(store, [own])
    expected = _report(store, record)
    store.save(record.model_copy(update={"options": ScanOptions(engine="ofiq")}))
    place = store.generation(record.key, "g1") / "profiles" / "profiles.parquet"
    pq.write_table(table, place.path)
    report = _report(store, record)
    yaw = next(m for m in report.measures if m.name == "head_pose_yaw")
    assert yaw.limits
    found = {r.name: r for r in report.scorecard}
    assert found["yaw"].measure == "head_pose_yaw"
    assert found["yaw"].outcomes == {r.name: r for r in expected.scorecard}["yaw"].outcomes


# unusual, copies, groups


def test_unusual_pictures_carry_their_reasons(store: DatasetStore) -> None:
    table = synthetic.profiles(400, odd=0)
    distance = table["iso_inter_eye_distance"].to_pylist()
    distance[7] = 900.0
    record = synthetic.dataset(store, [_with(table, iso_inter_eye_distance=distance)])
    manifest = store.manifest(record.key)
    write_outliers(store.profiles(record.key), store.generation(record.key, manifest.generation))
    report = _report(store, record)
    assert report.unusual.pictures[0].row == 7
    assert any("nter-eye" in reason for reason in report.unusual.pictures[0].reasons)
    assert report.unusual.flagged == len(_csv(store, record, "outliers.csv"))


def test_few_pictures_are_ranked_and_not_called_unusual(store: DatasetStore) -> None:
    record = synthetic.dataset(store, [synthetic.profiles(60, odd=0)])
    write_outliers(store.profiles(record.key), store.generation(record.key, "g1"))
    report = _report(store, record)
    assert report.unusual.flagged == 0
    assert len(report.unusual.pictures) <= 6
    assert "ranked only" in _page(store, record)


def test_copies_are_shown_with_the_one_to_keep_first(store: DatasetStore) -> None:
    table = synthetic.profiles(50, odd=0)
    hashes = table["sha256"].to_pylist()
    hashes[9] = hashes[31] = hashes[4]
    record = synthetic.dataset(store, [_with(table, sha256=hashes)])
    manifest = store.manifest(record.key)
    write_duplicates(store.profiles(record.key), store.generation(record.key, manifest.generation))
    report = _report(store, record)
    (group,) = report.duplicates.groups
    assert sorted(p.row for p in group.pictures) == [4, 9, 31]
    assert [p.note for p in group.pictures] == ["keep", "identical", "identical"]
    assert report.duplicates.spare == 2
    assert len(_csv(store, record, "duplicates.csv")) == 3


def test_page_says_so_when_outliers_and_copies_were_not_looked_for(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = _report(store, made_up)
    assert not report.unusual.available
    assert not report.duplicates.available
    assert "has not run" in _page(store, made_up)


def test_small_groups_are_not_shown_on_their_own(store: DatasetStore, made_up: DatasetRecord) -> None:
    (table,) = _report(store, made_up).groups
    assert table.column == "folder"
    assert all(g.measured >= 20 for g in table.groups)
    assert "old scans" not in [g.name for g in table.groups]
    assert table.small == 1


def test_every_list_beside_the_page_begins_with_the_mark_that_excel_looks_for(
    store: DatasetStore, made_up: DatasetRecord
) -> None:
    lists = [d.file for d in _report(store, made_up).downloads if d.file.endswith(".csv")]
    assert len(lists) >= 5
    for name in lists:
        assert (store.report(made_up.key) / name).read_bytes().startswith(codecs.BOM_UTF8), name


def test_groups_by_a_column_of_the_metadata_csv(store: DatasetStore, made_up: DatasetRecord, tmp_path: Path) -> None:
    path = tmp_path / "meta.csv"
    path.write_text(
        "file,device\n" + "".join(f"{row:07d}.jpg,{'kiosk' if row % 2 else 'phone'}\n" for row in range(600))
    )
    store.save(made_up.model_copy(update={"metadata_csv": str(path)}))
    report = _report(store, made_up)
    assert {g.name: g.files for g in report.groups[1].groups} == {"kiosk": 300, "phone": 300}


def test_an_unusable_metadata_csv_becomes_a_note(store: DatasetStore, made_up: DatasetRecord, tmp_path: Path) -> None:
    store.save(made_up.model_copy(update={"metadata_csv": str(tmp_path / "gone.csv")}))
    report = _report(store, made_up)
    assert "gone.csv" in report.notes[0]
    assert "gone.csv" in _page(store, made_up)


def test_what_the_scan_could_not_read_or_passed_over_is_said(store: DatasetStore, made_up: DatasetRecord) -> None:
    manifest = store.manifest(made_up.key)
    assert manifest is not None
    found = PassedOver(
        unreadable_folders=1, unreadable_folder_names=["data/<x>"], other_files=10, other_files_looked_at=10
    )
    store.publish(made_up.key, manifest.model_copy(update={"passed_over": found}))
    sentences = ["1 folder could not be read: data/<x>.", "10 other files were passed over."]
    assert _report(store, made_up).notes == sentences
    page = _page(store, made_up)
    assert "data/&lt;x&gt;" in page and "10 other files" in page
    assert (
        _report(store, made_up, ReportOptions(thumbnails="none", names="hashed")).notes[0]
        == "1 folder could not be read."
    )


# comparison


def test_previous_scan_is_compared_by_the_same_limits(store: DatasetStore) -> None:
    record = synthetic.dataset(store, [synthetic.profiles(2000)])
    synthetic.publish(store, record, [synthetic.profiles(2000, seed=1, shift=0.5)], "g2", previous="g1")
    difference = _report(store, record).comparison
    assert difference is not None
    assert difference.shifts[0].name == "brightness"
    assert difference.shifts[0].shift == pytest.approx(0.5, abs=0.1)
    assert [s.name for s in difference.shifts if s.flagged] == ["brightness"]


def test_few_pictures_are_compared_and_not_flagged(store: DatasetStore, made_up: DatasetRecord) -> None:
    other = synthetic.dataset(store, [synthetic.profiles(600, seed=5, shift=1.0)], "Other")
    result = compare(store, made_up.key, other.key)
    assert not result["flags"]
    assert not any(s["flagged"] for s in result["shifts"])
    assert result["name"] == made_up.name
    assert any("pass rate" in line for line in comparison_lines(result))
    assert "Other against Made-up faces" in comparison_page(store, made_up.key, other.key)


def test_a_missing_baseline_becomes_a_note(store: DatasetStore, made_up: DatasetRecord) -> None:
    store.save(made_up.model_copy(update={"baseline": "gone-12345678"}))
    report = _report(store, made_up)
    assert report.comparison is None
    assert "gone-12345678" in report.notes[0]


# pictures and names


def test_page_shows_faces_and_stays_small(store: DatasetStore, pictured: DatasetRecord) -> None:
    summary = write_report(store, pictured.key, ReportOptions())
    assert summary["thumbnails"] == 12
    page = _page(store, pictured)
    assert page.count("data:image/webp;base64,") >= 12
    assert "biometric personal data" in page


def test_a_page_with_300_thumbnails_stays_below_6_mb(store: DatasetStore, tmp_path: Path) -> None:
    for number, image in enumerate(portraits()):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), image)
    table = synthetic.profiles(700, odd=0)
    table = _with(table, file=[f"data/faces/{row % 2}.jpg" for row in range(700)], image_width=[512] * 700)
    record = synthetic.dataset(store, [table], uri=str(tmp_path))
    summary = write_report(store, record.key, ReportOptions(worst=400))
    assert summary["thumbnails"] == 300
    assert summary["page_bytes"] < 6_000_000


def test_blurred_faces_differ_from_full_ones_and_none_are_none(store: DatasetStore, pictured: DatasetRecord) -> None:
    pages = {}
    for kind in ("full", "blurred", "none"):
        write_report(store, pictured.key, ReportOptions(thumbnails=kind))
        pages[kind] = {part.split('"')[0] for part in _page(store, pictured).split("data:image/webp;base64,")[1:]}
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
    table = synthetic.profiles(2, odd=0)
    table = _with(table, file=["data/faces/../secret.jpg", "data/faces/link.jpg"])
    record = synthetic.dataset(store, [table], uri=str(tmp_path / "pictures"))
    assert write_report(store, record.key, ReportOptions())["thumbnails"] == 0


def test_hashed_names_leave_no_name_anywhere(store: DatasetStore, made_up: DatasetRecord) -> None:
    write_report(store, made_up.key, ReportOptions(thumbnails="none", names="hashed"))
    for info in store.report(made_up.key).iterdir():
        content = (store.report(made_up.key) / info.base_name).read_bytes().decode()
        for secret in ("harbour", "town hall", ".jpg", "data/faces"):
            assert secret not in content, info.base_name


def test_cells_that_spreadsheets_take_for_formulas_are_quoted(store: DatasetStore) -> None:
    table = synthetic.profiles(60, odd=0)
    table = _with(
        table,
        folder=["=1+1"] * 30 + ["b"] * 30,
        file=["@evil.jpg"] * 60,
        yaw_degree=[0.0] * 60,
        iso_head_pose_yaw=[50.0] * 60,
    )
    record = synthetic.dataset(store, [table])
    write_report(store, record.key, NO_PICTURES)
    assert {row["group"] for row in _csv(store, record, "groups.csv")} == {"'=1+1", "b"}
    assert {row["file"] for row in _csv(store, record, "failures.csv")} == {"'@evil.jpg"}


def test_texts_that_the_gui_takes_for_errors_never_appear(store: DatasetStore) -> None:
    table = synthetic.profiles(60)
    names = ['not found {"detail":"Report of x"} not found.jpg'] * 60
    record = synthetic.dataset(
        store, [_with(table, file=names, folder=["not found", "b"] * 30, reason=["not found"] * 60)], "not found"
    )
    write_report(store, record.key, NO_PICTURES)
    page = _page(store, record)
    assert "not found" not in page
    assert '{"detail":"Report of' not in page
    assert "not&#32;found" in page


# the files


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
    assert 'href="./eda.html"' in _page(store, made_up)
    assert [p.name for p in store.folder(made_up.key).local.iterdir() if p.name.endswith(".tmp")] == []


def test_a_report_that_fails_leaves_the_old_one(store: DatasetStore, made_up: DatasetRecord) -> None:
    write_report(store, made_up.key, NO_PICTURES)
    before = _page(store, made_up)
    store.save(made_up.model_copy(update={"requirements": "no-such-profile"}))
    with pytest.raises(ValueError, match="no-such-profile"):
        write_report(store, made_up.key, NO_PICTURES)
    assert _page(store, made_up) == before


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
    assert "eda.html" not in _page(store, made_up)


def test_nothing_is_reported_before_the_first_scan(store: DatasetStore) -> None:
    record = store.create("Empty", [Source(uri="/nowhere", prefix="data/faces")])
    with pytest.raises(NothingToReportError, match="no finished scan"):
        write_report(store, record.key, NO_PICTURES)
    with pytest.raises(UnknownDatasetError):
        write_report(store, "gone-12345678", NO_PICTURES)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_tiny_data_sets_have_a_report(store: DatasetStore, rows: int) -> None:
    record = synthetic.dataset(store, [synthetic.profiles(rows)])
    report = _report(store, record)
    assert report.standing.files == rows


def test_a_data_set_without_any_face_has_a_report(store: DatasetStore) -> None:
    report = _report(store, synthetic.dataset(store, [synthetic.profiles(30, odd=1.0)]))
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
    first, second = (_report(store, made_up).model_dump(exclude={"created"}) for _ in range(2))
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
