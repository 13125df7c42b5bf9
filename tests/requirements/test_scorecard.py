import json

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from bqat_pipeline.requirements import ScorecardCounter, load_rule_set, scorecard, wilson
from tests.requirements.rows import GOOD


def profiles(rows: list[dict]) -> ds.Dataset:
    return ds.dataset(pa.Table.from_pylist(rows))


ROWS = [
    GOOD | {"folder": "a"},
    GOOD | {"folder": "a", "aux_eye_closed_score_left": 0.9},
    GOOD | {"folder": "b", "iso_head_pose_yaw": 4.0},
    GOOD | {"folder": "b", "iso_head_pose_yaw": None},
    {**dict.fromkeys(GOOD), "status": "no_face", "folder": "b"},
    {**dict.fromkeys(GOOD), "status": "unreadable", "folder": "b"},
]


def test_only_measured_rows_count_and_the_others_are_reported_apart() -> None:
    card = scorecard(load_rule_set("icao-tr-portrait"), profiles(ROWS))
    assert (card.rows, card.measured) == (6, 4)
    assert card.unmeasured == {"no_face": 1, "unreadable": 1}
    overall = card.overall
    assert (overall.passed, overall.borderline, overall.failed, overall.not_assessed) == (1, 1, 1, 1)
    assert overall.pass_rate == pytest.approx(1 / 3)
    assert card.requirements["yaw"].not_assessed == 1


def test_groups_add_up_to_the_whole() -> None:
    card = scorecard(load_rule_set("icao-tr-portrait"), profiles(ROWS), "folder")
    assert [(g.group, g.rows, g.measured) for g in card.groups] == [("b", 4, 2), ("a", 2, 2)]
    assert sum(g.overall.failed for g in card.groups) == card.overall.failed


def test_the_scorecard_is_json() -> None:
    card = scorecard(load_rule_set("icao-tr-portrait"), profiles(ROWS), "folder")
    text = json.dumps(card.to_json(), allow_nan=False)
    assert json.loads(text)["overall"]["pass"] == 1


def test_an_empty_data_set_has_no_rates() -> None:
    card = scorecard(load_rule_set("icao-tr-portrait"), profiles(ROWS[4:]))
    assert card.overall.pass_rate is None
    assert card.overall.pass_interval is None


def test_many_groups_do_not_grow_the_scorecard() -> None:
    counter = ScorecardCounter(load_rule_set("icao-tr-portrait"), "folder", max_groups=3)
    for i in range(5):
        counter.add(pa.RecordBatch.from_pylist([GOOD | {"folder": str(i)}]))
    card = counter.result()
    assert len(card.groups) == 3
    assert card.ungrouped == 2
    assert card.rows == 5


def test_an_unknown_group_column_is_named() -> None:
    with pytest.raises(KeyError, match="camera"):
        scorecard(load_rule_set("icao-tr-portrait"), profiles(ROWS), "camera")


def test_wilson_interval_of_known_values() -> None:
    # Newcombe (1998), Stat. Med. 17, table I, method 3: 81/263 and 0/20
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) is None
