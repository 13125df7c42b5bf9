"""The decision log on S3: each action an object of its own, whoever writes, also while somebody compacts."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pyarrow as pa
import pytest

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.datasets.decision_parts import is_compacted
from bqat_pipeline.review.decision_log import DecisionLog
from bqat_pipeline.review.decisions import Action, Decision
from bqat_pipeline.review.pair_decisions import PairAnswer, all_answers, decide_pair, pair_key, pair_log
from tests.s3 import FlakyS3, flaky_s3

EACH = 12


@pytest.fixture(scope="module")
def s3() -> Iterator[FlakyS3]:
    with flaky_s3() as running:
        yield running


def write(log: DecisionLog, decision: Decision | None, *files: str) -> str:
    action = str(uuid4())
    assert log.append(Action(action, decision), pa.array([f"sha {file}" for file in files]), pa.array(files))
    return action


def decision(log: DecisionLog, file: str) -> Decision | None:
    # one that only looks lists a folder of S3 every other second; to find an action it looks now
    assert log.find("none") is None
    found = log.current().of(f"sha {file}", file)
    return found and found.decision


def test_append_undo_and_compaction_by_two_writers_lose_and_double_nothing(s3: FlakyS3):
    place = Location.parse(s3.uri("home/datasets/a/decisions"))
    one, other = DecisionLog(place), DecisionLog(place)
    kept = write(one, Decision.KEEP, "a", "b")
    assert decision(other, "a") is Decision.KEEP
    assert not other.append(Action(kept, Decision.REJECT), pa.array(["sha a"]), pa.array(["a"]))  # sent again
    rejected = write(other, Decision.REJECT, "a")
    assert decision(one, "a") is Decision.REJECT
    undone = one.undo(kept, str(uuid4()))
    assert undone.passed_over == 1  # decided anew by the other
    assert (decision(other, "a"), decision(other, "b")) == (Decision.REJECT, None)
    other.undo(rejected, str(uuid4()))

    # both at once, while the first also compacts after every other action
    def work(log: DecisionLog, name: str, compacts: bool) -> None:
        for number in range(EACH):
            write(log, Decision.UNSURE, f"{name}{number}")
            if compacts and number % 2:
                log.compact()

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(work, one, "x", True), pool.submit(work, other, "y", False)]:
            future.result()
    one.compact()
    fresh = DecisionLog(place)
    assert sum(is_compacted(info.base_name) for info in place.iterdir()) == 1
    for log in (one, other, fresh):
        found = [decision(log, f"{name}{number}") for name in "xy" for number in range(EACH)]
        assert found == [Decision.UNSURE] * 2 * EACH
        assert len(log.history("sha x1", "x1")) == 1 and len(log.history("sha a", "a")) == 3
    assert one.current().version == other.current().version == fresh.current().version


def test_what_is_said_again_about_a_pair_is_kept_when_somebody_else_said_otherwise_meanwhile(s3: FlakyS3):
    store, pair = DatasetStore(Location.parse(s3.uri("pairs"))), pair_key("b", "a")
    one, other = pair_log(store, "set-0123abcd"), pair_log(store, "set-0123abcd")
    decide_pair(one, pair, PairAnswer.SAME, "Ada")
    assert all_answers(one.current()) == {pair: "same"}
    decide_pair(other, pair, PairAnswer.DIFFERENT, "Bob")
    decide_pair(one, pair, PairAnswer.SAME, "Ada")
    for log in (one, pair_log(store, "set-0123abcd")):
        assert all_answers(log.current()) == {pair: "same"}
