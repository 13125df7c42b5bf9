"""What people decided about pairs of pictures: the same person, not the same person. Kept by the content of both files.

The log is that of decisions about pictures (``decision_log``); the digests of the pair are in the places of a picture's
digest and name. It stays when the data set is scanned again or its results are cleared, and goes with the data set.
"""

from collections.abc import Sequence
from enum import StrEnum
from uuid import uuid4

import pyarrow as pa

from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.datasets.decision_parts import PAIRS_FOLDER
from bqat_pipeline.review.decision_log import DecisionLog
from bqat_pipeline.review.decisions import Action, Decisions

PairKey = tuple[str, str]


class PairAnswer(StrEnum):
    """What a person said about a pair. Undecided is None."""

    SAME = "same"
    DIFFERENT = "different"


def pair_key(first: str | None, second: str | None) -> PairKey:
    """Two digests, sorted: a pair has no order."""
    a, b = first or "", second or ""
    return (a, b) if a <= b else (b, a)


def pair_log(store: DatasetStore, key: str) -> DecisionLog:
    """The log of a data set; a damaged part of one decision is passed over with a warning: the others still hold."""
    return DecisionLog(store.folder(key) / PAIRS_FOLDER, PairAnswer, tolerant=True)


def decide_pair(log: DecisionLog, pair: PairKey, answer: PairAnswer | None, reviewer: str | None = None) -> None:
    """Keep a decision; nothing is written where the same reviewer said the same last.

    Raises
    ------
    UnwritableDatasetError : when the storage refuses.
    """
    decisions = log.current(patient=False)
    (number,) = _numbers(decisions, [pair])
    known = decisions.actions[number] if number >= 0 else None
    before = None if known is None else known.decision
    if before == answer and (known is None or answer is None or known.reviewer == reviewer):
        return
    action = Action(id=str(uuid4()), decision=answer, reviewer=reviewer, matching=1)
    log.append(action, pa.array([pair[0]]), pa.array([pair[1]]))


def answers(decisions: Decisions, pairs: Sequence[PairKey]) -> list[str | None]:
    """What was decided about each pair; None: nothing, or it was taken back."""
    found = (decisions.actions[number].decision if number >= 0 else None for number in _numbers(decisions, pairs))
    return [decision and decision.value for decision in found]


def all_answers(decisions: Decisions) -> dict[PairKey, str]:
    """Every pair that is decided."""
    first, second = (column.to_pylist() for column in decisions.pairs)
    pairs = list(zip(first, second, strict=True))
    return {pair: said for pair, said in zip(pairs, answers(decisions, pairs), strict=True) if said is not None}


def _numbers(decisions: Decisions, pairs: Sequence[PairKey]) -> list[int]:
    first, second = (pa.array([pair[end] for pair in pairs], pa.string()) for end in (0, 1))
    found: list[int] = decisions.numbers(first, second).tolist()
    return found
