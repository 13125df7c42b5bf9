"""A planted finding `identities` for tests that need no model."""

import pyarrow as pa
import pyarrow.parquet as pq

from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.identity.finding import IDENTITIES_SCHEMA, NOT_COMPARED_SCHEMA

# Rows that were compared with no other, and why.
WITHOUT = ((1, "turned_away"), (2, "not_measured"), (4, "turned_away"), (40, "too_small"))
# (row, row, distance, group): 3, 9 and 12 are a chain, of which 3 and 12 are no pair.
PAIRS = ((20, 31, 0.11, 1), (3, 9, 0.21, 0), (9, 12, 0.3, 0))


def plant(store: DatasetStore, record: DatasetRecord, profiles: pa.Table) -> None:
    """Write pairs of a data set's rows as the asset would."""
    files, digests = profiles["file"].to_pylist(), profiles["sha256"].to_pylist()
    rows = [
        {
            "row_a": a,
            "row_b": b,
            "a": files[a],
            "b": files[b],
            "sha256_a": digests[a],
            "sha256_b": digests[b],
            "distance": distance,
            "group": group,
            "best": files[a],
        }
        for a, b, distance, group in PAIRS
    ]
    manifest = store.manifest(record.key)
    assert manifest is not None
    place = store.generation(record.key, manifest.generation).table("identities")
    pq.write_table(pa.Table.from_pylist(rows, schema=IDENTITIES_SCHEMA), place.local)
    without = [{"row": row, "reason_code": reason} for row, reason in WITHOUT]
    place = store.generation(record.key, manifest.generation).table("not_compared")
    pq.write_table(pa.Table.from_pylist(without, schema=NOT_COMPARED_SCHEMA), place.local)
