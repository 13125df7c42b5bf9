"""A scan: the files of a data set become its published profiles."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bqat_pipeline.columns import SCHEMA_VERSION
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Manifest, UnknownDatasetError
from bqat_pipeline.datasets.records import Changes
from bqat_pipeline.execution.changes import find_changes, have_same_outcome
from bqat_pipeline.execution.chunks import Engines, EngineSpec, ScanContext
from bqat_pipeline.execution.compaction import Compacted, compact
from bqat_pipeline.execution.compute import Compute
from bqat_pipeline.execution.engines import INSTALLED, engine_spec
from bqat_pipeline.execution.errors import ScanError
from bqat_pipeline.execution.executors import open_compute
from bqat_pipeline.execution.locks import dataset_lock
from bqat_pipeline.execution.measure import measure
from bqat_pipeline.execution.plan import Plan, list_images, read_plan, write_plan
from bqat_pipeline.execution.progress import Listener, ProgressWriter
from bqat_pipeline.execution.reuse import find_work
from bqat_pipeline.requirements import load_profile
from bqat_pipeline.settings import Settings
from bqat_pipeline.settings import settings as default_settings

logger = logging.getLogger(__name__)

ComputeOpener = Callable[[Settings], AbstractContextManager[Compute]]


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
    engines: Engines = INSTALLED
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
        record = self.store.record(key)
        with dataset_lock(self.store.folder(key)):
            return self._list(record, salt, allow_empty)

    def profile(self, key: str, *, run_id: str = "", listener: Listener | None = None) -> Manifest:
        """Measure what the plan holds and is not measured yet, then publish it. Lists first where there is no plan.

        Parameters
        ----------
        listener : Is told of the progress, at most twice a second.

        Raises
        ------
        UnknownDatasetError : when there is no such data set.
        ScanError : when the scan could not go on; another call resumes it.
        """
        record = self.store.record(key)
        with dataset_lock(self.store.folder(key)):
            plan = self._current_plan(record)
            try:
                return self._finished(record, plan) or self._run(record, plan, run_id, listener)
            except OSError as error:
                published = self._finished(record, plan)  # by another process, where there is no lock
                if published is not None:
                    return published
                raise ScanError(
                    f"cannot write below {self.store.folder(key)}: {error.strerror or error}. "
                    "What is done is kept: make room or repair the storage, and run the scan again"
                ) from error
            finally:
                self._check_still_wanted(key)

    # parts of a scan

    def _list(self, record: DatasetRecord, salt: str = "", allow_empty: bool = False) -> Plan:
        return list_images(
            self.store,
            record,
            engine_fingerprint=self.engines.fingerprint(self._spec(record)),
            requirements_digest=load_profile(record.requirements).digest,
            salt=salt,
            allow_empty=allow_empty,
        )

    def _current_plan(self, record: DatasetRecord) -> Plan:
        """The plan of the last listing, or a new one when engine or requirements are not those of the plan."""
        plan = read_plan(self.store.folder(record.key))
        if (
            plan is not None
            and plan.collection == record.id
            and plan.engine_fingerprint == self.engines.fingerprint(self._spec(record))
            and plan.requirements_digest == load_profile(record.requirements).digest
        ):
            return plan
        return self._list(record, plan.salt if plan else "")

    def _finished(self, record: DatasetRecord, plan: Plan) -> Manifest | None:
        """The manifest of a generation that is complete already, made the published one."""
        published = self.store.manifest(record.key)
        if published is not None and published.generation == plan.generation:
            if published.passed_over != plan.passed_over:  # the same files, among others than before
                published = published.model_copy(update={"passed_over": plan.passed_over})
                self.store.publish(record.key, published)
            return published
        complete = self.store.completed(record.key, plan.generation)
        if complete is not None:  # files as they once were, or a run that ended just before it could publish
            changes = self._changes(record.key, complete.generation, complete.rows)
            previous = published.generation if published else None
            complete = complete.model_copy(
                update={"previous": previous, "changes": changes, "passed_over": plan.passed_over}
            )
            self._publish(record.key, complete)
        return complete

    def _run(self, record: DatasetRecord, plan: Plan, run_id: str, listener: Listener | None) -> Manifest:
        profile = load_profile(record.requirements)
        generation = self.store.generation(record.key, plan.generation)
        spec = self._spec(record)
        context = ScanContext(
            engines=self.engines,
            spec=spec,
            fingerprint=plan.engine_fingerprint,
            profile=profile,
            roots=tuple(Location.parse(source.uri) for source in record.sources),
            parts=generation / "parts",
            image_timeout=self.settings.image_timeout,
        )
        before = self.store.progress(record.key)
        earlier = before.seconds if before and before.generation == plan.generation else 0.0
        progress = ProgressWriter(
            self.store,
            record.key,
            stage="face_profiles",
            total=plan.files,
            generation=plan.generation,
            seconds=earlier,
            run_id=run_id,
            listener=listener,
        )
        try:
            with self.compute(self.settings) as compute:
                work = find_work(self.store, record.key, plan, context, compute)
                progress.skip(work.reused)
                measure(context, work.table(generation), work.todo, compute, self.settings.chunk_size, progress)
            compacted = compact(generation, spec.schema())
        finally:
            progress.write()
        if compacted.rows != plan.files:
            raise ScanError(f"{compacted.rows} rows were made of {plan.files} files; this is a fault of the pipeline")
        self._check_still_wanted(record.key)  # once more: publishing would bring its folder back
        unaltered = self._tried_in_vain(record.key, plan)
        if unaltered is not None:
            return unaltered
        changes = self._changes(record.key, plan.generation, plan.files)
        manifest = self._manifest(record, plan, compacted, changes, run_id, progress.seconds)
        self.store.complete(record.key, manifest)
        self._publish(record.key, manifest)
        return manifest

    def _changes(self, key: str, generation: str, files: int) -> Changes:
        """How the files of a generation differ from those that readers see."""
        current = self.store.current(key)
        if current is None:
            return Changes(new=files)
        return find_changes(self.store.generation(key, generation), current)

    def _tried_in_vain(self, key: str, plan: Plan) -> Manifest | None:
        """The published manifest, when rows of it were tried again and nothing else came of it; else None.

        The attempt is deleted then: the scan before, which the report compares with, stays what it was.
        """
        published = self.store.manifest(key)
        if published is None or not plan.attempt:
            return None
        current = self.store.generation(key, published.generation)
        tried = read_plan(current)
        attempt = self.store.generation(key, plan.generation)
        if tried is None or tried.inputs != plan.inputs or not have_same_outcome(attempt, current):
            return None
        published = published.model_copy(update={"passed_over": plan.passed_over})
        self.store.publish(key, published)
        write_plan(self.store.folder(key), tried.model_copy(update={"passed_over": plan.passed_over}))
        attempt.delete_dir()
        return published

    def _check_still_wanted(self, key: str) -> None:
        """Leave nothing behind of a data set that was deleted during its scan."""
        try:
            self.store.record(key)
        except UnknownDatasetError:
            self.store.folder(key).delete_dir()
            raise

    def _publish(self, key: str, manifest: Manifest) -> None:
        """Make a complete generation the one that readers see; keep the one before, delete what is older."""
        self.store.publish(key, manifest)
        generation = self.store.generation(key, manifest.generation)
        (generation / "parts").delete_dir()
        for name in ("reused.parquet", "todo.parquet"):
            (generation / name).delete()
        for name in self.store.generations(key):
            if name not in (manifest.generation, manifest.previous):
                self.store.generation(key, name).delete_dir()

    def _manifest(
        self, record: DatasetRecord, plan: Plan, compacted: Compacted, changes: Changes, run_id: str, seconds: float
    ) -> Manifest:
        published = self.store.manifest(record.key)
        return Manifest(
            generation=plan.generation,
            schema_version=SCHEMA_VERSION,
            engine=plan.engine,
            engine_fingerprint=plan.engine_fingerprint,
            rows=compacted.rows,
            counts=dict(compacted.counts),
            verdicts=dict(compacted.verdicts),
            changes=changes,
            passed_over=plan.passed_over,
            run_id=run_id,
            seconds=round(seconds, 3),
            previous=published.generation if published else None,
        )

    def _spec(self, record: DatasetRecord) -> EngineSpec:
        return engine_spec(record.options, self.settings)


def scan_dataset(
    store: DatasetStore,
    key: str,
    *,
    run_id: str = "",
    salt: str = "",
    allow_empty: bool = False,
    settings: Settings | None = None,
    engines: Engines = INSTALLED,
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
    return scanner.profile(key, run_id=run_id)
