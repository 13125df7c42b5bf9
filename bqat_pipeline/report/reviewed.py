"""How many pictures people had decided about when the report was made."""

import logging

import pyarrow as pa
import pyarrow.dataset as ds
from pydantic import BaseModel, ConfigDict

from bqat_pipeline.datasets import DamagedDatasetError, DatasetStore

logger = logging.getLogger(__name__)


class Reviewed(BaseModel):
    """Pictures by decision."""

    model_config = ConfigDict(frozen=True)

    decided: int
    keep: int
    reject: int
    unsure: int
    undecided: int


def reviewed(store: DatasetStore, key: str, profiles: "ds.Dataset", notes: list[str]) -> Reviewed | None:
    """What people have decided; None where nobody has. What cannot be read is said in the notes: no report waits."""
    from bqat_pipeline.review.decision_log import DecisionLog
    from bqat_pipeline.review.decisions import UNDECIDED, read_pictures

    try:
        decisions = DecisionLog(store.decisions(key)).current()
        if not len(decisions):
            return None
        counts = decisions.rows(read_pictures(profiles)).counts()
    except (DamagedDatasetError, OSError, pa.ArrowException) as error:
        logger.warning("the decisions of %s: %s", key, error)
        notes.append(f"What people decided could not be counted: {error}.")
        return None
    undecided = counts.pop(UNDECIDED)
    decided = sum(counts.values())
    return Reviewed(decided=decided, undecided=undecided, **counts) if decided else None
