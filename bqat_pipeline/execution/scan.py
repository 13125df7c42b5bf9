"""A scan: the files of a data set become its published profiles."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bqat_pipeline.columns import SCHEMA_VERSION
from bqat_pipeline.datasets import (
    DamagedDatasetError,
    DatasetRecord,
    DatasetStore,
    Location,
    Manifest,
    StorageError,
    UnknownDatasetError,
)
from bqat_pipeline.datasets.deletions import Deletion
from bqat_pipeline.datasets.records import Changes
from bqat_pipeline.engines import EngineSpec, open_engine
from bqat_pipeline.execution.changes import find_changes, have_same_outcome
from bqat_pipeline.execution.chunks import EngineOpener, ScanContext
from bqat_pipeline.execution.compaction import Compacted, compact
from bqat_pipeline.execution.compute import Compute
from bqat_pipeline.execution.errors import ScanError
from bqat_pipeline.execution.executors import open_compute
from bqat_pipeline.execution.generations import believed, is_whole, published, root_manifest
from bqat_pipeline.execution.locks import dataset_lock
from bqat_pipeline.execution.measure import measure
from bqat_pipeline.execution.parts import DamagedInputError
from bqat_pipeline.execution.plan import Plan, list_images, read_plan, rows_digest, write_plan
from bqat_pipeline.execution.progress import Listener, ProgressWriter
from bqat_pipeline.execution.reuse import find_work, forget_work
from bqat_pipeline.execution.waiting import while_storage_is_away
from bqat_pipeline.requirements import load_rule_set
from bqat_pipeline.settings import Settings
from bqat_pipeline.settings import settings as default_settings

logger = logging.getLogger(__name__)

# Rounds of measuring when what was measured turns out to be damaged on the disk.
_ROUNDS = 3

ComputeOpener = Callable[[Settings, ScanContext], AbstractContextManager[Compute]]


@dataclass(frozen=True)
class Scanner:
    """Scans data sets of a store.

    Parameters
    ----------
    settings : Limits, workers, chunk size.
    engines : Where engines come from.
    compute : Opens the executor.
    """

    store: DatasetStore
    settings: Settings
    engines: EngineOpener = open_engine
    compute: ComputeOpener = open_compute

    def list(self, key: str, *, salt: str = "", allow_empty: bool = False) -> Plan:
        """The files of a data set as they are now, as the plan of a generation.

        Parameters
        ----------
        salt, allow_empty : As in ``scan_dataset``.

        Raises
        ------
        UnknownDatasetError : when there is no such data set.
        FileNotFoundError : when a source does not exist.
        SourceUnreadableError : when it cannot be listed.
        EmptySourceError : when it has become empty.
        """

        def listed() -> Plan:
            record = self.store.record(key)
            with dataset_lock(self.store.lock(key)):
                self.store.mend_record(record)
                return self._list(record, salt, allow_empty)

        return while_storage_is_away(listed, self.settings.storage_timeout)

    def measure(self, key: str, *, run_id: str = "", listener: Listener | None = None) -> Manifest:
        """Measure what the plan holds and is not measured yet, then publish it. Lists first where there is no plan.

        Parameters
        ----------
        listener : Is told of the progress, at most twice a second.

        Raises
        ------
        UnknownDatasetError : when there is no such data set, or it was deleted meanwhile.
        ScanError : when the scan could not go on; another call resumes it.
        """
        return while_storage_is_away(lambda: self._measure(key, run_id, listener), self.settings.storage_timeout)

    # parts of a scan

    def _measure(self, key: str, run_id: str, listener: Listener | None) -> Manifest:
        record = self.store.record(key)
        mark = self._mark(key)  # of a deletion before: somebody has restored the data set since
        with dataset_lock(self.store.lock(key)):
            try:
                plan = self._current_plan(record)
                return self._finished(record, plan) or self._run(record, plan, run_id, listener)
            except OSError as error:
                finished = self._finished_by_another(record, error)
                if finished is not None:
                    return finished
                raise ScanError(_storage_sentence(self.store.folder(key), error)) from error
            finally:
                self._clean_up_if_deleted(record, mark)

    def _list(self, record: DatasetRecord, salt: str = "", allow_empty: bool = False) -> Plan:
        return list_images(
            self.store,
            record,
            engine_fingerprint=self.engines(self._spec(record)).fingerprint,
            requirements_digest=load_rule_set(record.requirements).digest,
            salt=salt,
            allow_empty=allow_empty,
        )

    def _current_plan(self, record: DatasetRecord) -> Plan:
        """The plan of the last listing, or a new one when engine, columns or requirements are not those of the plan."""
        plan = read_plan(self.store.plan(record.key))
        if (
            plan is not None
            and plan.collection == record.id
            and plan.rows_digest == rows_digest(self.engines(self._spec(record)).fingerprint, record.options)
            and plan.requirements_digest == load_rule_set(record.requirements).digest
            and is_whole(self._images(record.key, plan), plan.files, f"images.parquet of {record.key}")
        ):
            return plan
        return self._list(record, plan.salt if plan else "")

    def _images(self, key: str, plan: Plan) -> Location:
        return self.store.generation(key, plan.generation).images

    def _finished(self, record: DatasetRecord, plan: Plan) -> Manifest | None:
        """The manifest of a generation that is complete already, made the published one."""
        key = record.key
        root = root_manifest(self.store, key)
        seen = root is not None and root.generation == plan.generation
        complete = believed(self.store, key, plan.generation)
        if complete is None and seen and (complete := believed(self.store, key, plan.generation, root)) is not None:
            self.store.generation(key, plan.generation).complete(complete)  # only its own manifest was lost
        if complete is None:
            return None
        if root is not None and seen:
            self._tidy(key, root)  # a power cut may have brought back what was deleted last
            if root.passed_over != plan.passed_over:  # the same files, among others than before
                root = root.model_copy(update={"passed_over": plan.passed_over})
                self.store.publish(key, root)
            return root
        complete = complete.model_copy(update={"passed_over": plan.passed_over})
        if root is not None:  # files as they once were; else a run that ended just before it could publish
            changes = self._changes(key, complete.generation, complete.rows)
            before = published(self.store, key)
            complete = complete.model_copy(
                update={"previous": before.generation if before else None, "changes": changes}
            )
        self._publish(key, complete)
        return complete

    def _finished_by_another(self, record: DatasetRecord, error: OSError) -> Manifest | None:
        """The result of another process that scanned the same at the same time and tidied up: S3 has no locks."""
        if self.store.home.is_local or not isinstance(error, FileNotFoundError):
            return None
        return self._finished(record, self._current_plan(record))

    def _run(self, record: DatasetRecord, plan: Plan, run_id: str, listener: Listener | None) -> Manifest:
        rules = load_rule_set(record.requirements)
        generation = self.store.generation(record.key, plan.generation)
        context = ScanContext(
            engines=self.engines,
            spec=self._spec(record),
            fingerprint=plan.engine_fingerprint,
            rules=rules,
            roots=tuple(Location.parse(source.uri) for source in record.sources),
            generation=generation,
            image_timeout=self.settings.image_timeout,
        )
        seconds = 0.0
        if generation.completion.exists():  # and not believed: see _finished
            generation.completion.delete()
            forget_work(generation)
        for attempt in range(1, _ROUNDS + 1):
            progress = self._progress(record, plan, run_id, listener)
            try:
                with self.compute(self.settings, context) as compute:
                    work = find_work(self.store, record.key, plan, context, compute)
                    progress.skip(work.reused)
                    measure(context, work.table(generation), work.todo, compute, self.settings.chunk_size, progress)
                compacted = compact(generation, context.schema)
                break
            except DamagedInputError as error:
                if attempt == _ROUNDS:
                    raise ScanError(f"{error}, again and again: is the storage sound?") from error
                logger.warning("%s: it is made again", error)
            finally:
                progress.write()
                seconds = progress.seconds
        if compacted.rows != plan.files:
            raise ScanError(f"{compacted.rows} rows were made of {plan.files} files; this is a fault of the pipeline")
        self._check_still_there(record)  # publishing would bring its folder back
        unaltered = self._tried_in_vain(record.key, plan)
        if unaltered is not None:
            return unaltered
        changes = self._changes(record.key, plan.generation, plan.files)
        manifest = self._manifest(record, plan, compacted, changes, run_id, seconds)
        generation.complete(manifest)
        self._publish(record.key, manifest)
        return manifest

    def _progress(self, record: DatasetRecord, plan: Plan, run_id: str, listener: Listener | None) -> ProgressWriter:
        before = self.store.progress(record.key)
        return ProgressWriter(
            self.store,
            record.key,
            stage="face_profiles",
            total=plan.files,
            generation=plan.generation,
            seconds=before.seconds if before and before.generation == plan.generation else 0.0,
            run_id=run_id,
            listener=listener,
        )

    def _changes(self, key: str, generation: str, files: int) -> Changes:
        """How the files of a generation differ from those that readers see."""
        current = published(self.store, key)
        if current is None:
            return Changes(new=files)
        return find_changes(self.store.generation(key, generation), self.store.generation(key, current.generation))

    def _tried_in_vain(self, key: str, plan: Plan) -> Manifest | None:
        """The published manifest, when rows of it were tried again and nothing else came of it; else None.

        The attempt is deleted then: the scan before, which the report compares with, stays what it was.
        """
        before = published(self.store, key)
        if before is None or not plan.attempt:
            return None
        current = self.store.generation(key, before.generation)
        tried = read_plan(current.plan)
        attempt = self.store.generation(key, plan.generation)
        if tried is None or tried.inputs != plan.inputs or not have_same_outcome(attempt, current):
            return None
        before = before.model_copy(update={"passed_over": plan.passed_over})
        self.store.publish(key, before)
        write_plan(self.store.plan(key), tried.model_copy(update={"passed_over": plan.passed_over}))
        attempt.delete()
        return before

    def _mark(self, key: str) -> Deletion | None:
        try:
            return self.store.deletion(key)
        except DamagedDatasetError as error:
            logger.warning("%s", error)
            return None

    def _check_still_there(self, record: DatasetRecord) -> None:
        """Raise where a data set was deleted meanwhile."""
        if self.store.record(record.key).id != record.id:
            raise UnknownDatasetError(f"{record.key} was deleted during its scan, and another one made")

    def _clean_up_if_deleted(self, record: DatasetRecord, before: Deletion | None) -> None:
        """Leave nothing behind of a data set that somebody deleted during its scan; nothing else is reason enough.

        Parameters
        ----------
        before : Mark of deletion that was there when the scan began.
        """
        try:
            mark = self._mark(record.key)
        except OSError as error:  # the mark stays for whoever can read it
            logger.warning("%s", error)
            return
        if mark is not None and mark != before and mark.covers(record.created):
            self.store.finish_deletion(record.key)
            raise UnknownDatasetError(f"{record.key} was deleted during its scan")

    def _publish(self, key: str, manifest: Manifest) -> None:
        """Make a complete generation the one that readers see; keep the one before, delete what is older."""
        self.store.publish(key, manifest)
        self._tidy(key, manifest)

    def _tidy(self, key: str, manifest: Manifest) -> None:
        self.store.generation(key, manifest.generation).discard_work()
        for name in self.store.generations(key):
            if name not in (manifest.generation, manifest.previous):
                self.store.generation(key, name).delete()

    def _manifest(
        self, record: DatasetRecord, plan: Plan, compacted: Compacted, changes: Changes, run_id: str, seconds: float
    ) -> Manifest:
        before = published(self.store, record.key)
        return Manifest(
            generation=plan.generation,
            schema_version=SCHEMA_VERSION,
            engine=plan.engine,
            engine_fingerprint=plan.engine_fingerprint,
            background=self._spec(record).background,
            rows=compacted.rows,
            counts=dict(compacted.counts),
            verdicts=dict(compacted.verdicts),
            changes=changes,
            passed_over=plan.passed_over,
            run_id=run_id,
            seconds=round(seconds, 3),
            previous=before.generation if before else None,
        )

    def _spec(self, record: DatasetRecord) -> EngineSpec:
        return EngineSpec.of(record.options, self.settings)


def _storage_sentence(folder: Location, error: OSError) -> str:
    """What ends a scan whose storage refuses."""
    what = str(error) if isinstance(error, StorageError) else f"cannot read or write below {folder}: "
    if not isinstance(error, StorageError):
        what += error.strerror or str(error)
    return f"{what}. What is done is kept: make room or repair the storage, and run the scan again"


def scan_dataset(
    store: DatasetStore,
    key: str,
    *,
    run_id: str = "",
    salt: str = "",
    allow_empty: bool = False,
    settings: Settings | None = None,
    engines: EngineOpener = open_engine,
    compute: ComputeOpener = open_compute,
) -> Manifest:
    """List a data set and measure what is not measured yet; the published manifest.

    Parameters
    ----------
    salt : Anything that makes a new generation of the same files, to measure all of them afresh.
    allow_empty : Whether a source that held files before may hold none.
    settings : Default: those of the environment.

    Raises
    ------
    UnknownDatasetError : when there is no such data set.
    FileNotFoundError : when a source does not exist.
    SourceUnreadableError : when it cannot be listed.
    ScanError : when the scan could not go on; another call resumes it.
    """
    scanner = Scanner(store, settings or default_settings(), engines, compute)
    scanner.list(key, salt=salt, allow_empty=allow_empty)
    return scanner.measure(key, run_id=run_id)
