"""The plan of a generation: which files, measured how. Its digest names the generation."""

import hashlib
import json
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from bqat_pipeline.columns import SCHEMA_VERSION
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.datasets.images import scratch_file, write_listing
from bqat_pipeline.datasets.records import DatasetRecord, now
from bqat_pipeline.execution.retries import has_retried_rows

_NAME_LENGTH = 16  # 64 bits of SHA-256: a folder name; collisions within one data set are out of reach


class Plan(BaseModel):
    """plan.json: written beside the manifest when a data set was listed, and kept in each generation.

    Attributes
    ----------
    rows_digest : Digest of all that rows depend on beside the files: engine, its models, options, schema.
    inputs : Digest of all that the generation was made of; empty in plans of before.
    attempt : How many generations of the same inputs came before, whose rows were in part to be tried again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    generation: str
    collection: UUID
    files: int
    size: int = Field(description="Bytes of all files.")
    skipped: dict[str, int] = Field(description="Folders that were not entered, by reason.")
    engine: str
    engine_fingerprint: str
    rows_digest: str
    requirements_digest: str
    inputs: str = ""
    attempt: int = 0
    salt: str = ""
    listed: datetime = Field(description="When the listing began.")


def rows_digest(fingerprint: str) -> str:
    """Digest of what rows depend on beside their file; the fingerprint covers the engine's options."""
    return hashlib.sha256(f"{fingerprint}\0{SCHEMA_VERSION}".encode()).hexdigest()


def list_images(
    store: DatasetStore,
    record: DatasetRecord,
    *,
    engine_fingerprint: str,
    requirements_digest: str,
    salt: str = "",
) -> Plan:
    """The plan for the files as they are now; its image table is in place and ``plan.json`` points at it.

    Parameters
    ----------
    salt : Anything that makes a generation of its own out of the same files, to measure all of them afresh.

    Raises
    ------
    FileNotFoundError : when a source does not exist.
    """
    began = now()
    scratch = scratch_file(".parquet")
    try:
        listing = write_listing(record, scratch)
        digest = rows_digest(engine_fingerprint)
        inputs = _digest(str(record.id), listing.digest, digest, requirements_digest)
        published = _published_plan(store, record.key)
        attempt = 0
        if published is not None and published.inputs == inputs and not salt:
            salt, attempt = published.salt, published.attempt
        while _is_to_be_tried_again(store, record.key, generation_name(inputs, salt, attempt)):
            attempt += 1
        plan = Plan(
            generation=generation_name(inputs, salt, attempt),
            collection=record.id,
            files=listing.files,
            size=listing.size,
            skipped=listing.skipped,
            engine=record.options.engine,
            engine_fingerprint=engine_fingerprint,
            rows_digest=digest,
            requirements_digest=requirements_digest,
            inputs=inputs,
            attempt=attempt,
            salt=salt,
            listed=began,
        )
        folder = store.generation(record.key, plan.generation)
        if read_plan(folder) is None:
            (folder / "images.parquet").put_file(scratch)
            write_plan(folder, plan)  # last: a generation with a plan has its image table
        write_plan(store.folder(record.key), plan)
    finally:
        scratch.unlink(missing_ok=True)
    return plan


def generation_name(inputs: str, salt: str, attempt: int) -> str:
    """Name of the generation of some inputs, measured for the n-th time."""
    return _digest(inputs, salt, *([attempt] if attempt else []))[:_NAME_LENGTH]


def read_plan(folder: Location) -> Plan | None:
    """The plan of a data set or of one of its generations, or None."""
    try:
        return Plan.model_validate_json((folder / "plan.json").read_bytes())
    except (OSError, ValueError):
        return None


def _digest(*parts: str | int) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _published_plan(store: DatasetStore, key: str) -> Plan | None:
    current = store.current(key)
    return None if current is None else read_plan(current)


def _is_to_be_tried_again(store: DatasetStore, key: str, generation: str) -> bool:
    """Whether a generation is complete, with rows that a scan has to try again."""
    return store.completed(key, generation) is not None and has_retried_rows(store.generation(key, generation))


def write_plan(folder: Location, plan: Plan) -> None:
    (folder / "plan.json").write_bytes(plan.model_dump_json(indent=1).encode())
