"""The log of decisions of a data set: a folder of parts that never change, which any number of processes add to.

Every action is a part of its own, so two writers never touch the same file. ``compact`` writes what it read into one
new part and deletes what it read; readers take all parts, and an action that is in two of them once.
"""

import logging
import threading
import time
from dataclasses import replace
from enum import StrEnum

import pyarrow.compute as pc
from pyarrow import fs

from bqat_pipeline.datasets import DamagedDatasetError, Location, UnreadableDatasetError
from bqat_pipeline.datasets.decision_parts import action_of, action_part, compacted_part, is_compacted
from bqat_pipeline.datasets.stored import patiently, warn_once
from bqat_pipeline.review.decisions import Action, Decision, Decisions, Entry
from bqat_pipeline.review.log_state import LogState
from bqat_pipeline.review.pairs import Column, as_text
from bqat_pipeline.review.parts import Part, read_compacted, read_part, write_compacted, write_part

logger = logging.getLogger(__name__)

# More parts than this are made one.
MAX_PARTS = 500
# The folder's time tells of a new part when it is older than this, in nanoseconds: clocks of file systems are coarse.
_COARSE = 2_000_000_000
# Seconds between two listings on S3 for those who only look.
_PATIENCE = 2.0
# Listings of which a file is gone when it is read: another process compacts.
_TRIES = 100
# Time of the folder, and time, at the last listing.
_NEVER = (-1, float("-inf"))


class UnknownActionError(LookupError):
    """There is no action of that id."""


class DecisionLog:
    """The decisions of one data set. Safe with any number of threads, and of other logs on the same folder.

    Parameters
    ----------
    folder : Folder of the parts (``DatasetStore.decisions``); made with the first decision.
    words : What may be decided.
    tolerant : Whether a damaged part of one action is passed over with a warning; it stays where it is.
    """

    def __init__(self, folder: Location, words: type[StrEnum] = Decision, *, tolerant: bool = False) -> None:
        self.folder = folder
        self._words, self._tolerant = words, tolerant
        self._lock = threading.RLock()
        self._state = LogState()
        self._read: set[str] = set()
        self._compacting = threading.Lock()
        self._looked = _NEVER

    def current(self, *, patient: bool = True) -> Decisions:
        """All decisions, with those of other processes.

        Parameters
        ----------
        patient : Whether, on S3, those of the last two seconds may be missed; not where what is written depends on it.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when not all of them can be read.
        """
        with self._lock:
            self._refresh(patient=patient)
            return self._state.decisions

    def find(self, action: str) -> Action | None:
        """The action of an id, or None."""
        with self._lock:
            self._refresh()
            number = self._state.numbers.get(action)
            return None if number is None else self._state.actions[number]

    def size(self, action: str) -> int:
        """Number of pictures that an action changed.

        Raises
        ------
        UnknownActionError : when there is none of that id.
        """
        with self._lock:
            return self._state.size(self._number(action))

    def append(self, action: Action, sha256: Column, files: Column) -> bool:
        """Write an action about some pictures, durably; False when there is one of this id, and nothing changes.

        Parameters
        ----------
        sha256, files : The pictures, each once; empty sha256 for those that could not be read.

        Raises
        ------
        UnwritableDatasetError : when the storage refuses; then nothing was decided.
        """
        with self._lock:
            self._refresh()
            if action.id in self._state.numbers:
                return False
            shas, names = as_text(sha256).combine_chunks(), as_text(files).combine_chunks()
            self._write(Part(self._stamped(action), shas, names))
            return True

    def undo(self, action: str, new: str, reviewer: str | None = None) -> Action:
        """Put back what each picture of an action was before it, but for those that were decided anew since.

        An undo can be undone. When there is an action of the new id, nothing changes, and it is the answer.

        Raises
        ------
        UnknownActionError : when there is no action of that id.
        UnwritableDatasetError : when the storage refuses; then nothing was undone.
        """
        with self._lock:
            self._refresh()
            if new in self._state.numbers:
                return self._state.actions[self._state.numbers[new]]
            number = self._number(action)
            undone = self._state.actions[number]
            shas, files, values, passed_over = self._state.undone(number)
            written = self._stamped(
                Action(
                    id=new,
                    reviewer=reviewer,
                    generation=undone.generation,
                    matching=self._state.size(number),
                    undoes=action,
                    passed_over=passed_over,
                )
            )
            self._write(Part(written, shas, files, values))
            return written

    def history(self, sha256: str | None, file: str) -> list[Entry]:
        """Everything that was ever decided about a file, also under other names and with other bytes; latest first."""
        with self._lock:
            self._refresh(patient=True)
            shas, files = self._state.decisions.pairs
            wanted = pc.equal(files, file)
            if sha256:
                wanted = pc.or_(wanted, pc.equal(shas, sha256))
            return self._state.history(pc.indices_nonzero(wanted).to_pylist())

    def entries(self, start: int = 0, count: int = 10_000) -> list[Entry]:
        """Some entries of the whole log, in the order of time."""
        with self._lock:
            self._refresh(patient=True)
            return self._state.entries(start, count)

    @property
    def is_crowded(self) -> bool:
        """Whether there are so many parts that they should be made one."""
        return len(self._read) > MAX_PARTS

    def compact(self) -> bool:
        """Make one part of all there are; False when that is so. Any process may do it, and none has to wait."""
        if not self._compacting.acquire(blocking=False):
            return False
        try:
            with self._lock:
                self._refresh()
                state, read = self._state, sorted(self._read)
                order = sorted(range(len(state.actions)), key=lambda number: state.actions[number].order)
            if len(read) < 2 and not any(action_of(name) for name in read):
                return False
            name = compacted_part()
            write_compacted(self.folder / name, state.parts(order), self._what(name))
            with self._lock:
                self._read.add(name)
                for old in read:
                    (self.folder / old).delete()
                    self._read.discard(old)
                self._looked = _NEVER
            return True
        finally:
            self._compacting.release()

    # reading

    def _refresh(self, *, patient: bool = False) -> None:
        """Read what is new.

        Parameters
        ----------
        patient : Whether, on S3, actions may be missed that are newer than the last listing, two seconds old at most.
        """
        if self.folder.is_local:
            changed = self.folder.info().mtime_ns or 0
            if changed == self._looked[0]:
                return
            began = time.time_ns()
        else:
            changed, began = 0, 0
            if patient and time.monotonic() - self._looked[1] < _PATIENCE:
                return
        for _ in range(_TRIES):
            if self._read_new():
                break
        else:
            raise UnreadableDatasetError(f"the decisions of {self.folder.parent.name}", "files come and go")
        trusted = changed if began - changed > _COARSE else -1
        self._looked = (trusted, time.monotonic())

    def _read_new(self) -> bool:
        """Read the parts that were not read yet; False when one was gone: it is in another one by now."""
        names = self._names()
        if self._read.difference(names) and not any(is_compacted(name) for name in names if name not in self._read):
            self._state, self._read = LogState(), set()  # somebody put the folder of another day there
        # Parts of many first: what is undone in other parts may be in them.
        singles: list[tuple[str, Part]] = []
        whole = True
        for name in sorted((name for name in names if name not in self._read), key=lambda n: (not is_compacted(n), n)):
            place, what = self.folder / name, self._what(name)
            if is_compacted(name):
                parts = read_compacted(place, self._state.numbers, what, self._words)
                if parts is not None:
                    self._state.add(parts)
                    self._read.add(name)
            else:
                try:
                    part = read_part(place, what, self._words)
                except DamagedDatasetError as error:
                    if not self._tolerant:
                        raise
                    warn_once(logger, str(error))
                    continue
                parts = None if part is None else [part]
                singles += [(name, part)] if part is not None else []
            whole = whole and parts is not None
        if whole:
            self._state.add([part for _, part in singles])
            self._read.update(name for name, _ in singles)
        return whole

    def _names(self) -> list[str]:
        def listed() -> list[str]:
            files = (info.base_name for info in self.folder.iterdir() if info.type == fs.FileType.File)
            return [name for name in files if action_of(name) or is_compacted(name)]

        return patiently(listed, f"the decisions of {self.folder.parent.name}") or []

    def _what(self, name: str) -> str:
        return f"{name} of the decisions of {self.folder.parent.name}"

    # writing

    def _stamped(self, action: Action) -> Action:
        """An action as of now, later than all that is known: where clocks differ, who saw a decision overrules it."""
        return replace(action, time_ns=max(time.time_ns(), self._state.latest_ns + 1))

    def _write(self, part: Part) -> None:
        name = action_part(part.action.time_ns, part.action.id)
        write_part(self.folder / name, part, self._what(name))
        self._state.add([part])
        self._read.add(name)

    def _number(self, action: str) -> int:
        number = self._state.numbers.get(action)
        if number is None:
            raise UnknownActionError(f"there is no action {action}")
        return number
