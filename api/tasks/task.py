"""Tasks of the BQAT API, derived from Dagster runs: which runs belong to a task, and what state that means.

A task is one or more runs with the tag ``bqat/task``; the newest decides. Runs that nobody tagged (started in the
Dagster UI, by a sensor or a schedule) are tasks too: their id is the run id of the first attempt.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from api.tasks.dagster_client import Run
from bqat_pipeline.names import (
    COLLECTION_TAG,
    CSV_REPORT,
    DETECT_OUTLIERS,
    INPUT_TAG,
    KIND_TAG,
    MAKE_REPORT,
    OPTIONS_TAG,
    PARTITION_TAG,
    PREPROCESSING,
    RETRY_NUMBER_TAG,
    SCAN,
    TASK_TAG,
    TOTAL_TAG,
    WILL_RETRY_TAG,
)

# A failed run that Dagster promised to retry counts as running for this long; the retry normally comes within 5 s.
RETRY_PATIENCE = 600.0
# Dagster writes whether it will retry a run right after its failure; until then it is not known.
DECISION_PATIENCE = 5.0


class Kind(StrEnum):
    """What a task does; the order is that of `GET /task/pending`."""

    SCAN = "scan"
    REPORT = "report"
    OUTLIER = "outlier"
    PREPROCESSING = "preprocessing"


KINDS: Mapping[str, Kind] = {kind.value: kind for kind in Kind}


class Status(IntEnum):
    """State of a task on the wire."""

    NEW = 0
    RUNNING = 1
    DONE = 2
    ERROR = 3


# Dagster job of each kind; the jobs that hold runs of a kind are looked up in this order.
JOBS: Mapping[Kind, tuple[str, ...]] = {
    Kind.SCAN: (SCAN,),
    Kind.REPORT: (MAKE_REPORT, CSV_REPORT),
    Kind.OUTLIER: (DETECT_OUTLIERS,),
    Kind.PREPROCESSING: (PREPROCESSING,),
}
_KIND_OF_JOB = {job: kind for kind, jobs in JOBS.items() for job in jobs}

_WAITING = {"NOT_STARTED", "QUEUED", "MANAGED"}
_WORKING = {"STARTING", "STARTED"}
# A run that is being ended already counts as stopped: clients ask for the state right after `stop`.
_STOPPED = {"CANCELING", "CANCELED"}

LIVE_RUN_STATUSES = (*sorted(_WAITING - {"MANAGED"}), *sorted(_WORKING))


@dataclass(frozen=True, slots=True)
class Task:
    """One task, derived from its runs.

    Attributes
    ----------
    runs : Newest first; never empty.
    counted : Files counted later, for a task whose request did not count them; 0 otherwise.
    """

    id: str
    kind: Kind
    runs: tuple[Run, ...]
    counted: int = 0

    @property
    def newest(self) -> Run:
        return self.runs[0]

    @property
    def run_ids(self) -> frozenset[str]:
        return frozenset(run.id for run in self.runs)

    @property
    def collection(self) -> str | None:
        """Id of the data set, as the runs were tagged."""
        return self._tag(COLLECTION_TAG)

    @property
    def partition(self) -> str | None:
        """Key of the data set."""
        return self._tag(PARTITION_TAG)

    @property
    def input(self) -> str | None:
        """Folder as the client named it."""
        return self._tag(INPUT_TAG)

    @property
    def total(self) -> int:
        """Number of files, counted when the task was asked for or later; 0 when it is not known."""
        text = self._tag(TOTAL_TAG) or ""
        return int(text) if text.isdigit() else self.counted

    @property
    def options(self) -> str:
        """Options as JSON text; ``{}`` when there are none."""
        return self.newest.tags.get(OPTIONS_TAG) or "{}"

    @property
    def status(self) -> Status:
        state = self.newest.status
        if state in _WAITING and RETRY_NUMBER_TAG in self.newest.tags:
            return Status.RUNNING  # again, after a failure that no client has seen
        if state in _WAITING or state in _STOPPED:
            return Status.NEW
        if state in _WORKING or self._will_be_retried:
            return Status.RUNNING
        return Status.DONE if state == "SUCCESS" else Status.ERROR

    @property
    def is_live(self) -> bool:
        """Whether it waits or runs; only then it has a live progress entry."""
        return self.status is Status.RUNNING or self.newest.status in _WAITING

    @property
    def is_asked_for(self) -> bool:
        """Whether a client of the facade asked for it, and knows its id."""
        return self._tag(TASK_TAG) is not None

    @property
    def is_final(self) -> bool:
        """Whether nothing but a new request can change it."""
        return self.newest.status == "SUCCESS"

    @property
    def created(self) -> float:
        """Time of the first request, seconds since 1970."""
        return self.runs[-1].created

    @property
    def modified(self) -> float:
        """Time of the end, or of the newest request, seconds since 1970."""
        return self.newest.ended or self.newest.created

    @property
    def elapse(self) -> float:
        """Seconds of work, summed over resumes."""
        seconds = 0.0
        for run in self.runs:
            if run.started is not None:
                now = time.time() if run.status in _WORKING else run.started
                end = run.ended if run.ended is not None else now
                seconds += max(0.0, end - run.started)
        return round(seconds, 3)

    @property
    def _will_be_retried(self) -> bool:
        run = self.newest
        if run.status != "FAILURE":
            return False
        decision = run.tags.get(WILL_RETRY_TAG, "").lower()
        patience = {"true": RETRY_PATIENCE, "": DECISION_PATIENCE}.get(decision, 0.0)
        return time.time() - (run.ended or run.created) < patience

    def _tag(self, name: str) -> str | None:
        return next((run.tags[name] for run in self.runs if run.tags.get(name)), None)


def kind_of(run: Run) -> Kind | None:
    """Kind of the task a run belongs to; None for runs that are no task (backfills of single assets, other jobs)."""
    tag = run.tags.get(KIND_TAG, "")
    return KINDS[tag] if tag in KINDS else _KIND_OF_JOB.get(run.job)


def task_id_of(run: Run) -> str:
    """Id of the task a run belongs to."""
    return run.tags.get(TASK_TAG) or run.root


def tasks_of(runs: Iterable[Run]) -> list[Task]:
    """Tasks of the given runs, newest `modified` first."""
    groups: dict[str, list[Run]] = {}
    kinds: dict[str, Kind] = {}
    for run in runs:
        kind = kind_of(run)
        if kind is not None:
            groups.setdefault(task_id_of(run), []).append(run)
            kinds.setdefault(task_id_of(run), kind)
    tasks = [
        Task(tid, kinds[tid], tuple(sorted(group, key=lambda run: run.created, reverse=True)))
        for tid, group in groups.items()
    ]
    return sorted(tasks, key=lambda task: task.modified, reverse=True)


def one_per_collection(tasks: Iterable[Task]) -> list[Task]:
    """Scans to list: every one that a client asked for, and at most one automatic scan of each other data set.

    Sensor, schedule and command line scan a data set again and again: clients show the newest of these scans only, and
    none where they asked for a scan of the data set themselves. A scan that waits or runs is always listed.

    Parameters
    ----------
    tasks : Newest first.
    """
    found = list(tasks)
    taken = {task.collection for task in found if task.is_asked_for}
    kept = []
    for task in found:
        if task.is_live or task.is_asked_for or task.collection is None or task.collection not in taken:
            kept.append(task)
            taken.add(task.collection)
    return kept


def task_tags(
    tid: str, kind: Kind, *, collection: str | None = None, source: str = "", total: int = 0, options: str = ""
) -> dict[str, str]:
    """Run tags of a task; empty values are left out."""
    facts: dict[str, Any] = {
        TASK_TAG: tid,
        KIND_TAG: kind.value,
        COLLECTION_TAG: collection,
        INPUT_TAG: source,
        TOTAL_TAG: str(total) if total else "",
        OPTIONS_TAG: options,
    }
    return {name: value for name, value in facts.items() if value}
