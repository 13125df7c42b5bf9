"""Why a set falls short, what would pass, and how other rule sets judge the same rows."""

import pyarrow as pa

from bqat_pipeline.requirements import evaluate_batch, evaluate_row, list_rule_sets, load_rule_set
from bqat_pipeline.requirements.shortfall import LOOKED_AT, Shortfall, ShortfallCounter
from bqat_pipeline.requirements.side_by_side import SideBySide
from tests.requirements.rows import GOOD

ICAO = load_rule_set("icao-tr-portrait")
WIDE = {"image_width": 4000, "image_height": 5000, "aux_image_aspect": 0.8, "iso_inter_eye_distance": 400.0}
SMALL_HEAD = {"aux_head_length_ratio": 0.3, "aux_head_width_ratio": 0.28}


def shortfall(rows: list[dict], rules=ICAO, batch: int = 7) -> Shortfall:
    counter = ShortfallCounter(rules)
    table = pa.Table.from_pylist([GOOD | WIDE | {"status": "ok"} | row for row in rows])
    for part in table.to_batches(max_chunksize=batch):
        counter.add(part, evaluate_batch(rules, part))
    return counter.result()


def test_the_two_limits_without_which_most_would_pass() -> None:
    # Most miss yaw, but always with two others: without yaw nobody passes more.
    worst = {"iso_head_pose_yaw": 30.0, "iso_head_pose_roll": 30.0, "aux_mouth_open_score": 1.0}
    found = shortfall(
        [{}] * 2 + [worst] * 9 + [{"iso_head_pose_pitch": 20.0}] * 3 + [{"aux_mouth_open_score": 1.0}] * 2
    )
    assert {cost.name: cost.missed for cost in found.costs} == {"pitch": 3, "mouth_closed": 11}
    assert (found.measured, found.passed, found.passed_without) == (16, 2, 7)
    assert "do not clearly meet them; 2 pass, without them 7 would." in found.sentences()[0]


def test_where_no_two_limits_would_do_that_is_said() -> None:
    worst = {"iso_head_pose_yaw": 30.0, "iso_head_pose_roll": 30.0, "aux_mouth_open_score": 1.0}
    sentence = shortfall([{}] * 2 + [worst] * 3).sentences()[0]
    assert "clearly meet them; 2 pass, and every other picture misses three required limits or more." in sentence
    assert "without them" not in sentence


def test_crops_that_would_pass_are_counted_and_none_is_claimed_for_other_faults() -> None:
    rows = [SMALL_HEAD] * 4 + [SMALL_HEAD | {"iso_head_pose_yaw": 30.0}] * 3
    rows += [
        SMALL_HEAD | {"iso_inter_eye_distance": 60.0},
        SMALL_HEAD | {"iso_head_pose_yaw": 4.0},
        {"status": "no_face"},
    ]
    found = shortfall(rows)
    assert (found.measured, found.passed, found.passed_after_crop) == (9, 0, 4)
    assert (found.borderline, found.borderline_after_crop, found.croppable) == (0, 1, 5)
    assert "4 would pass and 1 be borderline (now 0)" in found.sentences()[1]


def test_of_many_pictures_some_are_looked_at_and_that_is_said() -> None:
    rows = [SMALL_HEAD | {"iso_head_pose_yaw": 4.0 * (number % 4 == 0)} for number in range(3 * LOOKED_AT)]
    found = shortfall(rows, batch=50)
    assert found.looked_at == LOOKED_AT and found.croppable == 3 * LOOKED_AT
    assert abs(found.passed_after_crop - 0.75 * 3 * LOOKED_AT) < 0.1 * 3 * LOOKED_AT
    assert f"estimated from {LOOKED_AT} of {3 * LOOKED_AT} pictures" in found.sentences()[1]
    assert found == shortfall(rows, batch=333)


def test_nothing_is_said_of_a_set_that_passes_or_is_empty() -> None:
    assert shortfall([{}] * 3).sentences() == [] and shortfall([{"status": "no_face"}]).sentences() == []


def test_rule_sets_side_by_side_are_those_of_each_row() -> None:
    rows = [GOOD | WIDE | {"status": "ok"} | row for row in ({}, SMALL_HEAD, {"iso_head_pose_yaw": 12.0})]
    counter = SideBySide(ICAO)
    counter.add(pa.RecordBatch.from_pylist([*rows, rows[0] | {"status": "no_face"}]))
    found = counter.result()
    assert [entry.name for entry in found if entry.chosen] == ["icao-tr-portrait"] == [found[0].name]
    assert {entry.name for entry in found} == set(list_rule_sets())
    for entry in found:
        words = [evaluate_row(load_rule_set(entry.name), row).overall for row in rows]
        assert [entry.overall.passed, entry.overall.failed] == [words.count("pass"), words.count("fail")]
