"""What people decided about pictures: actions, and the state that they leave a data set in.

A decision is about a file with certain bytes. Of all that was decided about a (sha256, file) pair, the latest holds.
A pair without a decision of its own has that of the same bytes under names that are gone: a moved file keeps it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets.queries import batches
from bqat_pipeline.review.pairs import Column, GrowingPairs, HashIndex, Indices, PairIndex, as_text, hash_texts

MAX_REASON = 500
MAX_REVIEWER = 200


class Decision(StrEnum):
    """What a person said about a picture. Undecided is None."""

    KEEP = "keep"
    REJECT = "reject"
    UNSURE = "unsure"


# The word for pictures without a decision, in filters, facets and lists.
UNDECIDED = "undecided"
# Decisions by code: codes in arrays are positions in this tuple.
DECISIONS: tuple[Decision | None, ...] = (None, Decision.KEEP, Decision.REJECT, Decision.UNSURE)

Codes = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody did in one go: one decision about any number of pictures, or an undo of an earlier action.

    Attributes
    ----------
    id : UUID, made by who asked; doing it again changes nothing.
    decision : Of pictures a ``Decision``, of pairs a ``PairAnswer``. None: undecided again; also for an undo, whose
        pictures get back what they had each.
    generation : Of the data set that was looked at.
    matching : Pictures that were meant, of which some may have had this decision already.
    undoes : Id of the action that is undone.
    passed_over : Pictures of that action which were decided anew since, and stay.
    time_ns : When, in nanoseconds since 1970; 0 before it is written.
    """

    id: str
    decision: StrEnum | None = None
    reason: str | None = None
    reviewer: str | None = None
    generation: str = ""
    matching: int = 0
    undoes: str | None = None
    passed_over: int = 0
    time_ns: int = 0

    @property
    def order(self) -> tuple[int, str]:
        """Later actions win; of one moment that with the larger id."""
        return self.time_ns, self.id

    @property
    def time(self) -> datetime:
        """When, UTC, in microseconds."""
        return datetime.fromtimestamp(self.time_ns // 1000 / 1_000_000, UTC)


@dataclass(frozen=True, slots=True)
class CurrentDecision:
    """The decision about a picture.

    Attributes
    ----------
    action : Id of the action in which it was decided.
    """

    decision: StrEnum
    reason: str | None
    reviewer: str | None
    time: datetime
    action: str

    @classmethod
    def of(cls, action: Action) -> "CurrentDecision | None":
        """What an action decided; None when that is: undecided."""
        if action.decision is None:
            return None
        return cls(action.decision, action.reason, action.reviewer, action.time, action.id)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history of a picture.

    Attributes
    ----------
    decision : That the picture had afterwards; None: undecided.
    undo : Whether it is an undo, which put back what was before.
    """

    sha256: str
    file: str
    decision: StrEnum | None
    reason: str | None
    reviewer: str | None
    time: datetime
    action: str
    undo: bool


class Pictures:
    """The files of a data set as decisions are bound to them, row by row.

    Parameters
    ----------
    sha256, files : Columns of the profiles, in the order of ``row``. Files without sha256 are bound to their name.
    """

    def __init__(self, sha256: Column | Sequence[str | None], files: Column | Sequence[str]) -> None:
        self.sha256, self.files = as_text(sha256), as_text(files)

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def index(self) -> PairIndex:
        """Rows by sha256 and file; 12 bytes a row, made when the first decision is there."""
        return PairIndex(self.sha256, self.files)

    @cached_property
    def by_bytes(self) -> HashIndex:
        """Rows by sha256; made when a file that was decided about is gone."""
        return HashIndex(hash_texts(self.sha256))

    def pair(self, row: int) -> tuple[str, str]:
        """Sha256 and file of a row."""
        return self.sha256[row].as_py(), self.files[row].as_py()


def read_pictures(profiles: "ds.Dataset") -> Pictures:
    """Which file with which bytes each row is about."""
    schema = pa.schema([profiles.schema.field(name) for name in ("sha256", "file")])
    table = pa.Table.from_batches(batches(profiles, schema.names), schema=schema)
    return Pictures(table["sha256"], table["file"])


class Decisions:
    """All decisions at one time; never changes.

    Attributes
    ----------
    version : Other after every action, and the same in all processes that have read the same actions.
    actions : All of them, in no particular order. Numbers of actions are positions in it.
    """

    def __init__(
        self, version: str, actions: Sequence[Action], pairs: GrowingPairs, values: Indices, setters: Indices
    ) -> None:
        self.version, self.actions, self._pairs = version, actions, pairs
        # By pair: number of the action whose decision it has (-1: as if there had never been one), and of the action
        # that last changed it.
        self._values, self._setters = values, setters

    def __len__(self) -> int:
        return len(self._values)

    @cached_property
    def pairs(self) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """Sha256 and file of everything that was ever decided about."""
        shas, files = self._pairs.columns()
        return shas.slice(0, len(self)), files.slice(0, len(self))

    def numbers(self, sha256: Column, files: Column) -> Indices:
        """For each pair the number of the action that it has its own decision from; -1 for none."""
        found = self._pairs.find(as_text(sha256), as_text(files))
        known = (found >= 0) & (found < len(self))
        return np.where(known, self._values[np.where(known, found, 0)], -1) if len(self) else np.full_like(found, -1)

    def of(self, sha256: str | None, file: str) -> CurrentDecision | None:
        """The decision about a file of its own; of moved files ``RowDecisions`` knows."""
        (number,) = self.numbers(as_text([sha256]), as_text([file])).tolist()
        return CurrentDecision.of(self.actions[number]) if number >= 0 else None

    def before(self, sha256: str | None, file: str) -> StrEnum | None:
        """The latest decision about this name when the file had other bytes."""
        shas, names = self.pairs
        others = pc.and_(pc.equal(names, file), pc.not_equal(shas, sha256 or ""))
        found = np.flatnonzero(np.asarray(others)) if len(self) else np.empty(0, int)
        found = found[self._values[found] >= 0]
        if not len(found):
            return None
        latest = max(found.tolist(), key=lambda pair: self.actions[int(self._setters[pair])].order)
        return self.actions[int(self._values[latest])].decision

    def codes(self, sha256: Column | Sequence[str | None], files: Column | Sequence[str]) -> Codes:
        """Code in ``DECISIONS`` of each row of a whole data set (``rows`` keeps what it looked up)."""
        return self.rows(Pictures(sha256, files)).codes

    def rows(self, pictures: Pictures, earlier: "RowDecisions | None" = None) -> "RowDecisions":
        """The decisions about a data set.

        Parameters
        ----------
        earlier : Those of an earlier time about the same pictures, which make this quick.
        """
        return RowDecisions(self, pictures, earlier)


class RowDecisions:
    """The decisions at one time about the rows of a data set.

    Attributes
    ----------
    numbers : (n,) int32, number of the action from which a row has its decision; -1: nobody ever decided.
    codes : (n,) int8, codes in ``DECISIONS``.
    """

    def __init__(self, decisions: Decisions, pictures: Pictures, earlier: "RowDecisions | None" = None) -> None:
        self.decisions, self.pictures = decisions, pictures
        self.version = decisions.version
        self._rows_of_pairs = self._place(earlier)
        self.numbers = self._resolve()
        codes = np.array([DECISIONS.index(action.decision) for action in decisions.actions] + [0], np.int8)
        self.codes: Codes = codes[self.numbers]

    def of(self, row: int) -> CurrentDecision | None:
        """The decision about a row."""
        number = int(self.numbers[row])
        return CurrentDecision.of(self.decisions.actions[number]) if number >= 0 else None

    def before(self, row: int) -> StrEnum | None:
        """The latest decision about a row's file when it had other bytes."""
        number = self._before.get(self.pictures.files[row].as_py()) if self._before else None
        return self.decisions.actions[number].decision if number is not None else None

    def counts(self) -> dict[str, int]:
        """Rows by decision, ``undecided`` among them."""
        found = np.bincount(self.codes, minlength=len(DECISIONS)).tolist()
        return {str(decision or UNDECIDED): count for decision, count in zip(DECISIONS, found, strict=True)}

    def _place(self, earlier: "RowDecisions | None") -> Indices:
        """The row of each pair that was ever decided about; -1 where the file is gone or has other bytes."""
        known = np.empty(0, np.int32)
        if earlier is not None and earlier.pictures is self.pictures:
            known = earlier._rows_of_pairs[: len(self.decisions)]
        if len(known) == len(self.decisions):
            return known
        shas, files = (column.slice(len(known)) for column in self.decisions.pairs)
        return np.concatenate([known, self.pictures.index.find(shas, files)])

    def _resolve(self) -> Indices:
        values, setters = self.decisions._values, self.decisions._setters
        numbers = np.full(len(self.pictures), -1, np.int32)
        if not len(self.decisions):
            return numbers
        here = self._rows_of_pairs >= 0
        gone = np.flatnonzero(~here & (values >= 0))
        if len(gone):
            shas = self.decisions.pairs[0].take(pa.array(gone))
            gone = gone[np.asarray(pc.not_equal(shas, ""))]
        if len(gone):
            gone = gone[np.argsort(self._ranks[setters[gone]], kind="stable")]  # the latest is written last
            shas = self.decisions.pairs[0].take(pa.array(gone))
            asked, rows = self.pictures.by_bytes.candidates(hash_texts(shas))
            same = np.asarray(pc.equal(shas.take(pa.array(asked)), self.pictures.sha256.take(pa.array(rows))))
            numbers[rows[same]] = values[gone[asked[same]]]
        own = here & (values >= 0)
        numbers[self._rows_of_pairs[own]] = values[own]
        return numbers

    @cached_property
    def _ranks(self) -> Indices:
        """Place of each action in the order of time."""
        actions = self.decisions.actions
        order = sorted(range(len(actions)), key=lambda number: actions[number].order)
        ranks = np.empty(len(actions), np.int32)
        ranks[order] = np.arange(len(actions))
        return ranks

    @cached_property
    def _before(self) -> dict[str, int]:
        """By file, the action that decided about it last when it had other bytes."""
        values, setters = self.decisions._values, self.decisions._setters
        gone = np.flatnonzero((self._rows_of_pairs < 0) & (values >= 0))
        if not len(gone):
            return {}
        gone = gone[np.argsort(self._ranks[setters[gone]], kind="stable")]
        files = self.decisions.pairs[1].take(pa.array(gone)).to_pylist()
        return dict(zip(files, values[gone].tolist(), strict=True))
