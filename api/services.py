"""What the routes work with: settings, data sets, tasks, and threads for whatever would block the event loop."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar
from uuid import uuid4

import anyio
import anyio.to_thread
from fastapi import Depends, Request

from api.decision_logs import DecisionLogs
from api.http.held_bodies import HeldBodies
from api.http.metrics import Metrics
from api.tasks.board import TaskBoard
from api.tasks.dagster_client import DagsterClient
from api.tasks.health import Health
from api.tasks.hidden import HiddenTasks
from api.tasks.task import Kind, Status, Task, one_per_collection
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.execution.assessment import Assessor
from bqat_pipeline.execution.thumbnails import Thumbnails
from bqat_pipeline.review.decision_log import DecisionLog
from bqat_pipeline.review.pair_decisions import pair_log
from bqat_pipeline.review.tables import ReviewTables
from bqat_pipeline.settings import Settings

if TYPE_CHECKING:
    from bqat_pipeline.identity.searching import Searches

# Threads for small reads (JSON, folder listings) and for table scans: the second must not starve the first.
QUICK_THREADS = 16
TABLE_THREADS = 3
# Threads that wait for small pictures: a page asks for dozens at once, most of which lie in the cache.
PICTURE_THREADS = 8

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Services:
    """Everything one API process holds."""

    settings: Settings
    store: DatasetStore
    data: Location
    dagster: DagsterClient
    board: TaskBoard
    hidden: HiddenTasks
    health: Health
    assessor: Assessor
    bodies: HeldBodies
    decisions: DecisionLogs
    pair_decisions: DecisionLogs
    metrics: Metrics
    thumbnails: Thumbnails
    quick_threads: anyio.CapacityLimiter
    table_threads: anyio.CapacityLimiter
    picture_threads: anyio.CapacityLimiter
    review: ReviewTables
    streams: set[object] = field(default_factory=set)
    _searches: "list[Searches]" = field(default_factory=list)
    _locks: dict[str, tuple[asyncio.Lock, int]] = field(default_factory=dict)

    @classmethod
    def open(cls, settings: Settings, metrics: Metrics) -> "Services":
        """Services for the given settings; call inside the event loop."""
        home = Location.parse(settings.home)
        assessor = Assessor(settings)
        metrics.waiting.set_function(lambda: assessor.waiting)
        bodies = HeldBodies(int(settings.assess_memory))
        metrics.bodies.set_function(lambda: bodies.held)
        dagster = DagsterClient(settings.dagster_url, settings.key_of_dagster)
        store = DatasetStore(home)
        return cls(
            settings=settings,
            store=store,
            data=Location.parse(settings.data),
            dagster=dagster,
            board=TaskBoard(dagster),
            hidden=HiddenTasks(home / "tasks"),
            health=Health(dagster),
            assessor=assessor,
            bodies=bodies,
            decisions=DecisionLogs(lambda key: DecisionLog(store.decisions(key))),
            pair_decisions=DecisionLogs(lambda key: pair_log(store, key)),
            metrics=metrics,
            thumbnails=Thumbnails(settings),
            quick_threads=anyio.CapacityLimiter(QUICK_THREADS),
            table_threads=anyio.CapacityLimiter(TABLE_THREADS),
            picture_threads=anyio.CapacityLimiter(PICTURE_THREADS),
            review=ReviewTables(Path(settings.state) / "review", identities=settings.identity),
        )

    def searches(self) -> "Searches":
        """The data sets whose templates are in memory; made when the first one is searched."""
        if not self._searches:
            from bqat_pipeline.identity.searching import Searches

            self._searches.append(Searches())
        return self._searches[0]

    def forget_stale_searches(self) -> None:
        """Keep no templates in memory of a data set that was deleted, or whose templates expired."""
        for searches in self._searches:
            searches.forget_stale(self.store)

    async def quick(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Result of a short blocking call, made in a thread."""
        return await anyio.to_thread.run_sync(partial(function, *args, **kwargs), limiter=self.quick_threads)

    async def table(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Result of a read of large tables, made in one of few threads."""
        return await anyio.to_thread.run_sync(partial(function, *args, **kwargs), limiter=self.table_threads)

    async def picture(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Result of a call that waits for a small picture, made in a thread."""
        return await anyio.to_thread.run_sync(partial(function, *args, **kwargs), limiter=self.picture_threads)

    @asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator[None]:
        """One caller at a time for each name; only names in use take memory."""
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            _, users = self._locks[name]
            if users == 1:
                del self._locks[name]
            else:
                self._locks[name] = (lock, users - 1)

    @asynccontextmanager
    async def staging(self) -> AsyncIterator[Path]:
        """A new folder on local disk for what a request uploads, gone at the end of the block."""
        folder = Path(self.settings.state) / "uploads" / str(uuid4())
        await self.quick(folder.mkdir, parents=True)
        try:
            yield folder
        finally:
            await self.quick(shutil.rmtree, folder, ignore_errors=True)

    async def task(self, tid: str) -> Task | None:
        """The task of an id (in lower or upper case), unless it was cancelled or deleted."""
        tid = tid.lower()
        task = await self.board.find(tid)
        if task is None or await self.quick(self.hidden.is_hidden, tid):
            return None
        return task

    async def tasks(self, kind: Kind) -> list[Task]:
        """Tasks of a kind that were not cancelled or deleted, newest `modified` first."""
        return await self.visible(await self.board.of_kind(kind))

    async def scan_entries(self) -> list[Task]:
        """Scans as clients list them (`one_per_collection`), newest `modified` first."""
        return await self.visible(one_per_collection(await self.board.of_kind(Kind.SCAN)))

    async def visible(self, tasks: list[Task]) -> list[Task]:
        """Those of the given tasks that were not cancelled or deleted."""
        hidden = await self.quick(self.hidden.all)
        return [task for task in tasks if task.id not in hidden]

    async def live(self) -> list[Task]:
        """Waiting and running tasks, in the order of `GET /task/pending`."""
        return [task for task in await self.visible(await self.board.live()) if task.is_live]

    async def failure_texts(self, task: Task) -> list[str]:
        """Why a task failed; empty when it did not."""
        if task.status is not Status.ERROR:
            return []
        return await self.board.failure(task)

    @staticmethod
    def options_of(task: Task) -> dict[str, Any]:
        """Options of the request that launched a task; empty when it gave none."""
        try:
            options = json.loads(task.options)
        except ValueError:
            return {}
        return options if isinstance(options, dict) else {}


def _services(request: Request) -> Services:
    """The services of this process."""
    return request.app.state.services


ServicesDep = Annotated[Services, Depends(_services)]
