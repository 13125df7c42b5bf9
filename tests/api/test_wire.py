"""Objects of the BQAT API."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from api.bqat.wire import live_entry, parse_tag, profile, row_tag, wire_columns
from api.http.json_values import wire_time
from api.tasks.dagster_client import Run
from api.tasks.task import Kind, Task
from bqat_pipeline.columns import MEASURED, STATUSES
from bqat_pipeline.datasets import Progress


@given(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_times_can_be_read_the_way_the_front_end_does(moment: datetime):
    text = wire_time(moment)
    read = datetime.fromisoformat(text[:23] + "+00:00")
    assert len(text) == 26 and abs(read - moment) < timedelta(milliseconds=1)


def test_times_of_other_zones_are_told_in_utc():
    moment = datetime(2026, 2, 10, 6, 15, 7, 123000, tzinfo=timezone(timedelta(hours=1)))
    assert wire_time(moment) == "2026-02-10T05:15:07.123000" == wire_time(moment.timestamp())


@given(st.integers(0, 2**50), st.text(min_size=1))
def test_tags_lead_back_to_their_row(row: int, file: str):
    assert parse_tag(row_tag(row, file)) == row


@given(st.text())
def test_other_texts_are_no_tags_or_name_some_row(text: str):
    row = parse_tag(text)
    assert row is None or row >= 0


def test_every_status_without_a_measurement_has_a_log():
    for status in STATUSES:
        record = profile({"row": 0, "file": "a.jpg", "status": status, "reason": None}, ["file"])
        assert ("log" in record) == (status not in MEASURED)
        assert all(isinstance(text, str) and text for entry in record.get("log", ()) for text in entry.values())


def test_a_doubtful_face_is_a_picture_without_a_face():
    values = {"image_width": 5, "brightness": 7.0, "ipd": 90, "glasses": True, "confidence": 0.8, "iso_head_size": 0.4}
    row = {"row": 0, "file": "cat.jpg", "reason": "probably not a human face", **values}
    seen = profile(row | {"status": "doubtful_face"}, wire_columns("bqat", None))
    assert set(seen) == {"file", "image_width", "brightness", "tag", "log"}
    none = profile(row | {"status": "no_face"}, ["file"])
    assert [*map(list, seen["log"])] == [*map(list, none["log"])] == [["face detection"], ["face mesh"]]


def test_records_leave_out_what_could_not_be_computed():
    row = {"row": 1, "file": "a.jpg", "status": "ok", "ipd": None, "sharpness": float("nan"), "glasses": False}
    assert set(profile(row, ["file", "ipd", "sharpness", "glasses"])) == {"file", "glasses", "tag"}


def test_records_hold_the_names_that_older_and_newer_clients_read():
    names = wire_columns("bqat", None)
    assert {"confidence", "face_detection", "ipd", "yaw_pose", "bbox_lower", "head_top"} <= set(names)
    assert names[0] == "file"


@given(done=st.integers(0, 500), total=st.integers(0, 500))
def test_live_entries_never_say_that_everything_is_done(done: int, total: int):
    run = Run("r", "STARTED", "scan", "r", 1.0, 2.0, None, {"bqat/total": "7"})
    entry = live_entry(Task("t", Kind.SCAN, (run,)), None, Progress(done=done, total=total, run_id="r"))
    assert entry["done"] < entry["total"] or entry["total"] == 0
    assert entry["eta"] >= 0
