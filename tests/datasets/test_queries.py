"""Queries over tables give what a plain loop over the rows gives."""

import math
import operator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.conditions import MAX_CONDITIONS, Condition, QueryError, Sort, parse_condition, parse_sort
from bqat_pipeline.datasets.queries import MAX_SORTED_DEPTH, batches, count, page, top

ROWS = 500
ROW_GROUP = 60
OPERATORS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def content() -> pa.Table:
    return pa.table(
        {
            "row": pa.array(range(ROWS)),
            "number": pa.array([None if i % 7 == 0 else (i * 37) % 50 for i in range(ROWS)], pa.int64()),
            "real": pa.array([None if i % 11 == 0 else math.sin(i) for i in range(ROWS)], pa.float64()),
            "text": pa.array([None if i % 13 == 0 else f"n{(i * 7) % 20:02d}" for i in range(ROWS)]),
            "flag": pa.array([None if i % 5 == 0 else i % 2 == 0 for i in range(ROWS)]),
            "list": pa.array([["a"]] * ROWS),
        }
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> ds.Dataset:
    folder = tmp_path_factory.mktemp("queries")
    for number, part in enumerate((content().slice(0, 300), content().slice(300))):
        pq.write_table(part, folder / f"part-{number}.parquet", row_group_size=ROW_GROUP)
    return ds.dataset(folder, format="parquet")


def expected(condition: Condition) -> list[dict[str, Any]]:
    def holds(row: dict[str, Any]) -> bool:
        value = row[condition.column]
        if condition.operator == "isnull":
            return (value is None) == condition.value
        if condition.operator == "in":
            return value in condition.value
        if condition.operator == "contains":
            return value is not None and condition.value.lower() in value.lower()
        return value is not None and OPERATORS[condition.operator](value, condition.value)

    return [row for row in content().to_pylist() if holds(row)]


conditions = st.one_of(
    st.builds(Condition, st.just("number"), st.sampled_from(sorted(OPERATORS)), st.integers(-5, 55)),
    st.builds(Condition, st.just("real"), st.sampled_from(sorted(OPERATORS)), st.floats(-1.5, 1.5)),
    st.builds(Condition, st.just("text"), st.sampled_from(sorted(OPERATORS)), st.sampled_from(["n00", "n07", "zz"])),
    st.builds(Condition, st.just("text"), st.just("contains"), st.sampled_from(["0", "N0", "n07", ".", "(", "", "\\"])),
    st.builds(Condition, st.just("flag"), st.sampled_from(["eq", "ne"]), st.booleans()),
    st.builds(Condition, st.sampled_from(["number", "text", "flag"]), st.just("isnull"), st.booleans()),
    st.builds(Condition, st.just("number"), st.just("in"), st.lists(st.integers(0, 50), min_size=1).map(tuple)),
)


@hypothesis_settings(max_examples=60, deadline=None)
@given(condition=conditions, after=st.integers(-1, ROWS), limit=st.integers(1, ROWS))
def test_pages_with_a_condition_are_those_of_a_loop(table, condition: Condition, after: int, limit: int):
    found = page(table, ["number", "text"], [condition], after, limit).to_pylist()
    wanted = [row for row in expected(condition) if row["row"] > after][:limit]
    assert [row["row"] for row in found] == [row["row"] for row in wanted]


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    condition=conditions,
    column=st.sampled_from(["number", "real", "text", "flag", "row"]),
    descending=st.booleans(),
    offset=st.integers(0, ROWS),
    limit=st.integers(1, ROWS),
)
def test_sorted_pages_are_those_of_a_loop(table, condition, column: str, descending: bool, offset: int, limit: int):
    found = top(table, [column], Sort(column, descending), [condition], offset, limit).to_pylist()
    known = [row for row in expected(condition) if row[column] is not None]
    # Python's sort keeps the order of equal rows, also when reversed.
    ordered = sorted(known, key=lambda row: row[column], reverse=descending)
    ordered += [row for row in expected(condition) if row[column] is None]
    assert [row["row"] for row in found] == [row["row"] for row in ordered[offset : offset + limit]]


@hypothesis_settings(max_examples=30, deadline=None)
@given(condition=conditions)
def test_count_and_export_agree(table, condition: Condition):
    rows = [row for batch in batches(table, ["row"], [condition]) for row in batch["row"].to_pylist()]
    assert rows == [row["row"] for row in expected(condition)] and count(table, [condition]) == len(rows)


@given(after=st.integers(-1, ROWS + 5), limit=st.integers(1, ROWS))
@hypothesis_settings(max_examples=30, deadline=None)
def test_plain_pages_are_ranges_of_rows(table, after: int, limit: int):
    found = page(table, ["text"], after=after, limit=limit)
    assert found["row"].to_pylist() == list(range(after + 1, min(ROWS, after + 1 + limit)))


def test_sorting_works_on_other_file_systems_too(table, tmp_path: Path):
    from pyarrow import fs

    other = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    pq.write_table(content(), tmp_path / "x.parquet")
    opened = ds.dataset("x.parquet", filesystem=other, format="parquet")
    assert top(opened, ["number"], Sort("number", True), limit=5) == top(
        table, ["number"], Sort("number", True), limit=5
    )
    assert Location(other, "x.parquet").is_local is False


def test_too_much_is_refused_with_the_limit(table):
    with pytest.raises(QueryError, match=str(MAX_SORTED_DEPTH)):
        top(table, ["row"], Sort("row"), offset=MAX_SORTED_DEPTH, limit=1)
    with pytest.raises(QueryError, match=str(MAX_CONDITIONS)):
        count(table, [Condition("row", "ge", 0)] * (MAX_CONDITIONS + 1))


def test_values_may_hold_colons_and_quotes(table):
    schema = table.schema
    assert parse_condition("text:eq:a:b", schema).value == "a:b"
    assert parse_condition("text:eq:' OR 1=1 --", schema).value == "' OR 1=1 --"
    assert top(table, ["row"], Sort("row"), [parse_condition("text:eq:' OR 1=1 --", schema)]).num_rows == 0
    assert parse_sort("-number", schema) == Sort("number", True)


@given(text=st.text(max_size=40))
def test_no_text_makes_the_parser_fail_otherwise_than_by_refusing(text: str):
    schema = content().schema
    for parse in (parse_condition, parse_sort):
        try:
            parse(text, schema)
        except QueryError as error:
            assert str(error)
