"""What a decision log comes to: every entry once, and of each picture the entry that holds."""

import zlib
from collections.abc import Iterator, Sequence
from uuid import UUID

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bqat_pipeline.review.decisions import Action, Decisions, Entry
from bqat_pipeline.review.pairs import GrowingPairs, Indices
from bqat_pipeline.review.parts import Part

# Entries whose names are looked up together.
_MANY = 50_000


class LogState:
    """All actions read so far, in 16 bytes an entry beside the pictures' names. One thread at a time changes it."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.numbers: dict[str, int] = {}
        self.pairs = GrowingPairs()
        self.latest_ns = 0
        self._newest: tuple[int, str] = (0, "")
        self._sum = 0
        # By action: where its entries begin and end.
        self._spans: list[tuple[int, int]] = []
        # By entry: its picture, its action, the action from which the picture has its decision since (-1: none), and
        # the entry of the same picture before it in the order of time (-1: none).
        self._pair, self._action, self._value, self._previous = (_Growing() for _ in range(4))
        # By picture: its last entry in the order of time.
        self._top = np.empty(0, np.int32)
        self._decisions: Decisions | None = None
        self._by_time: Indices | None = None

    def add(self, parts: Sequence[Part]) -> None:
        """Take up actions; those that are known change nothing."""
        new: dict[str, Part] = {}
        for part in sorted(parts, key=lambda part: part.action.order):
            if part.action.id not in self.numbers:
                new.setdefault(part.action.id, part)
        if not new:
            return
        late = next(iter(new.values())).action.order < self._newest  # of another process, written before what is known
        self._append(list(new.values()))
        if late or len(new) > 1:
            self._put_in_order()
        self._decisions = self._by_time = None

    @property
    def decisions(self) -> Decisions:
        """The decisions as they are now."""
        if self._decisions is None:
            values, setters = np.full(len(self._top), -1, np.int32), np.full(len(self._top), -1, np.int32)
            has = self._top >= 0
            values[has], setters[has] = self._value.held[self._top[has]], self._action.held[self._top[has]]
            version = f"{len(self.actions)}-{self._sum:08x}"
            self._decisions = Decisions(version, tuple(self.actions), self.pairs, values, setters)
        return self._decisions

    def size(self, number: int) -> int:
        """Entries of an action."""
        begin, end = self._spans[number]
        return end - begin

    def parts(self, numbers: Sequence[int]) -> Iterator[Part]:
        """Actions as they were written."""
        for chosen in self._bundles(numbers):
            spans = [self._spans[number] for number in chosen]
            pairs = pa.array(np.concatenate([self._pair.held[begin:end] for begin, end in spans]))
            shas, files = (_one(column.take(pairs)) for column in self._columns())  # once: each costs as much as many
            start = 0
            for number, (begin, end) in zip(chosen, spans, strict=True):
                action, size = self.actions[number], end - begin
                values = None
                if action.undoes is not None:
                    values = [self._id(value) for value in self._value.held[begin:end].tolist()]
                yield Part(action, shas.slice(start, size), files.slice(start, size), values)
                start += size

    def _bundles(self, numbers: Sequence[int]) -> Iterator[list[int]]:
        """Actions in lists with a bounded number of entries, unless one alone has more."""
        bundle: list[int] = []
        entries = 0
        for number in numbers:
            bundle.append(number)
            entries += self.size(number)
            if entries >= _MANY or len(bundle) >= _MANY:
                yield bundle
                bundle, entries = [], 0
        if bundle:
            yield bundle

    def undone(self, number: int) -> tuple[pa.Array, pa.Array, list[str | None], int]:
        """What an undo of an action puts back: sha256, files, values; and how many pictures were decided anew since."""
        begin, end = self._spans[number]
        pairs = self._pair.held[begin:end]
        unchanged = self._value.held[self._top[pairs]] == self._value.held[begin:end]
        before = self._previous.held[begin:end][unchanged]
        values = np.where(before >= 0, self._value.held[before], -1).tolist()
        shas, files = (_one(column.take(pa.array(pairs[unchanged]))) for column in self._columns())
        return shas, files, [self._id(value) for value in values], int((~unchanged).sum())

    def history(self, pairs: Sequence[int]) -> list[Entry]:
        """Every entry of some pictures, the latest first."""
        found: list[tuple[tuple[int, str], Entry]] = []
        shas, files = self._columns()
        for pair in pairs:
            sha, file = shas[pair].as_py(), files[pair].as_py()
            entry = int(self._top[pair])
            while entry >= 0:
                found.append(self._entry(entry, sha, file))
                entry = int(self._previous.held[entry])
        return [entry for _, entry in sorted(found, key=lambda item: item[0], reverse=True)]

    def entries(self, start: int, count: int) -> list[Entry]:
        """Entries of the whole log in the order of time."""
        if self._by_time is None:
            self._by_time = np.argsort(self._ranks()[self._action.held], kind="stable").astype(np.int32)
        held = self._by_time[start : start + count]
        shas, files = self._columns()
        pairs = pa.array(self._pair.held[held])
        names = zip(held.tolist(), shas.take(pairs).to_pylist(), files.take(pairs).to_pylist(), strict=True)
        return [self._entry(entry, sha, file)[1] for entry, sha, file in names]

    def _entry(self, entry: int, sha: str, file: str) -> tuple[tuple[int, str], Entry]:
        action = self.actions[int(self._action.held[entry])]
        value = int(self._value.held[entry])
        decided = self.actions[value] if value >= 0 else None
        return action.order, Entry(
            sha,
            file,
            decided.decision if decided else None,
            decided.reason if decided else None,
            action.reviewer,
            action.time,
            action.id,
            action.undoes is not None,
        )

    def _append(self, parts: Sequence[Part]) -> None:
        """Take up new actions; where a picture has several new entries, they are not in order yet."""
        values = []
        begin = len(self._pair)
        for part in parts:
            number = len(self.actions)
            self.actions.append(part.action)
            self.numbers[part.action.id] = number
            self._newest = max(self._newest, part.action.order)
            self.latest_ns = max(self.latest_ns, part.action.time_ns)
            self._sum ^= zlib.crc32(UUID(part.action.id).bytes)
            self._spans.append((begin, begin + len(part)))
            begin += len(part)
            if part.values is None:
                values.append(np.full(len(part), number, np.int32))
            else:
                # An action that is not there was in a file that somebody took out: nothing was decided in it.
                values.append(np.array([self.numbers.get(v, -1) if v else -1 for v in part.values], np.int32))
        pairs = self.pairs.add(
            pa.chunked_array([part.sha256 for part in parts], pa.string()),
            pa.chunked_array([part.files for part in parts], pa.string()),
        )
        first = len(self._pair)
        numbers = np.arange(len(self.actions) - len(parts), len(self.actions), dtype=np.int32)
        # a copy: whoever holds the decisions of before keeps them
        top = np.concatenate([self._top, np.full(len(self.pairs) - len(self._top), -1, np.int32)])
        self._pair.add(pairs)
        self._action.add(np.repeat(numbers, [len(part) for part in parts]))
        self._value.add(np.concatenate(values))
        self._previous.add(top[pairs])
        top[pairs] = np.arange(first, first + len(pairs), dtype=np.int32)
        self._top = top

    def _put_in_order(self) -> None:
        """Find the order of the entries of each picture again."""
        ranks, pairs = self._ranks(), self._pair.held
        entries = np.lexsort((ranks[self._action.held], pairs)).astype(np.int32)
        follows = pairs[entries][1:] == pairs[entries][:-1]
        previous = np.full(len(entries), -1, np.int32)
        previous[entries[1:][follows]] = entries[:-1][follows]
        top = np.full(len(self.pairs), -1, np.int32)
        top[pairs[entries]] = entries  # the last of each picture stays
        self._previous.replace(previous)
        self._top = top

    def _ranks(self) -> Indices:
        """Place of each action in the order of time."""
        order = sorted(range(len(self.actions)), key=lambda number: self.actions[number].order)
        ranks = np.empty(len(order), np.int32)
        ranks[order] = np.arange(len(order))
        return ranks

    def _id(self, value: int) -> str | None:
        return self.actions[value].id if value >= 0 else None

    def _columns(self) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        return self.decisions.pairs


class _Growing:
    """An array that grows at its end. What was taken from it before stays as it was."""

    def __init__(self) -> None:
        self._array: NDArray[np.int32] = np.empty(1024, np.int32)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def held(self) -> Indices:
        return self._array[: self._size]

    def add(self, values: Indices) -> None:
        needed = self._size + len(values)
        if needed > len(self._array):
            grown = np.empty(max(needed, len(self._array) * 3 // 2), np.int32)
            grown[: self._size] = self.held
            self._array = grown
        self._array[self._size : needed] = values
        self._size = needed

    def replace(self, values: Indices) -> None:
        self._array = values.copy()


def _one(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())
