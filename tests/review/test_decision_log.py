"""The decision log: whatever happens in which order, it comes to the same as a list of all actions."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqat_pipeline.datasets import DamagedDatasetError, Location, UnwritableDatasetError
from bqat_pipeline.datasets.decision_parts import action_of, is_compacted
from bqat_pipeline.review import decision_log
from bqat_pipeline.review.decision_log import DecisionLog, UnknownActionError
from bqat_pipeline.review.decisions import DECISIONS, Action, Decision, Pictures
from tests.processes import ROOT

Pair = tuple[str, str]
# Copies (same bytes, two names), a file that was replaced (same name, other bytes), files without bytes.
PAIRS: tuple[Pair, ...] = (("s1", "a"), ("s1", "b"), ("s2", "a"), ("s2", "c"), ("", "d"), ("", "e"), ("s3", "f"))
WORLDS: tuple[tuple[Pair, ...], ...] = (
    PAIRS[:2] + PAIRS[4:6],
    (("s1", "moved"), ("s1", "moved too"), ("s2", "a"), ("", "d")),
    (("s3", "a"), ("s1", "b"), ("s9", "d"), ("", "f")),
)


@dataclass
class Model:
    """The log as a list, looked through from the beginning each time."""

    actions: list[tuple[str, Decision | None, str | None, list[tuple[Pair, str | None]]]] = field(default_factory=list)

    def state(self, pair: Pair, before: str | None = None) -> str | None:
        """Action from which a pair has its own decision, of now or before an action; None: of none."""
        value = None
        for action, _, _, entries in self.actions:
            if action == before:
                break
            value = dict(entries).get(pair, value)
        return value

    def decide(self, action: str, decision: Decision | None, pairs: list[Pair]) -> bool:
        if any(known == action for known, *_ in self.actions):
            return False
        self.actions.append((action, decision, None, [(pair, action) for pair in pairs]))
        return True

    def undo(self, action: str, new: str) -> int:
        entries = next(entries for known, _, _, entries in self.actions if known == action)
        back = [(pair, self.state(pair, before=action)) for pair, value in entries if self.state(pair) == value]
        self.actions.append((new, None, action, back))
        return len(entries) - len(back)

    def decision(self, action: str | None) -> Decision | None:
        return next((decision for known, decision, *_ in self.actions if known == action), None)

    def of_row(self, pair: Pair, world: tuple[Pair, ...]) -> Decision | None:
        """What a file of a data set is, moved ones too."""
        own = self.state(pair)
        if own is not None or not pair[0]:
            return self.decision(own)
        latest = None
        for index, (_, _, _, entries) in enumerate(self.actions):
            for other, _ in entries:
                if other[0] == pair[0] and other not in world and self.state(other) is not None:
                    last = max(i for i, (*_, known) in enumerate(self.actions) if other in dict(known))
                    if last == index:
                        latest = self.state(other)
        return self.decision(latest)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("decide"),
            st.sampled_from([None, *Decision]),
            st.lists(st.sampled_from(PAIRS), unique=True, max_size=5),
        ),
        st.tuples(st.just("again"), st.integers(0, 99), st.just(0)),
        st.tuples(st.just("undo"), st.integers(0, 99), st.just(0)),
        st.tuples(st.just("undo latest"), st.just(0), st.just(0)),
        st.tuples(st.just("compact"), st.just(0), st.just(0)),
        st.tuples(st.just("crash"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("restart"), st.just(0), st.just(0)),
    ),
    max_size=14,
)


@given(steps=STEPS, sides=st.lists(st.integers(0, 1), min_size=14, max_size=14))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_sequence_over_two_logs_comes_to_what_a_list_comes_to(steps, sides):
    with tempfile.TemporaryDirectory() as folder:
        place = Location.parse(folder) / "set" / "decisions"
        logs, model = [DecisionLog(place), DecisionLog(place)], Model()
        for (kind, what, pairs), side in zip(steps, sides, strict=False):
            log = logs[side]
            if kind == "decide":
                action = str(uuid4())
                model.decide(action, what, pairs)
                assert write(log, Action(action, what), pairs)
            elif kind == "again" and model.actions:
                action = model.actions[what % len(model.actions)][0]
                assert not write(log, Action(action, Decision.KEEP), PAIRS)
            elif kind.startswith("undo") and model.actions:
                action = model.actions[-1 if kind == "undo latest" else what % len(model.actions)][0]
                new = str(uuid4())
                assert log.undo(action, new).passed_over == model.undo(action, new)
                assert log.undo(action, new).id == new, "done again, it changes nothing"
            elif kind == "compact":
                log.compact()
            elif kind == "crash":
                crash_while_compacting(log, what)
                logs[side] = DecisionLog(place)
            elif kind == "restart":
                logs[side] = DecisionLog(place)
            compare(logs[1 - side], model)
        for log in (*logs, DecisionLog(place)):
            compare(log, model)
        assert logs[0].current().version == logs[1].current().version == DecisionLog(place).current().version


def test_undo_of_one_after_the_other_goes_back_step_by_step(place: Location):
    log, model = DecisionLog(place), Model()

    def decide(decision: Decision, pair: Pair) -> str:
        action = str(uuid4())
        write(log, Action(action, decision), [pair])
        model.decide(action, decision, [pair])
        compare(log, model)
        return action

    def undo(action: str) -> str:
        new = str(uuid4())
        assert log.undo(action, new).passed_over == model.undo(action, new)
        compare(log, model)
        return new

    first, second = decide(Decision.KEEP, PAIRS[0]), decide(Decision.REJECT, PAIRS[0])
    copy = decide(Decision.UNSURE, PAIRS[1])
    undo(copy)  # where the first name is gone, it has that one's decision again
    back, further = undo(second), undo(first)
    assert log.current().of(*PAIRS[0]) is None
    undo(further)
    undo(back)
    found = log.current().of(*PAIRS[0])
    assert found is not None and found.action == second


def columns(pairs) -> tuple[pa.Array, pa.Array]:
    return pa.array([sha for sha, _ in pairs], pa.string()), pa.array([file for _, file in pairs], pa.string())


def write(log: DecisionLog, action: Action, pairs) -> bool:
    return log.append(action, *columns(pairs))


def compare(log: DecisionLog, model: Model) -> None:
    decisions = log.current()
    for pair in PAIRS:
        found = decisions.of(*pair)
        state = model.state(pair)
        assert (found and found.decision) == model.decision(state)
        assert found is None or found.action == state
    for world in WORLDS:
        rows = decisions.rows(Pictures(*columns(world)))
        expected = [model.of_row(pair, world) for pair in world]
        assert [DECISIONS[code] for code in rows.codes] == expected
        assert [found and found.decision for found in map(rows.of, range(len(world)))] == expected


def crash_while_compacting(log: DecisionLog, deleted: int) -> None:
    """Compact, and end between the writing of the new part and the deletion of some old one."""
    delete, done = Location.delete, []

    def dying(place: Location) -> None:
        if len(done) == deleted:
            raise SystemExit
        done.append(place)
        delete(place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Location, "delete", dying)
        try:
            log.compact()
        except SystemExit:
            assert any(is_compacted(info.base_name) for info in log.folder.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Location:
    return Location.parse(tmp_path) / "set" / "decisions"


_WRITER = """
import sys
from tests.review.test_decision_log import append_many
append_many(*sys.argv[1:])
"""


def append_many(folder: str, name: str, number: str) -> None:
    """Decide about many pictures, one by one; each is told once it is written. Compacts at times, as a facade does."""
    log = DecisionLog(Location.parse(folder))
    for index in range(int(number)):
        action = Action(str(UUID(int=index, version=4)) if name == "same" else str(uuid4()), Decision.REJECT, name)
        write(log, action, [(f"{name}-{index}", f"{name}-{index}"), ("shared", "shared")])
        print(index, flush=True)
        if index % 97 == 96:
            log.compact()


def test_two_processes_write_at_once_and_one_is_killed_in_the_middle(place: Location):
    def started(name: str) -> subprocess.Popen:
        command = [sys.executable, "-c", _WRITER, place.path, name, "500"]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    first, second = started("first"), started("second")
    told = 0
    while told < 250:
        told = int(first.stdout.readline()) + 1
    os.kill(first.pid, signal.SIGKILL)
    told += len(first.stdout.read().splitlines())
    first.wait()
    assert len(second.stdout.read().splitlines()) == 500 and second.wait() == 0

    log = DecisionLog(place)
    entries = log.entries(0, 10_000)
    by_name = {name: [e for e in entries if e.file.startswith(name)] for name in ("first", "second")}
    assert {e.file for e in by_name["second"]} == {f"second-{index}" for index in range(500)}
    # what was told is there; one more may have been written before the kill
    assert {f"first-{index}" for index in range(told)} <= {e.file for e in by_name["first"]}
    assert len(by_name["first"]) in (told, told + 1) and len(by_name["second"]) == 500
    assert len({(e.action, e.file) for e in entries}) == len(entries), "none twice"
    assert len([e for e in entries if e.file == "shared"]) == len(by_name["first"]) + 500
    times = [e.time for e in entries]
    assert times == sorted(times)
    # temporary files of the killed one are no parts
    assert all(action_of(i.base_name) or is_compacted(i.base_name) or i.base_name[0] == "." for i in place.iterdir())
    version = log.current().version
    assert log.compact() and DecisionLog(place).current().version == version


def test_whoever_saw_a_decision_overrules_it_also_with_a_slow_clock(place: Location, monkeypatch: pytest.MonkeyPatch):
    fast, slow = DecisionLog(place), DecisionLog(place)
    now = time.time_ns
    monkeypatch.setattr(decision_log.time, "time_ns", lambda: now() + 3_600_000_000_000)
    write(fast, Action(str(uuid4()), Decision.KEEP), PAIRS[:1])
    monkeypatch.setattr(decision_log.time, "time_ns", now)
    write(slow, Action(str(uuid4()), Decision.REJECT), PAIRS[:1])
    for log in (fast, slow, DecisionLog(place)):
        found = log.current().of(*PAIRS[0])
        assert found is not None and found.decision is Decision.REJECT


def test_parts_that_come_late_find_their_place(place: Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two machines wrote at once: of one of them the earlier part is seen after the later one of the other."""
    now = time.time_ns()
    logs = [DecisionLog(Location.parse(tmp_path) / name / "decisions") for name in ("one", "two")]
    ids = [str(uuid4()) for _ in range(4)]
    for step, (side, decision) in enumerate([(0, "keep"), (1, "reject"), (0, "unsure"), (1, "keep")]):
        monkeypatch.setattr(decision_log.time, "time_ns", lambda step=step: now + step)
        write(logs[side], Action(ids[step], Decision(decision)), PAIRS[:2])
    log = DecisionLog(place)
    for other in reversed(logs):
        for info in other.folder.iterdir():
            (place / info.base_name).write_bytes((other.folder / info.base_name).read_bytes())
        log.current()
    found = log.current().of(*PAIRS[0])
    assert found is not None and found.action == ids[3]
    history = log.history(*PAIRS[0])
    assert [e.action for e in history if e.file == "a"] == ids[::-1]
    log.undo(ids[3], str(uuid4()))
    found = log.current().of(*PAIRS[0])
    assert found is not None and found.action == ids[2]


def test_reader_finds_what_another_process_compacts_meanwhile(place: Location, monkeypatch: pytest.MonkeyPatch):
    writer, reader = DecisionLog(place), DecisionLog(place)
    for number in range(5):
        write(writer, Action(str(uuid4()), Decision.KEEP), [(f"{number}", f"{number}")])
    names = reader._names
    calls: list[int] = []

    def listed() -> list[str]:
        found = names()
        if not calls:
            writer.compact()  # between the listing and the reading
        calls.append(1)
        return found

    monkeypatch.setattr(reader, "_names", listed)
    assert reader.current().version == writer.current().version and len(reader.current()) == 5


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize("spoil", [_cut, lambda content: b"", lambda content: b"\0" * len(content)])
@pytest.mark.parametrize("compacted", [False, True])
def test_damage_is_said_loudly_and_nothing_is_written_over_it(
    place: Location, spoil: Callable[[bytes], bytes], compacted: bool
):
    log = DecisionLog(place)
    for pair in PAIRS[:2]:
        write(log, Action(str(uuid4()), Decision.KEEP), [pair])
    if compacted:
        log.compact()
    part = place / next(info.base_name for info in place.iterdir())
    whole = part.read_bytes()
    part.local.write_bytes(spoil(whole))
    again = DecisionLog(place)
    for act in (
        again.current,
        again.compact,
        lambda: write(again, Action(str(uuid4()), Decision.REJECT), PAIRS[:1]),
    ):
        with pytest.raises(DamagedDatasetError, match="restore the file from a backup"):
            act()
    before = sorted(info.base_name for info in place.iterdir())
    part.local.write_bytes(whole)
    assert len(again.current()) == 2 and sorted(info.base_name for info in place.iterdir()) == before


def test_refused_write_decides_nothing(place: Location, monkeypatch: pytest.MonkeyPatch):
    log = DecisionLog(place)
    write(log, Action(str(uuid4()), Decision.KEEP), PAIRS[:1])
    version = log.current().version

    def refused(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Location, "write_bytes", refused)
    with pytest.raises(UnwritableDatasetError, match="No space left"):
        write(log, Action(str(uuid4()), Decision.REJECT), PAIRS[:1])
    monkeypatch.undo()
    assert log.current().version == DecisionLog(place).current().version == version


def test_unknown_action_cannot_be_undone(place: Location):
    with pytest.raises(UnknownActionError):
        DecisionLog(place).undo(str(uuid4()), str(uuid4()))
    assert not place.exists()


def test_log_of_another_day_in_the_same_place_is_read_anew(place: Location):
    log = DecisionLog(place)
    write(log, Action(str(uuid4()), Decision.KEEP), PAIRS[:1])
    assert len(log.current()) == 1
    place.delete_dir()
    assert log.current().of(*PAIRS[0]) is None


def test_many_pictures_are_looked_up_exactly(place: Location):
    """More than are kept in a dict; copies among them, and files that cannot be read."""
    log = DecisionLog(place)
    rows = 40_000
    shas = ["" if row % 7 == 0 else f"{row // 2:064x}" for row in range(rows)]
    files = [f"data/set/{row}.jpg" for row in range(rows)]
    pictures = Pictures(shas, files)
    earlier = log.current().rows(pictures)
    expected = np.zeros(rows, np.int8)
    for start, step, decision in (
        (0, 2, Decision.KEEP),
        (1, 3, Decision.REJECT),
        (0, 5, None),
        (0, 1, Decision.UNSURE),
    ):
        chosen = list(range(start, rows if step > 1 else 100, step))
        write(log, Action(str(uuid4()), decision), [(shas[row], files[row]) for row in chosen])
        expected[chosen] = DECISIONS.index(decision)
        earlier = log.current().rows(pictures, earlier)
        assert (earlier.codes == expected).all()
        assert (DecisionLog(place).current().rows(pictures).codes == expected).all()
