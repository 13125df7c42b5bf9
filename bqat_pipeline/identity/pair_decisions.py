"""What people decided about pairs: the same person, not the same person. Kept by the content of both files.

Each decision is a small file that never changes; of those about one pair the latest counts, so any number of processes
may write. They stay when the data set is scanned again or its results are cleared, and go with the data set.
"""

import logging
import time
from datetime import datetime
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from bqat_pipeline.datasets import DamagedDatasetError, DatasetStore, Location
from bqat_pipeline.datasets.decision_parts import PAIRS_FOLDER
from bqat_pipeline.datasets.records import now
from bqat_pipeline.datasets.stored import read_model, warn_once, write_model

logger = logging.getLogger(__name__)

Answer = Literal["same", "different", "undecided"]
PairKey = tuple[str, str]


class PairDecision(BaseModel):
    """A decision about two files of a data set."""

    model_config = ConfigDict(frozen=True)

    sha256_a: str
    sha256_b: str
    a: str = Field(description="File of the first, as it was called then.")
    b: str
    decision: Answer = Field(description="One person, two persons, or taken back.")
    reviewer: str | None = None
    time: datetime = Field(default_factory=now)

    @property
    def key(self) -> PairKey:
        """The pair, in either order."""
        return pair_key(self.sha256_a, self.sha256_b)


def pair_key(first: str, second: str) -> PairKey:
    """Two digests, sorted."""
    return (first, second) if first <= second else (second, first)


def decide(store: DatasetStore, key: str, decision: PairDecision) -> None:
    """Keep a decision.

    Raises
    ------
    UnwritableDatasetError : when the storage refuses.
    """
    place = _folder(store, key) / f"{time.time_ns():020d}-{uuid4()}.json"
    write_model(place, decision, f"a decision about a pair of {key}")


def read_decisions(store: DatasetStore, key: str) -> dict[PairKey, PairDecision]:
    """The decision about each pair that has one; damaged files are passed over with a warning.

    Raises
    ------
    UnreadableDatasetError : when they cannot be read now.
    """
    found: dict[PairKey, PairDecision] = {}
    folder = _folder(store, key)
    for info in folder.iterdir():  # sorted by name, which begins with the time
        if not info.base_name.endswith(".json"):
            continue
        try:
            decision = read_model(folder / info.base_name, PairDecision, f"{info.base_name} of {key}", "delete it")
        except DamagedDatasetError as error:
            warn_once(logger, str(error))
            continue
        if decision is not None:
            found[decision.key] = decision
    return {pair: decision for pair, decision in found.items() if decision.decision != "undecided"}


def _folder(store: DatasetStore, key: str) -> Location:
    return store.folder(key) / PAIRS_FOLDER
