"""Tasks looked up, launched and ended through Dagster, with a short-lived cache so that polling stays cheap."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from api.tasks.dagster_client import DagsterClient, DagsterUnavailableError, Run
from api.tasks.task import JOBS, LIVE_RUN_STATUSES, Kind, Task, kind_of, task_id_of, tasks_of
from bqat_pipeline.names import COLLECTION_TAG, KIND_TAG, ROOT_RUN_TAG, TASK_TAG

# Seconds for which Dagster's answer about an unfinished task, or a list, is reused.
FRESH = 0.5
# Seconds for which its last answer is served without Dagster: a 404 or 503 would make BQAT-GUI stop the scan.
STALE = 120.0
# Most runs read for one list; older tasks are found by id.
LISTED_RUNS = 1000

_T = TypeVar("_T")


class _Cache(Generic[_T]):
    """Values by key for a short time; callers that ask for the same key at the same time share one look-up."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Any, tuple[float, _T]] = OrderedDict()
        self._waiting: dict[Any, asyncio.Task[_T]] = {}
        self._epoch = 0

    async def get(self, key: Any, look_up: Callable[[], Awaitable[_T]], lasts: Callable[[_T], bool]) -> _T:
        loop = asyncio.get_running_loop()
        entry = self._values.get(key)
        if entry is not None and (loop.time() - entry[0] < FRESH or lasts(entry[1])):
            return entry[1]
        task = self._waiting.get(key)
        if task is None:
            task = loop.create_task(self._fetch(key, look_up))
            self._waiting[key] = task
            task.add_done_callback(lambda done: self._waiting.pop(key) if self._waiting.get(key) is done else None)
        try:
            return await asyncio.shield(task)
        except DagsterUnavailableError:
            entry = self._values.get(key)
            if entry is not None and loop.time() - entry[0] < STALE:
                return entry[1]
            raise

    async def _fetch(self, key: Any, look_up: Callable[[], Awaitable[_T]]) -> _T:
        asked, epoch = asyncio.get_running_loop().time(), self._epoch
        value = await look_up()
        if epoch != self._epoch:  # `forget` was called meanwhile: answer those who wait, and do not cache
            return value
        self._values[key] = (asked, value)
        self._values.move_to_end(key)
        while len(self._values) > self._size:
            self._values.popitem(last=False)
        return value

    def known(self) -> list[tuple[Any, _T]]:
        """Cached keys and values, fresh or not."""
        return [(key, value) for key, (_, value) in self._values.items()]

    def forget(self, key: Any = None) -> None:
        """Drop one key, or everything; look-ups under way are not shared any more."""
        self._epoch += 1
        if key is None:
            self._values.clear()
            self._waiting.clear()
        else:
            self._values.pop(key, None)
            self._waiting.pop(key, None)


class TaskBoard:
    """All tasks, whether asked for here or in Dagster.

    Parameters
    ----------
    dagster : Client of the Dagster webserver.
    """

    def __init__(self, dagster: DagsterClient) -> None:
        self.dagster = dagster
        self._single: _Cache[Task | None] = _Cache(10_000)
        self._lists: _Cache[list[Task]] = _Cache(64)
        self._failures: dict[str, list[str]] = {}

    async def find(self, tid: str) -> Task | None:
        """The task of an id, or None."""
        return await self._single.get(tid, lambda: self._look_up(tid), lambda task: task is not None and task.is_final)

    async def of_kind(self, kind: Kind) -> list[Task]:
        """Tasks of a kind, newest `modified` first: those of the newest 1,000 runs."""

        async def look_up() -> list[Task]:
            runs: list[Run] = []
            for job in JOBS[kind]:
                runs.extend(await self.dagster.runs(job=job, limit=LISTED_RUNS))
            return [task for task in tasks_of(runs) if task.kind is kind]

        return await self._lists.get(kind, look_up, lambda _: False)

    async def of_collection(self, kind: Kind, collection: str) -> list[Task]:
        """Tasks of a kind for one data set, newest first."""
        runs = await self.dagster.runs(tags={KIND_TAG: kind.value, COLLECTION_TAG: collection}, limit=LISTED_RUNS)
        return tasks_of(runs)

    async def live(self) -> list[Task]:
        """Every waiting or running task, oldest first within its kind, kinds in the order of `GET /task/pending`."""

        async def look_up() -> list[Task]:
            runs = await self.dagster.runs(statuses=(*LIVE_RUN_STATUSES, "CANCELING"), limit=LISTED_RUNS)
            tasks = [task for task in tasks_of(runs) if task.is_live]
            self._forget_contradicted(tasks)
            return tasks

        tasks = await self._lists.get("live", look_up, lambda _: False)
        order = list(Kind)
        return sorted(tasks, key=lambda task: (order.index(task.kind), task.created))

    async def launch(
        self,
        job: str,
        tags: Mapping[str, str],
        config: Mapping[str, Any] | None = None,
        partition: str | None = None,
    ) -> str:
        """Launch a run for the task in `tags` and return the run's id."""
        run_id = await self.dagster.launch(job, tags, config, partition)
        self.forget(tags[TASK_TAG])
        return run_id

    async def end(self, task: Task) -> bool:
        """Ask the unfinished runs of a task to end; False when none was unfinished."""
        ended = False
        for run in task.runs:
            if run.status in LIVE_RUN_STATUSES:
                ended = await self.dagster.terminate(run.id) or ended
        self.forget(task.id)
        return ended

    async def failure(self, task: Task) -> list[str]:
        """Why the newest run of a task failed; cached."""
        run_id = task.newest.id
        if run_id not in self._failures:
            self._failures[run_id] = await self.dagster.failure(run_id) or ["the run failed; its log is in Dagster"]
            while len(self._failures) > 1000:
                self._failures.pop(next(iter(self._failures)))
        return self._failures[run_id]

    def forget(self, tid: str) -> None:
        """Drop what is cached of a task, and every list."""
        self._single.forget(tid)
        self._lists.forget()

    def _forget_contradicted(self, live: list[Task]) -> None:
        """Drop cached tasks whose state differs from that in a newer list of waiting and running tasks.

        BQAT-GUI asks for the task that `GET /task/pending` names, and stops when the answer is that it waits.
        """
        statuses = {task.id: task.status for task in live}
        for tid, task in self._single.known():
            if task is None or task.is_final:
                continue
            if statuses[tid] is not task.status if tid in statuses else task.is_live:
                self._single.forget(tid)

    def _forget_older_lists(self, found: Task) -> None:
        """Drop cached lists that hold another state of a task: what has ended by its own log runs in no list."""
        for key, tasks in self._lists.known():
            if any(task.id == found.id and task.status is not found.status for task in tasks):
                self._lists.forget(key)

    async def _look_up(self, tid: str) -> Task | None:
        runs = await self.dagster.runs(tags={TASK_TAG: tid}, limit=100)
        if not runs:
            runs = [run for run in await self.dagster.runs(ids=[tid], limit=1) if task_id_of(run) == tid]
            if runs:
                runs += await self.dagster.runs(tags={ROOT_RUN_TAG: tid}, limit=100)
        tasks = tasks_of(run for run in runs if kind_of(run) is not None)
        found = tasks[0] if tasks else None
        if found is not None:
            self._forget_older_lists(found)
        return found
