"""The duplicates of a data set: which pictures are copies of which, and which one to keep. Nothing is ever deleted."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets.generation import Generation
from bqat_pipeline.datasets.tables import TableWriter, read_batches
from bqat_pipeline.duplicates.finding import NOTHING, Found, NearFound, exact_groups, joined, near_groups
from bqat_pipeline.duplicates.preference import MOST_COMPARED

Index = NDArray[np.int64]

# 95 % of re-encoded, resized, brightened and darkened copies differ in at most 13 of 256 bits, pictures of different
# people in 40 and more; of one person before a tripod, in 10 and more (docs/outliers.md). Crops are beyond it.
NEAR_BITS = 16

_FIELDS: list[pa.Field] = [
    pa.field("row", pa.int64(), metadata={"description": "Position in the data set."}),
    pa.field("file", pa.string()),
    pa.field("group", pa.int64(), metadata={"description": "Number of the group, by its first picture."}),
    pa.field(
        "kind",
        pa.string(),
        metadata={
            "description": "`exact`: the bytes of another member; `near`: its picture; `changed`: its photograph, "
            "cropped, turned, mirrored or brightened, known by the face. Keepers: of the copy that differs most."
        },
    ),
    pa.field("distance", pa.int64(), metadata={"description": "Bits of 256 that differ from the keeper's hash."}),
    pa.field(
        "likeness",
        pa.float64(),
        metadata={"description": "Correlation of its face with the keeper's after registration, for `changed`."},
    ),
    pa.field("mirrored", pa.bool_(), metadata={"description": "It is a mirror image of the keeper."}),
    pa.field(
        "keeper",
        pa.bool_(),
        metadata={
            "description": "Suggested to be kept: not enlarged, best verdict, most useful, most detail, earliest file."
        },
    ),
    pa.field("why", pa.string(), metadata={"description": "Why it is suggested, or what it lacks, as a sentence."}),
]
DUPLICATES_SCHEMA = pa.schema(_FIELDS)


@dataclass(frozen=True, slots=True)
class DuplicateOptions:
    """What counts as a copy.

    Attributes
    ----------
    near : Look for near copies too.
    bits : Bits of 256 in which near copies differ at most.
    limit : Pictures up to which near copies are looked for; 64 bytes of memory each.
    """

    near: bool = True
    bits: int = NEAR_BITS
    limit: int = 20_000_000

    def __post_init__(self) -> None:
        if not 0 <= self.bits <= 32:
            raise ValueError(f"bits is {self.bits}; near copies are found up to 32 of 256 bits")


def write_duplicates(
    profiles: ds.Dataset, generation: Generation, options: DuplicateOptions | None = None
) -> dict[str, Any]:
    """Write the finding ``duplicates`` of a generation, a table and its details; answers the summary.

    Exact copies have the same SHA-256, near ones a perceptual hash within ``options.bits``; both can be in one group.
    Each member is a copy of its group's keeper itself. The table holds the rows of groups only, in the order of the
    data set. Needs about 64 bytes of memory for each picture.

    Parameters
    ----------
    profiles : Face profiles (`DatasetStore.profiles`).
    generation : Where the profiles are.
    options : What counts as a copy; None for the defaults.
    """
    options = options or DuplicateOptions()
    rows = profiles.count_rows()
    exact, hashed = exact_groups(profiles, rows)
    near = NearFound(NOTHING)
    note = None
    if options.near and rows > options.limit:
        note = f"near copies were not looked for: {rows} pictures, the limit is {options.limit}"
    elif options.near:
        near = near_groups(profiles, rows, exact, options.bits)
    found = joined(exact, near.found)
    facts = _Facts(found, near)
    with TableWriter(generation.table("duplicates"), DUPLICATES_SCHEMA) as writer:
        for batch in _members(profiles, found, facts):
            writer.write(batch)
    keeper = found.position == found.keeper
    summary = {
        "options": asdict(options),
        "rows": rows,
        "hashed": hashed,
        "groups": int(keeper.sum()),
        "groups_with_near_copies": int((keeper & found.near).sum()),
        "exact_copies": int((~keeper & ~found.near).sum()),
        "near_copies": int((~keeper & found.near).sum()),
        "changed_copies": int((~keeper & facts.changed).sum()),
        "could_be_dropped": int((~keeper).sum()),
        "capped": near.capped,
        "note": note,
    }
    generation.write_details("duplicates", {"summary": summary})
    return summary


class _Facts:
    """What is said of each row of the groups beside its group.

    Attributes
    ----------
    changed : (m,) bool, known by the face only; of keepers, whether any of their copies is.
    likeness, mirrored : (m,) of the faces, NaN and False where they were not needed.
    """

    def __init__(self, found: Found, near: NearFound) -> None:
        self._found, self._preference = found, near.preference
        self._entries = near.found.position
        # of each keeper the members that it was compared with, as entries of the preference
        order = np.argsort(near.found.keeper, kind="stable")
        self._keepers, starts = np.unique(near.found.keeper[order], return_index=True)
        self._members = np.split(order, starts[1:])
        self.likeness, self.mirrored = np.full(len(found.position), np.nan), np.zeros(len(found.position), bool)
        at = np.searchsorted(found.position, self._entries)
        self.likeness[at], self.mirrored[at] = near.likeness, near.mirrored
        self.changed = np.isfinite(self.likeness)
        self.changed |= np.isin(found.position, found.keeper[self.changed])

    def why(self, low: int, high: int) -> list[str]:
        """Why rows are suggested to be kept, or what they lack, in sentences."""
        found = self._found
        return [self._why(int(found.position[i]), int(found.keeper[i]), bool(found.near[i])) for i in range(low, high)]

    def _why(self, position: int, keeper: int, near: bool) -> str:
        preference = self._preference
        if position == keeper:
            if near and preference is not None:
                others = self._members[int(np.searchsorted(self._keepers, keeper))]
                entry = self._entry(keeper)
                return preference.why_kept(entry, others[others != entry][:MOST_COMPARED])
            return "Suggested to keep: it is the earliest of files with the same bytes."
        if not near or preference is None:
            return "The same bytes as another copy."
        words = preference.why_not(self._entry(position), self._entry(keeper))
        return f"A copy of the suggested one{': ' if words else ''}{words}."

    def _entry(self, position: int) -> int:
        return int(np.searchsorted(self._entries, position))


def _members(profiles: ds.Dataset, found: Found, facts: _Facts) -> Iterator[pa.RecordBatch]:
    """Rows of the table, in the order of the data set."""
    keepers, group = np.unique(found.keeper, return_inverse=True)
    first_member = np.full(len(keepers), np.iinfo(np.int64).max)
    np.minimum.at(first_member, group, found.position)
    number = np.argsort(np.argsort(first_member))
    for first, batch in read_batches(profiles, ["row", "file"]):
        low, high = np.searchsorted(found.position, [first, first + batch.num_rows])
        index = pa.array(found.position[low:high] - first)
        rows = batch.column("row").take(index) if "row" in batch.schema.names else pa.array(found.position[low:high])
        kind = np.where(found.near[low:high], "near", "exact")
        yield pa.record_batch(
            [
                pc.cast(rows, pa.int64()),
                batch.column("file").take(index),
                pa.array(number[group[low:high]], pa.int64()),
                pa.array(np.where(facts.changed[low:high], "changed", kind), pa.string()),
                pa.array(found.distance[low:high]),
                pa.array(facts.likeness[low:high], from_pandas=True),
                pa.array(facts.mirrored[low:high]),
                pa.array(found.position[low:high] == found.keeper[low:high]),
                pa.array(facts.why(int(low), int(high)), pa.string()),
            ],
            schema=DUPLICATES_SCHEMA,
        )
