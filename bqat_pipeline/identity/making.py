"""Templates of the pictures of a data set: a second pass over those that have none yet, in the workers of a scan.

What is made is kept: parts of a run that was interrupted, and templates of files whose bytes did not change, are taken
over by the SHA-256 of the file. Templates of files that are gone from the data set are deleted.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bqat_pipeline.datasets import DatasetStore, Generation, Location
from bqat_pipeline.datasets.identity_files import IdentityFiles
from bqat_pipeline.datasets.images import IMAGES_SCHEMA, read_rows
from bqat_pipeline.datasets.tables import TableWriter, read_batches
from bqat_pipeline.engines import EngineSpec
from bqat_pipeline.execution.chunks import EngineOpener, ScanContext
from bqat_pipeline.execution.executors import open_compute
from bqat_pipeline.execution.measure import measure
from bqat_pipeline.execution.parts import DamagedInputError
from bqat_pipeline.execution.progress import ProgressWriter
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.fingerprint import FINGERPRINT
from bqat_pipeline.identity.template_engine import TemplateEngines
from bqat_pipeline.identity.templates import PART_SCHEMA, Keys, Templates, absorb_parts, file_keys, measured
from bqat_pipeline.requirements import load_rule_set
from bqat_pipeline.settings import Settings

_ROUNDS = 3


@dataclass(frozen=True)
class _TemplateContext(ScanContext):
    """What the chunks of this pass share: as for measuring, but their parts hold templates."""

    @property
    def in_batches(self) -> bool:
        return False

    @property
    def schema(self) -> pa.Schema:
        return PART_SCHEMA


def make_templates(
    store: DatasetStore,
    key: str,
    settings: Settings,
    *,
    run_id: str = "",
    engines: EngineOpener | None = None,
) -> Templates:
    """Templates of all measured faces of the current generation; those that are there are not made again.

    Parameters
    ----------
    engines : Opens what makes the templates; default: the network of the settings.

    Raises
    ------
    IdentityError : when there is no scan, its engine gives no digests, or the model file cannot be used.
    ScanError : when the pass could not go on; another call resumes it.
    OSError : when templates cannot be written.
    """
    files = IdentityFiles.of(store, key)
    generation, profiles = store.current(key), store.profiles(key)
    if generation is None or profiles is None:
        raise IdentityError(f"{key} has no finished scan yet")
    if "sha256" not in profiles.schema.names:
        raise IdentityError(f"identities need profiles of the engine bqat; those of {key} are of another")
    engines = engines or TemplateEngines(settings.identity_model)
    record = store.record(key)
    spec = EngineSpec.of(record.options.model_copy(update={"engine": "bqat"}), settings)
    wanted = _measured_files(profiles)
    templates = _absorbed(files, wanted)
    files.folder.create_dir(0o700)
    todo = _write_todo(files, generation, profiles, templates)
    if not todo:
        files.work.delete()
        return templates
    if missing := engines(spec).missing():  # in a sentence here rather than by a worker
        raise IdentityError(missing)
    context = _TemplateContext(
        engines=engines,
        spec=spec,
        fingerprint=FINGERPRINT,
        rules=load_rule_set(record.requirements),
        roots=tuple(Location.parse(source.uri) for source in record.sources),
        generation=files.work,
        image_timeout=settings.image_timeout,
    )
    progress = _progress(store, key, generation, profiles.count_rows() - todo, run_id)
    try:
        with open_compute(settings, context) as compute:
            measure(context, files.work.todo, todo, compute, settings.chunk_size, progress)
    finally:
        progress.write()
    # Files that could not be opened, or hold something else than when they were scanned, stay without a template.
    return _absorbed(files, wanted)


def _absorbed(files: IdentityFiles, wanted: Keys) -> Templates:
    for _ in range(_ROUNDS):
        try:
            return absorb_parts(files, wanted)
        except DamagedInputError:
            continue  # it was deleted, its files are looked at again
    return absorb_parts(files, wanted)


def _measured_files(profiles: ds.Dataset) -> Keys:
    """Digests of the files whose face was measured."""
    position, keys = file_keys(profiles)
    return np.unique(keys[measured(profiles)[position]])


def _write_todo(files: IdentityFiles, generation: Generation, profiles: ds.Dataset, templates: Templates) -> int:
    """Write the work list: one file for each digest that has no template; the number of files."""
    position, keys = file_keys(profiles)
    faces = measured(profiles)[position]
    position, keys = position[faces], keys[faces]
    unknown = templates.places(keys) < 0
    position, keys = position[unknown], keys[unknown]
    _, first = np.unique(keys, return_index=True)
    chosen = _rows_at(profiles, np.sort(position[first]))
    work = files.work
    work.delete()
    if not len(chosen):
        return 0
    values = pa.array(chosen)
    with TableWriter(work.todo, IMAGES_SCHEMA) as writer, TableWriter(work.images, IMAGES_SCHEMA) as images:
        for batch in read_rows(generation.images):
            rows = pa.Table.from_batches([batch]).filter(pc.is_in(batch.column("row"), values))
            for part in rows.select(IMAGES_SCHEMA.names).cast(IMAGES_SCHEMA).to_batches():
                writer.write(part)
                images.write(part)
    return len(chosen)


def _rows_at(profiles: ds.Dataset, positions: np.ndarray) -> np.ndarray:
    """Values of ``row`` at positions in the profiles."""
    if "row" not in profiles.schema.names:
        return positions
    parts = [batch.column("row").to_numpy() for _, batch in read_batches(profiles, ["row"])]
    return np.concatenate([np.empty(0, np.int64), *parts])[positions]


def _progress(store: DatasetStore, key: str, generation: Generation, done: int, run_id: str) -> ProgressWriter:
    manifest, before = store.manifest(key), store.progress(key)
    progress = ProgressWriter(
        store,
        key,
        stage="identities",
        total=manifest.rows if manifest else done,
        generation=generation.name,
        seconds=before.seconds if before else 0.0,
        run_id=run_id,
    )
    progress.skip(done)
    return progress
