"""The bounded map takes as much as it can use, and no more."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqat_pipeline.execution.bounded import bounded_map
from bqat_pipeline.execution.parts import gaps


@given(items=st.lists(st.integers(), max_size=50), window=st.integers(1, 8))
def test_every_item_comes_back_once_with_its_result(items, window):
    with ThreadPoolExecutor(2) as executor:
        found = [(item, f.result()) for item, f in bounded_map(str, iter(items), executor, window=window)]
    assert sorted(found) == sorted((item, str(item)) for item in items)


def test_endless_input_is_taken_only_as_far_as_the_window():
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield taken

    with ThreadPoolExecutor(2) as executor:
        results = bounded_map(str, endless(), executor, window=4)
        for number in range(1, 21):
            next(results)
            assert taken <= number + 4
        results.close()


def test_items_added_while_results_come_in_are_done_too():
    items = [1, 2, 3]

    class Queue:
        def __iter__(self):
            return self

        def __next__(self):
            if not items:
                raise StopIteration
            return items.pop()

    seen = []
    with ThreadPoolExecutor(2) as executor:
        for item, _ in bounded_map(str, Queue(), executor, window=2):
            seen.append(item)
            if item == 1:
                items.append(10)
    assert sorted(seen) == [1, 2, 3, 10]


def test_failure_of_one_call_is_its_own():
    with ThreadPoolExecutor(1) as executor:
        futures = dict(bounded_map(int, iter(["1", "x", "3"]), executor, window=2))
    assert futures["1"].result() == 1
    with pytest.raises(ValueError):
        futures["x"].result()


@given(
    covered=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=8).map(
        lambda pairs: sorted((start, start + length) for start, length in pairs)
    ),
    total=st.integers(0, 40),
)
def test_gaps_are_exactly_what_no_part_covers(covered, total):
    missing = {n for start, stop in gaps(covered, total) for n in range(start, stop)}
    done = {n for start, stop in covered for n in range(start, stop)}
    assert missing == set(range(total)) - done
