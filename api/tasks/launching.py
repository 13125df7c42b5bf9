"""Dagster runs launched for requests. When a run cannot be launched, what was written for it is removed again."""

import contextlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from api.http.errors import bad_request
from api.services import Services
from api.sources import count
from api.tasks.exploration import end_explorations
from api.tasks.task import JOBS, Kind, Task, task_tags
from bqat_pipeline.datasets import DatasetRecord, ScanOptions, Source, UnknownDatasetError
from bqat_pipeline.datasets.ownership import automatic_dataset, creation_lock, is_of_folder, measures_alike
from bqat_pipeline.names import DETECT, DETECT_OUTLIERS, IMAGES, SCAN
from bqat_pipeline.settings import Settings

# Op that takes the options of a request, by job.
_OP = {DETECT_OUTLIERS: DETECT}


async def launch_scan(
    services: Services,
    source: Source,
    options: ScanOptions,
    *,
    shown_input: str,
    collection: UUID | None = None,
    name: str | None = None,
    requirements: str | None = None,
    tid: str | None = None,
) -> tuple[str, DatasetRecord]:
    """Launch a scan of a source, for a new data set or as part of `collection`; return its task id and data set.

    A folder whose scan waits or runs is not scanned twice: its task is returned. A data set that the folder sensor made
    is taken over, with the options of the request.

    Raises
    ------
    HTTPException : 400 when no file matches, or the engine is not installed here.
    """
    await services.quick(check_engine, services.settings, options)
    total = await services.table(count, [source], options)
    if not total:
        raise bad_request("empty input: no file matches")
    tid = tid or str(uuid4())
    async with services.lock(str(collection or source.uri)):
        if collection is None:
            joined = await _scan_under_way(services, source, options, name, requirements)
            if joined is not None:
                return joined
        record, before = await services.quick(_save_record, services, source, options, name, collection, requirements)
        try:
            if before is not None and collection is None:
                await _end_scans(services, before)
            await services.board.dagster.add_partition(SCAN, record.key)
            await launch(services, Kind.SCAN, SCAN, tid, record, source=shown_input, total=total)
        except BaseException:
            await services.quick(_restore_record, services, record, before)
            raise
    return tid, record


async def launch(
    services: Services,
    kind: Kind,
    job: str,
    tid: str,
    record: DatasetRecord | None = None,
    *,
    source: str = "",
    total: int = 0,
    options: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Launch a run for a task that may have been hidden before.

    Before a scan, runs that draw the exploratory page are ended: the scan would wait for a page that it makes obsolete.
    """
    if kind is Kind.SCAN and record is not None:
        await end_explorations(services, record)
    tags = task_tags(
        tid,
        kind,
        collection=str(record.id) if record else None,
        source=source,
        total=total,
        options=json.dumps(dict(options), separators=(",", ":")) if options else "",
    )
    await services.board.launch(job, tags, config, record.key if record else None)
    if await services.quick(services.hidden.is_hidden, tid):
        await services.quick(services.hidden.show, tid)


async def relaunch(services: Services, kind: Kind, job: str, record: DatasetRecord, options: Mapping[str, Any]) -> str:
    """End a detection or report of a data set that is under way, launch a new one, and return its unchanged task id."""
    async with services.lock(f"{kind.value}:{record.id}"):
        earlier = await services.visible(await services.board.of_collection(kind, str(record.id)))
        tid = earlier[0].id if earlier else str(uuid4())
        for task in earlier:
            if task.is_live:
                await services.board.end(task)
        config = {"ops": {_OP[job]: {"config": {**options, "dataset": record.key}}}} if job in _OP else None
        await launch(services, kind, job, tid, record, total=1, options=options, config=config)
    return tid


async def resume(services: Services, task: Task) -> None:
    """Launch a run that continues a stopped or failed task; no effect while one waits or runs."""
    async with services.lock(task.id):
        current = await services.board.find(task.id)
        if current is None or current.is_live:
            return
        record = await services.quick(record_of, services, task)
        await services.quick(check_engine, services.settings, record.options)
        job = JOBS[task.kind][0]
        await launch(
            services,
            task.kind,
            job,
            task.id,
            record,
            source=task.input or "",
            total=task.total,
            options=services.options_of(task),
            config=list_config(services.options_of(task)) if task.kind is Kind.SCAN else None,
        )


def list_config(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Run configuration of a scan that was asked for with `force` or `allow_empty`, or None."""
    chosen = {name: True for name in ("force", "allow_empty") if options.get(name) is True}
    return {"ops": {IMAGES: {"config": chosen}}} if chosen else None


async def scan_again(
    services: Services, record: DatasetRecord, *, force: bool = False, allow_empty: bool = False
) -> str:
    """Launch a scan of a data set with its stored sources and options; return the task id.

    Parameters
    ----------
    force : Measure every file again, also those that did not change.
    allow_empty : Go on when a source that held files before holds none.

    Raises
    ------
    HTTPException : 400 when its engine is not installed here any more.
    """
    await services.quick(check_engine, services.settings, record.options)
    tid = str(uuid4())
    total = 0
    with contextlib.suppress(OSError):  # a source that cannot be read makes the scan fail, with its reason
        total = await services.table(partial(count, record.sources, record.options, refuse_empty=False))
    await services.board.dagster.add_partition(SCAN, record.key)
    options = {name: True for name, chosen in (("force", force), ("allow_empty", allow_empty)) if chosen}
    await launch(
        services,
        Kind.SCAN,
        SCAN,
        tid,
        record,
        source=record.sources[0].prefix,
        total=total,
        options=options,
        config=list_config(options),
    )
    return tid


def check_engine(settings: Settings, options: ScanOptions) -> None:
    """Refuse an engine that is not installed here, before anything is made for it.

    Raises
    ------
    HTTPException : 400 that says what is missing and how to install it.
    """
    from bqat_pipeline.engines import EngineSpec, missing_engine

    if missing := missing_engine(EngineSpec.of(options, settings)):
        raise bad_request(missing)


def record_of(services: Services, task: Task) -> DatasetRecord:
    """Data set that a task works on.

    Raises
    ------
    UnknownDatasetError : when it was deleted.
    """
    if task.partition:
        return services.store.record(task.partition)
    if task.collection:
        return services.store.find(task.collection)
    raise UnknownDatasetError(f"task {task.id} has no data set")


def _save_record(
    services: Services,
    source: Source,
    options: ScanOptions,
    name: str | None,
    collection: UUID | None,
    requirements: str | None,
) -> tuple[DatasetRecord, DatasetRecord | None]:
    """Save the data set's record with the source in it; return it and the earlier record, None for a new data set."""
    before = None
    if collection is not None:
        with contextlib.suppress(UnknownDatasetError):  # it is made below, with the id that was asked for
            before = services.store.find(collection)
    if before is not None:
        known = any(s.uri == source.uri and s.files == source.files for s in before.sources)
        sources = before.sources if known else [*before.sources, source]
        after = before.model_copy(update={"sources": sources, "options": options})
        services.store.save(after)
        return after, before
    with creation_lock(services.store):
        adopted = automatic_dataset(services.store, source) if collection is None else None
        if adopted is not None:
            changes = {"options": options, "name": name, "requirements": requirements}
            after = adopted.model_copy(update={k: v for k, v in changes.items() if v is not None})
            services.store.save(after)
            return after, adopted
        created = services.store.create(
            name or source.prefix.rsplit("/", 1)[-1],
            [source],
            options,
            requirements=requirements or services.settings.requirements,
            collection=collection,
        )
    return created, None


async def _scan_under_way(
    services: Services, source: Source, options: ScanOptions, name: str | None, requirements: str | None
) -> tuple[str, DatasetRecord] | None:
    """Task and data set of a waiting or running scan that does what is asked for; None when there is none."""
    for task in await services.live():
        if task.kind is not Kind.SCAN:
            continue
        try:
            record = await services.quick(record_of, services, task)
        except UnknownDatasetError:
            continue
        alike = is_of_folder(record, source) and measures_alike(record.options, options)
        if alike and name in (None, record.name) and requirements in (None, record.requirements):
            return task.id, record
    return None


async def _end_scans(services: Services, record: DatasetRecord) -> None:
    """End the scans of a data set that a request takes over; what they measured is reused."""
    for task in await services.board.of_collection(Kind.SCAN, str(record.id)):
        if task.is_live:
            await services.board.end(task)


def _restore_record(services: Services, record: DatasetRecord, before: DatasetRecord | None) -> None:
    if before is not None:
        services.store.save(before)
    else:
        services.store.delete(record.key)
