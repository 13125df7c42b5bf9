"""The report says what the profiles say."""

import codecs
import json
from pathlib import Path

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqat_pipeline.columns import FACE, MEASURED, columns_for
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, ScanOptions
from bqat_pipeline.datasets.records import PassedOver
from bqat_pipeline.duplicates import write_duplicates
from bqat_pipeline.outliers import write_outliers
from bqat_pipeline.report import (
    Report,
    ReportOptions,
    compare,
    comparison_lines,
    comparison_page,
    write_report,
)
from bqat_pipeline.requirements import load_rule_set, scorecard
from tests.report import synthetic
from tests.report.reading import NO_PICTURES, made_report, page_of, rows_of, with_columns

# numbers


def test_the_second_verdict_stands_beside_the_first(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = made_report(store, made_up)
    second = next(s for s in report.standing.rule_sets if s.name == "recognition")
    assert second.outcomes.assessed > 0 and not second.chosen
    text = " ".join(page_of(store, made_up).split())
    assert f"Fit for recognition:</strong> {second.outcomes.passed} of {second.outcomes.assessed} assessed" in text


def test_counts_are_those_of_the_rows(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = made_report(store, made_up)
    table = store.profiles(made_up.key).to_table(columns=["status"])
    counts = {entry["values"]: entry["counts"] for entry in table["status"].value_counts().to_pylist()}
    assert {s.status: s.count for s in report.statuses} == counts
    assert report.standing.measured == sum(counts[s] for s in MEASURED)
    assert sum(u.count for u in report.unusable) == report.standing.files - report.standing.measured


def test_scorecard_is_that_of_the_requirements(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = made_report(store, made_up)
    expected = scorecard(load_rule_set(made_up.requirements), store.profiles(made_up.key))
    assert [(r.name, r.outcomes.passed, r.outcomes.failed) for r in report.scorecard] == [
        (name, tally.passed, tally.failed) for name, tally in expected.requirements.items()
    ]
    assert report.standing.outcomes.failed == expected.overall.failed


def test_distributions_are_those_of_the_measured_rows(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = made_report(store, made_up)
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
    report = made_report(store, made_up)
    limited = [m.name for m in report.measures if m.limits]
    assert [m.name for m in report.measures[: len(limited)]] == limited
    assert set(limited) == {r.quantity for r in load_rule_set(made_up.requirements).requirements}


def test_worst_picture_misses_most_limits(store: DatasetStore) -> None:
    table = synthetic.profiles(100, unmeasured=0)
    yaw = table["iso_head_pose_yaw"].to_pylist()
    yaw[42] = 60.0
    sure = [0.99 if row == 42 else 0.01 for row in range(100)]
    table = with_columns(
        table,
        iso_head_pose_yaw=yaw,
        aux_upside_down=[False] * 100,
        aux_quarter_turn=[0] * 100,
        aux_eye_closed_score_left=sure,
        aux_eye_closed_score_right=sure,
        aux_mouth_open_score=sure,
    )
    record = synthetic.dataset(store, [table])
    report = made_report(store, record)
    page = page_of(store, record)
    assert "borderline within ±5\u202f%" in page and "borderline within ±2.5°" in page
    assert report.worst[0].row == 42
    assert any("Turn the head" in reason and " ± 2.5 deg" in reason for reason in report.worst[0].reasons)
    assert next(m for m in report.measures if m.name == "iso_head_pose_yaw").error == 2.5
    assert next(m for m in report.measures if m.name == "iso_head_pose_yaw").worst[0].row == 42
    # people with dark skin stand at no bad end, and component values that follow it make no picture worse
    ends = {m.name: m.worst for m in report.measures}
    assert not any(ends[c.name] for c in FACE if c.follows_skin_tone and c.name in ends)
    assert ends["iso_over_exposure_prevention"]


def test_report_json_follows_its_schema_and_holds_no_nan(store: DatasetStore, made_up: DatasetRecord) -> None:
    write_report(store, made_up.key, NO_PICTURES)
    text = (store.report(made_up.key) / "report.json").read_bytes().decode()
    jsonschema.validate(json.loads(text, parse_constant=pytest.fail), Report.model_json_schema())


def test_lists_hold_every_row_they_are_about(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = made_report(store, made_up)
    failures, unusable = rows_of(store, made_up, "failures.csv"), rows_of(store, made_up, "unusable.csv")
    assert len(failures) == report.standing.outcomes.failed
    assert all(row["failed"] for row in failures)
    assert len(unusable) == report.standing.files - report.standing.measured
    assert {d.file: d.rows for d in report.downloads}["failures.csv"] == len(failures)


def test_a_data_set_larger_than_a_batch_counts_the_same(store: DatasetStore) -> None:
    whole = made_report(store, synthetic.dataset(store, synthetic.chunks(70_000, size=10_000)))
    assert whole.standing.files == 70_000
    assert sum(g.files for g in whole.groups[0].groups) == 70_000


def test_an_ofiq_data_set_is_held_against_the_same_limits(store: DatasetStore) -> None:
    columns = columns_for("ofiq")
    own = synthetic.profiles(300, unmeasured=0)
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
    expected = made_report(store, record)
    store.save(record.model_copy(update={"options": ScanOptions(engine="ofiq")}))
    place = store.generation(record.key, "g1").profiles / "profiles.parquet"
    pq.write_table(table, place.path)
    report = made_report(store, record)
    yaw = next(m for m in report.measures if m.name == "head_pose_yaw")
    assert yaw.limits
    found = {r.name: r for r in report.scorecard}
    assert found["yaw"].measure == "head_pose_yaw"
    assert found["yaw"].outcomes == {r.name: r for r in expected.scorecard}["yaw"].outcomes


# unusual, copies, groups


def test_unusual_pictures_carry_their_reasons(store: DatasetStore) -> None:
    table = synthetic.profiles(400, unmeasured=0)
    distance = table["iso_inter_eye_distance"].to_pylist()
    distance[7] = 900.0
    record = synthetic.dataset(store, [with_columns(table, iso_inter_eye_distance=distance)])
    manifest = store.manifest(record.key)
    write_outliers(store.profiles(record.key), store.generation(record.key, manifest.generation))
    report = made_report(store, record)
    assert report.unusual.pictures[0].row == 7
    assert any("nter-eye" in reason for reason in report.unusual.pictures[0].reasons)
    assert report.unusual.flagged == len(rows_of(store, record, "outliers.csv"))


def test_few_pictures_are_ranked_and_not_called_unusual(store: DatasetStore) -> None:
    record = synthetic.dataset(store, [synthetic.profiles(60, unmeasured=0)])
    write_outliers(store.profiles(record.key), store.generation(record.key, "g1"))
    report = made_report(store, record)
    assert report.unusual.flagged == 0
    assert len(report.unusual.pictures) <= 6
    assert "ranked only" in page_of(store, record)


def test_copies_are_shown_with_the_one_to_keep_first(store: DatasetStore) -> None:
    table = synthetic.profiles(50, unmeasured=0)
    hashes = table["sha256"].to_pylist()
    hashes[9] = hashes[31] = hashes[4]
    record = synthetic.dataset(store, [with_columns(table, sha256=hashes)])
    manifest = store.manifest(record.key)
    write_duplicates(store.profiles(record.key), store.generation(record.key, manifest.generation))
    report = made_report(store, record)
    (group,) = report.duplicates.groups
    assert sorted(p.row for p in group.pictures) == [4, 9, 31]
    assert [p.note for p in group.pictures] == [
        "keep: it is the earliest of files with the same bytes",
        "identical",
        "identical",
    ]
    assert report.duplicates.spare == 2
    assert len(rows_of(store, record, "duplicates.csv")) == 3


def test_page_says_so_when_outliers_and_copies_were_not_looked_for(store: DatasetStore, made_up: DatasetRecord) -> None:
    report = made_report(store, made_up)
    assert not report.unusual.available
    assert not report.duplicates.available
    assert "has not run" in page_of(store, made_up)


def test_small_groups_are_not_shown_on_their_own(store: DatasetStore, made_up: DatasetRecord) -> None:
    (table,) = made_report(store, made_up).groups
    assert table.column == "folder"
    assert all(g.measured >= 20 for g in table.groups)
    assert "old scans" not in [g.name for g in table.groups]
    assert table.small == 1


def test_every_list_beside_the_page_begins_with_the_mark_that_excel_looks_for(
    store: DatasetStore, made_up: DatasetRecord
) -> None:
    lists = [d.file for d in made_report(store, made_up).downloads if d.file.endswith(".csv")]
    assert len(lists) >= 5
    for name in lists:
        assert (store.report(made_up.key) / name).read_bytes().startswith(codecs.BOM_UTF8), name


def test_groups_by_a_column_of_the_metadata_csv(store: DatasetStore, made_up: DatasetRecord, tmp_path: Path) -> None:
    path = tmp_path / "meta.csv"
    path.write_text(
        "file,device\n" + "".join(f"{row:07d}.jpg,{'kiosk' if row % 2 else 'phone'}\n" for row in range(600))
    )
    store.save(made_up.model_copy(update={"metadata_csv": str(path)}))
    report = made_report(store, made_up)
    assert {g.name: g.files for g in report.groups[1].groups} == {"kiosk": 300, "phone": 300}


def test_an_unusable_metadata_csv_becomes_a_note(store: DatasetStore, made_up: DatasetRecord, tmp_path: Path) -> None:
    store.save(made_up.model_copy(update={"metadata_csv": str(tmp_path / "gone.csv")}))
    report = made_report(store, made_up)
    assert "gone.csv" in report.notes[0]
    assert "gone.csv" in page_of(store, made_up)


def test_what_the_scan_could_not_read_or_passed_over_is_said(store: DatasetStore, made_up: DatasetRecord) -> None:
    manifest = store.manifest(made_up.key)
    assert manifest is not None
    found = PassedOver(
        unreadable_folders=1, unreadable_folder_names=["data/<x>"], other_files=10, other_files_looked_at=10
    )
    store.publish(made_up.key, manifest.model_copy(update={"passed_over": found}))
    sentences = ["1 folder could not be read: data/<x>.", "10 other files were passed over."]
    assert made_report(store, made_up).notes == sentences
    page = page_of(store, made_up)
    assert "data/&lt;x&gt;" in page and "10 other files" in page
    assert (
        made_report(store, made_up, ReportOptions(thumbnails="none", names="hashed")).notes[0]
        == "1 folder could not be read."
    )


# comparison


def test_previous_scan_is_compared_by_the_same_limits(store: DatasetStore) -> None:
    record = synthetic.dataset(store, [synthetic.profiles(2000)])
    synthetic.publish(store, record, [synthetic.profiles(2000, seed=1, shift=0.5)], "g2", previous="g1")
    difference = made_report(store, record).comparison
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
    report = made_report(store, made_up)
    assert report.comparison is None
    assert "gone-12345678" in report.notes[0]
