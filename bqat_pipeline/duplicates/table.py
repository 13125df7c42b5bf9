"""The duplicates of a data set: which pictures are copies of which, and which one to keep. Nothing is ever deleted."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets.generation import Generation
from bqat_pipeline.datasets.tables import TableWriter, read_batches
from bqat_pipeline.duplicates.groups import group_around_keepers
from bqat_pipeline.duplicates.hashes import Bytes, from_hex, set_bits
from bqat_pipeline.duplicates.pairs import near_pairs

Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

# 95 % of re-encoded, resized, brightened and darkened copies differ in at most 13 of 256 bits, pictures of different
# people in 40 and more; of one person before a tripod, in 10 and more (docs/outliers.md). Crops are beyond it.
NEAR_BITS = 16
# About half of the bits of a picture are set; a hash with hardly any is of an empty one and says nothing.
_LEAST_BITS = 32
# Order of `verdict` when two copies have the same size.
_VERDICTS = {"pass": 3, "borderline": 2, "not_assessed": 1, "fail": 0}

_FIELDS: list[pa.Field] = [
    pa.field("row", pa.int64(), metadata={"description": "Position in the data set."}),
    pa.field("file", pa.string()),
    pa.field("group", pa.int64(), metadata={"description": "Number of the group, by its first picture."}),
    pa.field(
        "kind",
        pa.string(),
        metadata={
            "description": "`exact`: the bytes of another member; `near`: its picture. Keepers: `near` if any is."
        },
    ),
    pa.field("distance", pa.int64(), metadata={"description": "Bits of 256 that differ from the keeper's hash."}),
    pa.field("keeper", pa.bool_(), metadata={"description": "Suggested to be kept: largest, then best, then first."}),
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


@dataclass(frozen=True)
class _Found:
    """Rows of groups, by position in the data set, ascending.

    Attributes
    ----------
    position, keeper : (m,) rows and what they are copies of; keepers name themselves.
    distance : (m,) bits that differ from the keeper's hash.
    near : (m,) not the same bytes as a member before it; for keepers: any of their copies is not.
    """

    position: Index
    keeper: Index
    distance: Index
    near: Mask


_EMPTY = np.empty(0, np.int64)
_NONE = _Found(_EMPTY, _EMPTY, _EMPTY, np.empty(0, bool))


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
    exact, hashed = _exact(profiles, rows)
    near, capped = _NONE, 0
    note = None
    if options.near and rows > options.limit:
        note = f"near copies were not looked for: {rows} pictures, the limit is {options.limit}"
    elif options.near:
        near, capped = _near(profiles, rows, exact, options.bits)
    found = _joined(exact, near)
    with TableWriter(generation.table("duplicates"), DUPLICATES_SCHEMA) as writer:
        for batch in _members(profiles, found):
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
        "could_be_dropped": int((~keeper).sum()),
        "capped": capped,
        "note": note,
    }
    generation.write_details("duplicates", {"summary": summary})
    return summary


# finding


def _exact(profiles: ds.Dataset, rows: int) -> tuple[_Found, int]:
    """Groups of the same SHA-256 around their first row, and the number of rows that have one."""
    position, digest = _hashes(profiles, "sha256", rows)
    # 16 of the 32 bytes: no two files of a data set share them by chance, nor by intent (2^64 tries)
    halves = digest[:, :16].copy().view(np.uint64)
    order = np.lexsort((position, halves[:, 1], halves[:, 0]))
    same = np.zeros(len(order) + 1, bool)
    same[1:-1] = (halves[order[1:]] == halves[order[:-1]]).all(axis=1)
    in_group = same[:-1] | same[1:]
    # the place where a run of equal ones begins, carried on to its end
    head = order[np.maximum.accumulate(np.where(same[:-1], 0, np.arange(len(order))))]
    members = position[order[in_group]]
    return _sorted(members, position[head[in_group]], np.zeros(len(members), np.int64)), len(position)


def _near(profiles: ds.Dataset, rows: int, exact: _Found, bits: int) -> tuple[_Found, int]:
    """Groups of near pictures around their keepers, among rows that stand for their exact copies; capped hashes."""
    position, hashes = _hashes(profiles, "phash256", rows)
    usable = set_bits(hashes) >= _LEAST_BITS
    usable &= ~np.isin(position, exact.position[exact.position != exact.keeper])
    position, hashes = position[usable], hashes[usable]
    # Pictures with one hash are one class, so that many copies of a picture cost no more than their number.
    _, shown, of_class = np.unique(hashes.view(np.dtype((np.void, 32))).ravel(), return_index=True, return_inverse=True)
    pairs = near_pairs(hashes[shown], bits)
    several = np.bincount(of_class, minlength=len(shown)) > 1
    several[pairs.first] = several[pairs.second] = True
    members = np.flatnonzero(several[of_class])
    preference = _preference(profiles, position[members])
    # the member of each class that is preferred stands for it
    best = np.full(len(shown), len(position), np.int64)
    np.minimum.at(best, of_class[members], preference)
    head = np.zeros(len(shown), np.int64)
    first = members[preference == best[of_class[members]]]
    head[of_class[first]] = first
    found = group_around_keepers(pairs, best)
    keeper, distance = np.arange(len(shown)), np.zeros(len(shown), np.int64)
    keeper[found.member], distance[found.member] = found.keeper, found.distance
    return _sorted(
        position[members], position[head[keeper[of_class[members]]]], distance[of_class[members]]
    ), pairs.capped


def _joined(exact: _Found, near: _Found) -> _Found:
    """Exact groups follow the row that stands for them into its near group."""
    place = np.searchsorted(near.position, exact.keeper)
    place[place == len(near.position)] = 0
    moved = near.position[place] == exact.keeper if len(near.position) else np.zeros(len(exact.position), bool)
    keeper, distance = exact.keeper.copy(), exact.distance.copy()
    keeper[moved], distance[moved] = near.keeper[place[moved]], near.distance[place[moved]]
    # Of equal files one stands in for the others: it is a near copy of the keeper, they are exact copies of it.
    stands_in = exact.position == exact.keeper
    moved &= keeper != exact.keeper
    only_near = ~np.isin(near.position, exact.position)
    joined = _sorted(
        np.concatenate([exact.position, near.position[only_near]]),
        np.concatenate([keeper, near.keeper[only_near]]),
        np.concatenate([distance, near.distance[only_near]]),
        np.concatenate([stands_in & moved, near.position[only_near] != near.keeper[only_near]]),
    )
    # a keeper is near when any of its copies is
    with_near = np.unique(joined.keeper[joined.near])
    return replace(joined, near=joined.near | np.isin(joined.position, with_near))


def _sorted(position: Index, keeper: Index, distance: Index, near: Mask | None = None) -> _Found:
    order = np.argsort(position, kind="stable")
    flags = np.zeros(len(position), bool) if near is None else near
    return _Found(position[order], keeper[order], distance[order], flags[order])


# reading and writing


def _hashes(profiles: ds.Dataset, column: str, rows: int) -> tuple[Index, Bytes]:
    """Positions of the rows that have a hash, and the hashes (n, 32) uint8."""
    positions = np.empty(rows, np.int64)
    hashes = np.empty((rows, 32), np.uint8)
    count = 0
    if column in profiles.schema.names:
        for first, batch in read_batches(profiles, [column]):
            present, values = from_hex(batch.column(column), 32)
            positions[count : count + len(values)] = first + np.flatnonzero(present)
            hashes[count : count + len(values)] = values
            count += len(values)
    return positions[:count], hashes[:count]


def _preference(profiles: ds.Dataset, positions: Index) -> Index:
    """(n,) order of preference of the rows at these sorted positions: more pixels, verdict, more bytes, earlier."""
    pixels, verdict, size = (np.zeros(len(positions), np.int64) for _ in range(3))
    columns = ["status", "image_width", "image_height", "verdict", "file_size"]
    for first, batch in read_batches(profiles, columns):
        low, high = np.searchsorted(positions, [first, first + batch.num_rows])
        rows = batch.take(pa.array(positions[low:high] - first))
        pixels[low:high] = _integers(rows, "image_width") * _integers(rows, "image_height")
        size[low:high] = _integers(rows, "file_size")
        if "verdict" in rows.schema.names:
            verdict[low:high] = [_VERDICTS.get(v or "", 1) for v in rows.column("verdict").to_pylist()]
    order = np.lexsort((positions, -size, -verdict, -pixels))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _integers(batch: pa.RecordBatch, name: str) -> Index:
    if name not in batch.schema.names:
        return np.zeros(batch.num_rows, np.int64)
    values: Any = pc.fill_null(pc.cast(batch.column(name), pa.int64()), pa.scalar(0, pa.int64()))
    return values.to_numpy(zero_copy_only=False)


def _members(profiles: ds.Dataset, found: _Found) -> Iterator[pa.RecordBatch]:
    """Rows of the table, in the order of the data set."""
    keepers, group = np.unique(found.keeper, return_inverse=True)
    first_member = np.full(len(keepers), np.iinfo(np.int64).max)
    np.minimum.at(first_member, group, found.position)
    number = np.argsort(np.argsort(first_member))
    for first, batch in read_batches(profiles, ["row", "file"]):
        low, high = np.searchsorted(found.position, [first, first + batch.num_rows])
        index = pa.array(found.position[low:high] - first)
        rows = batch.column("row").take(index) if "row" in batch.schema.names else pa.array(found.position[low:high])
        yield pa.record_batch(
            [
                pc.cast(rows, pa.int64()),
                batch.column("file").take(index),
                pa.array(number[group[low:high]], pa.int64()),
                pa.array(np.where(found.near[low:high], "near", "exact"), pa.string()),
                pa.array(found.distance[low:high]),
                pa.array(found.position[low:high] == found.keeper[low:high]),
            ],
            schema=DUPLICATES_SCHEMA,
        )
