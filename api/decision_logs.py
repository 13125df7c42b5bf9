"""People's decisions about pictures: one open log per data set in this process, and the decisions row by row."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.dataset as ds

from bqat_pipeline.datasets import DamagedDatasetError
from bqat_pipeline.review.decision_log import DecisionLog
from bqat_pipeline.review.decisions import Pictures, RowDecisions, read_pictures

logger = logging.getLogger("bqat.api")

# Logs kept open, and data sets whose file names are kept in memory (about 130 MB for a million files).
_LOGS = 64
_PICTURES = 2


@dataclass
class _OpenLog:
    """A log with its locks: one writer at a time, and one thread at a time that reads its decisions row by row."""

    log: DecisionLog
    writing: threading.Lock = field(default_factory=threading.Lock)
    reading: threading.Lock = field(default_factory=threading.Lock)


class DecisionLogs:
    """The most recently used decision logs.

    Parameters
    ----------
    opened : The log of the data set of a key.
    """

    def __init__(self, opened: Callable[[str], DecisionLog]) -> None:
        self._open = opened
        self._lock = threading.Lock()
        self._logs: OrderedDict[str, _OpenLog] = OrderedDict()
        self._rows: OrderedDict[tuple[str, str], RowDecisions] = OrderedDict()

    def log(self, key: str) -> DecisionLog:
        """The log of a data set; every caller gets the same object."""
        return self._opened(key).log

    @contextmanager
    def writing(self, key: str) -> Iterator[DecisionLog]:
        """The log of a data set, for one writer of this process at a time."""
        opened = self._opened(key)
        with opened.writing:
            yield opened.log
        if opened.log.is_crowded:
            threading.Thread(target=_compact, args=(key, opened.log), daemon=True).start()

    def rows(self, key: str, generation: str, profiles: "ds.Dataset", pictures: Pictures | None = None) -> RowDecisions:
        """The decisions about the rows of a generation, as they are now.

        Parameters
        ----------
        pictures : Names of the profiles' pictures where the caller has read them, so that memory holds them once.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when the log or the profiles cannot be read.
        """
        opened = self._opened(key)
        with opened.reading:
            decisions = opened.log.current()
            known = self._rows.get((key, generation))
            if known is not None and pictures is not None and known.pictures is not pictures:
                known = None
            if known is not None and known.decisions is decisions:
                return known
            if pictures is None:
                pictures = known.pictures if known is not None else read_pictures(profiles)
            rows = decisions.rows(pictures, known)
        with self._lock:
            self._rows[key, generation] = rows
            self._rows.move_to_end((key, generation))
            while len(self._rows) > _PICTURES:
                self._rows.popitem(last=False)
        return rows

    def _opened(self, key: str) -> _OpenLog:
        with self._lock:
            opened = self._logs.get(key)
            if opened is None:
                opened = self._logs[key] = _OpenLog(self._open(key))
            self._logs.move_to_end(key)
            if len(self._logs) > _LOGS:  # a log that is being written stays: all its writers must share one lock
                oldest = next(name for name, entry in self._logs.items() if not entry.writing.locked())
                del self._logs[oldest]
            return opened


def _compact(key: str, log: DecisionLog) -> None:
    """Merge the parts of a log into one; when that fails, the next decision tries again."""
    try:
        log.compact()
    except (OSError, DamagedDatasetError, pa.ArrowException) as error:
        logger.warning("the decisions of %s were not compacted: %s", key, error)
