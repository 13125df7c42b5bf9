"""Waiting for S3 that is away: work is tried again, for as long as the settings say; a scan resumes each time."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from bqat_pipeline.datasets.listing import SourceUnreadableError
from bqat_pipeline.execution.database import DatabaseError
from bqat_pipeline.execution.errors import ClusterError, ScanError

logger = logging.getLogger(__name__)

_R = TypeVar("_R")

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 15.0
# Work that went on for so long shows that the storage had come back: the time of waiting begins anew.
_SECONDS_OF_WORK = 60.0


def while_storage_is_away(work: Callable[[], _R], seconds: float) -> _R:
    """The result of something that may be done again, when S3 refuses or does not answer.

    Parameters
    ----------
    seconds : Longest time to wait in all; 0: not at all.

    Raises
    ------
    OSError, ScanError, DatabaseError : of the last try.
    """
    away_since: float | None = None
    wait = _FIRST_WAIT
    while True:
        began = time.monotonic()
        try:
            return work()
        except (OSError, ScanError, DatabaseError) as error:
            moment = time.monotonic()
            if away_since is None or moment - began > _SECONDS_OF_WORK:
                away_since, wait = moment, _FIRST_WAIT
            left = seconds - (moment - away_since)
            if left <= 0 or not is_passing(error):
                raise
            logger.warning("%s - tried again in %g s, for %.0f s more (BQAT_STORAGE_TIMEOUT)", error, wait, left)
        time.sleep(min(wait, left))
        wait = min(2 * wait, _LONGEST_WAIT)


def is_passing(error: BaseException) -> bool:
    """Whether an error, or what caused it, is S3's client saying that it was refused or not answered.

    A disk that refuses is full or broken; waiting does not help there.
    """
    if isinstance(error, ClusterError):
        return False
    if isinstance(error, ScanError | SourceUnreadableError):
        return error.__cause__ is not None and is_passing(error.__cause__)
    return (
        isinstance(error, OSError | DatabaseError)
        and not isinstance(error, FileNotFoundError)
        and "AWS Error" in str(error)
    )
