"""Sensors: scans of new and changed folders, unpacking of archives, exploratory pages, messages about failed runs."""

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import dagster as dg

from assets.partitions import datasets
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, ScanOptions, Source, UnknownDatasetError
from bqat_pipeline.datasets.ownership import creation_lock, real_uri
from bqat_pipeline.datasets.watching import FolderWatch, archives, file_state, is_settled, top_folders
from bqat_pipeline.names import COLLECTION_TAG, PARTITION_TAG, UNPACK_ARCHIVE
from bqat_pipeline.orchestration.jobs import explore, ingest_archive, scan
from bqat_pipeline.orchestration.run_failures import sentence_of
from bqat_pipeline.settings import settings
from resources import DatasetStoreResource

logger = logging.getLogger(__name__)

# Runs requested in one tick; the rest follow in the next ones. Dagster ends a tick that takes longer than a minute.
_REQUESTS_PER_TICK = 20
_TIMEOUT_SECONDS = 10.0

_watch = FolderWatch()

# Name of a folder or archive to its state when a run was last requested for it.
States = dict[str, str]


@dg.sensor(
    name="data_root",
    jobs=[scan, ingest_archive],
    minimum_interval_seconds=settings().sensor_interval,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Scans folders that appear or change directly below the data root, and unpacks archives (zip, tar) "
    "dropped there. Folders whose data set was made by the REST facade or the command line are skipped, as are "
    "`uploaded`, `temp` and copies made by preprocessing.",
)
def data_root(context: dg.SensorEvaluationContext, store: DatasetStoreResource) -> dg.SensorResult | dg.SkipReason:
    """Run requests for folders and archives that are new or changed, once no process writes to them any more."""
    root = Location.parse(settings().data)
    if not root.is_local:
        return dg.SkipReason("the data root is not on local disk; use the schedule `rescan`")
    opened = store.open()
    before = _read_states(opened, context.cursor)
    after: States = {}
    requests: list[dg.RunRequest] = []
    added: list[str] = []
    owners = _Owners(opened, root.local)
    try:
        found = list(_found(root.local))
    except OSError as error:  # going on would take all folders for deleted
        return dg.SkipReason(f"the data root {root} cannot be read now: {error.strerror}; the next tick tries again")
    for name, place in found:
        state = before.get(name, "")
        try:
            state = _watch.state(place) if place.is_dir() else file_state(place)
            unready = (
                state == before.get(name) or len(requests) >= _REQUESTS_PER_TICK or not is_settled(place, _settle())
            )
        except OSError as error:  # it counts as unchanged until the next tick
            context.log.warning("%s cannot be read now: %s", name, error.strerror)
            unready = True
        if unready:
            if name in before:
                after[name] = before[name]
            continue
        after[name] = state
        if place.is_file():
            requests.append(_unpack_request(place, state))
            continue
        record = owners.record(place)
        if record is not None:
            added.append(record.key)
            requests.append(_scan_request(record, state))
    for gone in before.keys() - after.keys():
        if not (root.local / gone).exists():
            _watch.forget(root.local / gone)
            context.log.info("%s is gone from the data root; its results stay until they are deleted", gone)
    # Folders that were deleted are not in the new cursor: a folder of the same name will count as new.
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[datasets.build_add_request(added)] if added else [],
        cursor=_write_states(opened, context.cursor, after),
    )


def _read_states(store: DatasetStore, cursor: str | None) -> States:
    """The states that a cursor refers to; none when it was reset."""
    if not cursor:
        return {}
    try:
        return json.loads((store.watched / f"{cursor}.json").read_bytes())
    except (FileNotFoundError, ValueError):  # deleted or damaged
        return {}  # every folder counts as new; scans that find no change end at once


def _write_states(store: DatasetStore, cursor: str | None, states: States) -> str:
    """Write the states to a file, and return the new cursor, a digest of them that is the file's name.

    The states themselves would be too long for a cursor: Dagster keeps those of all ticks for days. The file of the
    previous cursor stays, because Dagster starts from it again when this tick fails.
    """
    content = json.dumps(states, separators=(",", ":"), sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:16]
    if digest != cursor:
        (store.watched / f"{digest}.json").write_bytes(content)
        for info in list(store.watched.iterdir()):
            if info.base_name not in (f"{digest}.json", f"{cursor}.json"):
                (store.watched / info.base_name).delete()
    return digest


def _settle() -> float:
    return settings().sensor_settle


def _found(root: Path) -> Iterator[tuple[str, Path]]:
    for place in (*top_folders(root), *archives(root)):
        yield place.name, place


class _Owners:
    """The data sets of each folder of the data root; each record is read once, when it is first needed."""

    def __init__(self, store: DatasetStore, root: Path) -> None:
        self._store = store
        self._root = real_uri(str(root))
        self._keys: set[str] = set()

    @cached_property
    def _by_folder(self) -> dict[str, list[DatasetRecord]]:
        found: dict[str, list[DatasetRecord]] = defaultdict(list)
        for record in self._store.records():
            self._add(record, found)
        return found

    def _add(self, record: DatasetRecord, found: dict[str, list[DatasetRecord]]) -> None:
        self._keys.add(record.key)
        for source in record.sources:
            # A data set of a subfolder counts too: somebody scans this folder part by part.
            place = real_uri(source.uri)
            if place.startswith(f"{self._root}/"):
                found[place.removeprefix(f"{self._root}/").split("/", 1)[0]].append(record)

    def _refresh(self) -> None:
        """Add the data sets that were created since the records were read."""
        found = self._by_folder
        for key in set(self._store.keys()) - self._keys:
            with suppress(UnknownDatasetError):
                self._add(self._store.record(key), found)

    def record(self, folder: Path) -> DatasetRecord | None:
        """The data set to scan for a folder, created when there is none; None when it is empty or belongs to others.

        Data sets that were made by the REST facade or the command line are never scanned from here.
        """
        from bqat_pipeline.datasets.listing import has_images

        source = Source(uri=f"{self._root}/{folder.name}", prefix=f"data/{folder.name}")
        try:
            if not self._by_folder.get(folder.name) and not has_images(source, ScanOptions()):
                return None
        except OSError as error:
            logger.warning("%s", error)
            return None
        with creation_lock(self._store):
            self._refresh()
            owners = self._by_folder.get(folder.name, [])
            automatic = [record for record in owners if record.automatic]
            if automatic:
                return max(automatic, key=lambda record: record.created)
            if owners:
                return None
            return self._store.create(folder.name, [source], requirements=settings().requirements, automatic=True)


def _scan_request(record: DatasetRecord, state: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{record.key}:{state}",
        job_name=scan.name,
        partition_key=record.key,
        tags={COLLECTION_TAG: str(record.id)},
    )


def _unpack_request(archive: Path, state: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{archive.name}:{state}",
        job_name=ingest_archive.name,
        run_config={"ops": {UNPACK_ARCHIVE: {"config": {"archive": archive.name}}}},
    )


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    name="explorations",
    monitored_jobs=[scan],
    request_job=explore,
    minimum_interval_seconds=settings().sensor_interval,
    default_status=dg.DefaultSensorStatus.RUNNING if settings().eda else dg.DefaultSensorStatus.STOPPED,
    description="Draws the exploratory page after every scan. BQAT_EDA switches it on; without it a page is drawn when "
    "somebody opens it.",
)
def explorations(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """A separate run for the exploratory page of the data set that was scanned."""
    run = context.dagster_run
    key = run.tags.get(PARTITION_TAG)
    if key is None:
        return dg.SkipReason(f"run {run.run_id} has no partition, so no data set")
    collection = run.tags.get(COLLECTION_TAG)
    tags = {COLLECTION_TAG: collection} if collection else {}
    return dg.RunRequest(run_key=run.run_id, partition_key=key, tags=tags)


@dg.run_failure_sensor(
    name="failed_runs",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Logs every failed run, and posts a message to BQAT_WEBHOOK_URL when it is set.",
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """A line in the code server's log, which `bqat up` shows, and a message to the operator's webhook."""
    run = context.dagster_run
    steps = (event.step_failure_data for event in context.get_step_failure_events())
    reasons = dict.fromkeys(filter(None, map(sentence_of, steps)))
    reason = "; ".join(reasons) or context.failure_event.message or "no reason is known"
    message = {
        "event": "run_failed",
        "job": run.job_name,
        "run_id": run.run_id,
        "dataset": run.tags.get(PARTITION_TAG),
        "collection": run.tags.get(COLLECTION_TAG),
        "message": reason,
    }
    what = f"{run.job_name} of {message['dataset']}" if message["dataset"] else run.job_name
    context.log.error("%s failed (run %s): %s", what, run.run_id, reason)
    logger.error("%s failed: %s", what, " ".join(reason.split()))
    _notify(message)


def _notify(message: dict[str, str | None]) -> None:
    """Post a message to the webhook. Its address may contain a secret, so it is never logged."""
    address = settings().webhook_url.get_secret_value()
    if not address:
        return
    import httpx

    try:
        httpx.post(address, json=message, timeout=_TIMEOUT_SECONDS).raise_for_status()
    except httpx.HTTPStatusError as error:
        logger.warning("the webhook answered %d", error.response.status_code)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        logger.warning("the webhook could not be reached: %s", type(error).__name__)


downstream = dg.AutomationConditionSensorDefinition(
    "downstream",
    target=dg.AssetSelection.assets("outliers", "duplicates", "report"),
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Materializes outliers, duplicates and report when profiles were materialized without them. The job "
    "`scan` includes them.",
)

ALL = [data_root, explorations, failed_runs, downstream]
