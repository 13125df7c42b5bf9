"""Names of the files in the folder of decisions of a data set. None of them ever changes once it is there."""

import re
from uuid import uuid4

# Folder of the decisions, in that of the data set.
FOLDER = "decisions"
# Folder of the decisions about pairs that may show one person.
PAIRS_FOLDER = "pair_decisions"

_ACTION = re.compile(r"(\d{20})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl")
_COMPACTED = re.compile(r"compacted-[0-9a-f]{32}\.parquet")


def action_part(time_ns: int, action: str) -> str:
    """Name of the part of one action, made at a time in nanoseconds since 1970."""
    return f"{time_ns:020d}-{action}.jsonl"


def compacted_part() -> str:
    """A name for a part that takes the place of many; no other process takes it."""
    return f"compacted-{uuid4().hex}.parquet"


def action_of(name: str) -> str | None:
    """Id of the action of a part of one action; None for other names."""
    found = _ACTION.fullmatch(name)
    return found[2] if found else None


def is_compacted(name: str) -> bool:
    """Whether this is the name of a part that took the place of many."""
    return _COMPACTED.fullmatch(name) is not None
