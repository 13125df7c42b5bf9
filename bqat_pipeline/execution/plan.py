"""The plan of a generation: which files, measured how. Its digest names the generation."""

import hashlib
import json
import logging
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from bqat_pipeline.columns import SCHEMA_VERSION, columns_for
from bqat_pipeline.datasets import DamagedDatasetError, DatasetStore, Location
from bqat_pipeline.datasets.images import scratch_file, write_listing
from bqat_pipeline.datasets.records import DatasetRecord, PassedOver, ScanOptions, now
from bqat_pipeline.datasets.stored import read_model, warn_once, write_model
from bqat_pipeline.execution.errors import EmptySourceError
from bqat_pipeline.execution.generations import believed, is_whole, published
from bqat_pipeline.execution.retries import has_retried_rows

logger = logging.getLogger(__name__)

# Columns of bqat, ofiq, biqt and the fusions at the time when the names of generations did not depend on columns: with
# them names stay as they are, and nothing is measured anew. To be removed when SCHEMA_VERSION is raised.
_FIRST_COLUMNS = frozenset(
    {
        "6d5c320c4b1c16b7",
        "0b7c50ac05dc33eb",
        "bddeb4dc7f1ca595",
        "2cbcad82845846c1",
        "9fe79e10263d3d5d",
        "0a5b908be4e3e7b1",
        "09a80e8ab5ee0011",
    }
)
_NAME_LENGTH = 16  # 64 bits of SHA-256: a folder name; collisions within one data set are out of reach


class Plan(BaseModel):
    """plan.json: written beside the manifest when a data set was listed, and kept in each generation.

    Attributes
    ----------
    rows_digest : Digest of all that rows depend on beside the files: engine, its models, options, columns, schema.
    found : For each source, number of files that were there.
    inputs : Digest of all that the generation was made of; empty in plans of before.
    attempt : How many generations of the same inputs came before, whose rows were in part to be tried again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    generation: str
    collection: UUID
    files: int
    size: int = Field(description="Bytes of all files.")
    found: list[int] = []
    passed_over: PassedOver = PassedOver()
    engine: str
    engine_fingerprint: str
    rows_digest: str
    requirements_digest: str
    inputs: str = ""
    attempt: int = 0
    salt: str = ""
    listed: datetime = Field(description="When the listing began.")


def rows_digest(fingerprint: str, options: ScanOptions) -> str:
    """Digest of what rows depend on beside their file; the fingerprint covers the engine's options."""
    columns = columns_for(options.engine, options.fusion).digest
    parts = [fingerprint, str(SCHEMA_VERSION), *([] if columns in _FIRST_COLUMNS else [columns])]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def list_images(
    store: DatasetStore,
    record: DatasetRecord,
    *,
    engine_fingerprint: str,
    requirements_digest: str,
    salt: str = "",
    allow_empty: bool = False,
) -> Plan:
    """The plan for the files as they are now; its image table is in place and ``plan.json`` points at it.

    Parameters
    ----------
    salt : Anything that makes a generation of its own out of the same files, to measure all of them afresh.
    allow_empty : Whether a source that held files before may hold none.

    Raises
    ------
    FileNotFoundError : when a source does not exist.
    SourceUnreadableError : when it cannot be listed.
    EmptySourceError : when it has become empty.
    """
    began = now()
    manifest = published(store, record.key)
    current = None if manifest is None else store.generation(record.key, manifest.generation)
    before = None if current is None else read_plan(current.plan)
    last = before or read_plan(store.plan(record.key))
    scratch = scratch_file(".parquet")
    try:
        listing = write_listing(record, scratch, None if current is None else current.images)
        if last is not None and not allow_empty:
            _check_sources(record, last, listing.found)
        digest = rows_digest(engine_fingerprint, record.options)
        inputs = _digest(str(record.id), listing.digest, digest, requirements_digest)
        attempt = 0
        if salt:
            salt = _unfinished_salt(store, record.key, inputs) or salt
        elif before is not None and before.inputs == inputs:
            salt, attempt = before.salt, before.attempt
        while _is_to_be_tried_again(store, record.key, generation_name(inputs, salt, attempt)):
            attempt += 1
        plan = Plan(
            generation=generation_name(inputs, salt, attempt),
            collection=record.id,
            files=listing.files,
            size=listing.size,
            found=listing.found,
            passed_over=listing.passed_over,
            engine=record.options.engine,
            engine_fingerprint=engine_fingerprint,
            rows_digest=digest,
            requirements_digest=requirements_digest,
            inputs=inputs,
            attempt=attempt,
            salt=salt,
            listed=began,
        )
        made = store.generation(record.key, plan.generation)
        if read_plan(made.plan) is None or not is_whole(made.images, plan.files, made.images.name):
            made.images.put_file(scratch)
            write_plan(made.plan, plan)  # last: a generation with a plan has its image table
        write_plan(store.plan(record.key), plan)
    finally:
        scratch.unlink(missing_ok=True)
    return plan


def generation_name(inputs: str, salt: str, attempt: int) -> str:
    """Name of the generation of some inputs, measured for the n-th time."""
    return _digest(inputs, salt, *([attempt] if attempt else []))[:_NAME_LENGTH]


def read_plan(place: Location) -> Plan | None:
    """The plan of a data set or of one of its generations; None where there is none or it is damaged.

    Raises
    ------
    UnreadableDatasetError : when it cannot be read now.
    """
    try:
        return read_model(place, Plan, _description(place), "the next scan makes it anew")
    except DamagedDatasetError as error:
        warn_once(logger, str(error))
        return None


def _digest(*parts: str | int) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _check_sources(record: DatasetRecord, last: Plan, found: list[int]) -> None:
    """Refuse a source without files that held some before: most likely its share is not mounted."""
    before = last.found or ([last.files] if len(found) == 1 else [])
    for source, was, files in zip(record.sources, before, found, strict=False):
        if was and not files:
            raise EmptySourceError(
                f"the source {source.uri} is empty, and held {was} files before; is it mounted? The results of before "
                "stay. If it is meant to be empty: --allow-empty (command line), allow_empty (REST, Dagster)"
            )


def _unfinished_salt(store: DatasetStore, key: str, inputs: str) -> str:
    """The salt of the last listing, when its generation is of the same inputs and not complete: it is gone on with."""
    last = read_plan(store.plan(key))
    if last is None or last.inputs != inputs or believed(store, key, last.generation) is not None:
        return ""
    return last.salt


def _is_to_be_tried_again(store: DatasetStore, key: str, generation: str) -> bool:
    """Whether a generation is complete, with rows that a scan has to try again."""
    return believed(store, key, generation) is not None and has_retried_rows(store.generation(key, generation))


def write_plan(place: Location, plan: Plan) -> None:
    """Put the plan of a data set or of one of its generations in place."""
    write_model(place, plan, _description(place))


def _description(place: Location) -> str:
    return f"{place.name} of {place.parent.name}"
