"""Profiles of other data sets whose rows a scan may take over by content: the same folder scanned under another name.

Bounded, so that a look costs little beside measuring: a few data sets, those of the same name first and then the ones
scanned last, and few rows for each file of the scan.
"""

import logging
from collections.abc import Iterator
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from bqat_pipeline.datasets import DamagedDatasetError, DatasetStore, Generation, Location
from bqat_pipeline.datasets.images import read_rows
from bqat_pipeline.execution.plan import Plan, read_plan

logger = logging.getLogger(__name__)

# Data sets that are looked at, and those whose rows are taken.
_LOOKED_AT = 50
_TAKEN = 10
# Rows looked up for each file, and for any scan: one takes about a microsecond, measuring a picture 50 ms.
_ROWS_PER_FILE = 100
_ROWS = 100_000


def generations_elsewhere(store: DatasetStore, key: str, plan: Plan) -> Iterator[tuple[Generation, Plan]]:
    """Published generations of other data sets that the same engine measured alike, with files of sizes in the plan."""
    left = _ROWS + _ROWS_PER_FILE * plan.files
    taken = 0
    # Of a long list some sizes will be found anyway.
    sizes = _sizes(store.generation(key, plan.generation).images) if plan.files <= _ROWS else None
    for other in islice(_by_likelihood(store, key), _LOOKED_AT):
        try:
            last = read_plan(store.plan(other))
            if last is None or last.rows_digest != plan.rows_digest or last.files > left:
                continue
            manifest = store.manifest(other)
            if manifest is None:
                continue
            generation = store.generation(other, manifest.generation)
            found = read_plan(generation.plan)
        except (OSError, DamagedDatasetError, LookupError) as error:
            # Its own scan says what is wrong with it.
            logger.info("rows of %s are not looked at: %s", other, error)
            continue
        if found is not None and found.rows_digest == plan.rows_digest and found.files <= left:
            left, taken = left - found.files, taken + 1
            if sizes is None or _has_one_of(sizes, generation.images):
                yield generation, found
            if taken == _TAKEN:
                return


def _sizes(images: Location) -> pa.Array:
    """The sizes of the files of an image table, each once."""
    batches = [batch.column("file_size") for batch in read_rows(images, ["file_size"])]
    return pc.drop_null(pc.unique(pa.chunked_array(batches, pa.int64())))


def _has_one_of(sizes: pa.Array, images: Location) -> bool:
    """Whether a file of an image table has one of these sizes: a look of 1 ms, which may save a join of 100."""
    try:
        batches = read_rows(images, ["file_size"])
        return any(pc.any(pc.is_in(batch.column("file_size"), sizes)).as_py() for batch in batches)
    except (OSError, pa.ArrowException):  # damaged, or deleted meanwhile: for the join to say
        return True


def _by_likelihood(store: DatasetStore, key: str) -> list[str]:
    """Keys of the other data sets: of the same name first, then those that changed last."""
    name = key.rpartition("-")[0]
    changed = store.changed()
    return sorted((k for k in changed if k != key), key=lambda k: (k.rpartition("-")[0] != name, -changed[k], k))
