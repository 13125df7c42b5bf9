"""The other pictures that may show the person of one picture, as the review page shows them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bqat_pipeline.review.table import Decided, ReviewTable
from bqat_pipeline.review.windows import items

# Members of a group that are named.
MOST_PERSONS = 100


def person_group(table: ReviewTable, row: int) -> int | None:
    """Number of the picture's group; None where it is in none, or identities are switched off."""
    person = table.findings.person
    return None if person is None or not 0 <= row < table.rows or person[row] < 0 else int(person[row])


def others_of_person(table: ReviewTable, row: int, decided: Decided) -> list[dict[str, Any]]:
    """The other pictures of the group, the closest first; then those that only other pictures connect with it.

    Each has ``row``, ``file``, ``sha256``, ``verdict``, ``decision`` (about the picture) and ``distance`` (of the
    templates, 0..2; None where the two are not a pair).
    """
    group, person = person_group(table, row), table.findings.person
    found = None if group is None else table.generation.found("identities")
    if group is None or person is None or found is None:
        return []
    touches = (ds.field("row_a") == row) | (ds.field("row_b") == row)
    pairs = found.to_table(columns=["row_a", "row_b", "distance"], filter=touches)
    closest = _closest(pairs, row, table.rows)
    if len(closest) < MOST_PERSONS:
        members = np.flatnonzero(person == group).tolist()
        closest |= {other: None for other in members if other != row and other not in closest}
    chosen = list(closest)[:MOST_PERSONS]
    names = ("row", "file", "sha256", "verdict", "decision")
    return [
        {name: item[name] for name in names} | {"distance": closest[item["row"]]}
        for item in items(table, np.array(chosen, np.int32), decided)
    ]


def _closest(pairs: pa.Table, row: int, rows: int) -> dict[int, float | None]:
    """Distance by row of the pictures paired with ``row``, the closest first, at most ``MOST_PERSONS``."""
    order = pc.sort_indices(pairs, sort_keys=[("distance", "ascending")])
    found: dict[int, float | None] = {}
    for pair in pairs.take(order[:MOST_PERSONS]).to_pylist():
        other = pair["row_b"] if pair["row_a"] == row else pair["row_a"]
        if other != row and other < rows:
            found[other] = pair["distance"]
    return found
