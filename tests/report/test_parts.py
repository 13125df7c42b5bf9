"""Rates, rankings, words and names."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqat_pipeline.columns import FACE, columns_for
from bqat_pipeline.report import ReportOptions, formatting
from bqat_pipeline.report.aggregates import Ranking
from bqat_pipeline.report.charts import nice_ticks
from bqat_pipeline.report.inputs import Labels
from bqat_pipeline.report.provenance import caveats
from bqat_pipeline.report.rates import change, rate
from bqat_pipeline.requirements import load_rule_set


@given(st.integers(0, 500), st.integers(1, 500))
def test_interval_holds_the_share_and_stays_between_0_and_1(count: int, total: int) -> None:
    found = rate(min(count, total), total)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_rate_of_nothing_is_unknown() -> None:
    assert rate(0, 0).value is None
    assert change(rate(0, 0), rate(1, 2)) is None


def test_difference_of_shares_matches_a_published_example() -> None:
    # Newcombe 1998, table II, example (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339
    found = change(rate(56, 70), rate(48, 80))
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    assert found.certain


@given(st.lists(st.floats(-5, 5), max_size=60), st.integers(1, 7), st.integers(0, 8))
def test_ranking_keeps_the_largest_however_batches_fall(keys: list[float], step: int, size: int) -> None:
    ranking = Ranking(size)
    for first in range(0, len(keys), step):
        part = np.array(keys[first : first + step])
        ranking.add(part, np.arange(first, first + part.size))
    assert ranking.rows == sorted(range(len(keys)), key=lambda i: (-keys[i], i))[:size]


def test_percent_never_rounds_to_all_or_nothing() -> None:
    assert [formatting.percent(v).replace("\u202f", " ") for v in (0, 1e-6, 0.5, 1 - 1e-6, 1, None)] == [
        "0 %", "< 0.1 %", "50.0 %", "> 99.9 %", "100 %", "–",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        ("-5.0 to 5.0 deg", "−5 to 5°"),
        ("at most 0.030", "at most 0.030"),
        ("0.74 to 0.80", "0.74 to 0.80"),
        ("29794-5 7.4.2", "29794-5 7.4.2"),
    ],
)
def test_limits_are_set_as_in_print(raw: str, printed: str) -> None:
    assert formatting.tidy(raw) == printed


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_inside(low: float, width: float) -> None:
    ticks = nice_ticks(low, low + width)
    assert 1 <= len(ticks) <= 7
    assert all(low - width * 1e-6 <= tick <= low + width * 1.000001 for tick in ticks)


def test_choices_of_the_command_line_replace_those_of_the_environment() -> None:
    options = ReportOptions(thumbnails="blurred").with_choices(names="hashed")
    assert (options.thumbnails, options.names) == ("blurred", "hashed")
    with pytest.raises(ValueError, match="must be one of full, blurred, none"):
        options.with_choices(thumbnails="small")


def test_limits_of_a_report_say_what_nobody_asked_for() -> None:
    rules = load_rule_set("icao-tr-portrait")
    asked, unasked = ([c.title for c in caveats(FACE, rules, background=b)] for b in (True, False))
    assert set(unasked) - set(asked) == {"Measures that nobody asked for"}
    assert caveats(columns_for("ofiq"), rules, background=True) == caveats(columns_for("ofiq"), rules, background=False)


def test_hashed_names_show_neither_file_nor_folder() -> None:
    labels = Labels("hashed")
    rows = [
        {"row": 3, "file": "data/jane doe.jpg", "sha256": "ab" * 32, "folder": "does"},
        {"row": 4, "file": "data/jane doe.png", "sha256": None, "folder": "does"},
    ]
    names = [labels.picture(row) for row in rows]
    assert names == ["picture abababababab, row 3", "picture in row 4"]
    assert labels.pictures(pa.RecordBatch.from_pylist(rows)).to_pylist() == names
    assert labels.folder("does") == labels.folder("does") == "folder 1"
