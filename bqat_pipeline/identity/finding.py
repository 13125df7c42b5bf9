"""The finding ``identities``: pairs of pictures that may show the same person, and the groups that they form."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets.generation import Generation
from bqat_pipeline.datasets.tables import TableWriter, read_batches
from bqat_pipeline.duplicates.preference import read_facts
from bqat_pipeline.identity.closeness import ClosePairs, close_pairs
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.templates import DatasetTemplates

Index = NDArray[np.int64]

_FIELDS: list[pa.Field] = [
    pa.field("row_a", pa.int64(), metadata={"description": "Position of the first picture in the data set."}),
    pa.field("row_b", pa.int64(), metadata={"description": "Position of the second."}),
    pa.field("a", pa.string(), metadata={"description": "File of the first."}),
    pa.field("b", pa.string(), metadata={"description": "File of the second."}),
    pa.field("sha256_a", pa.string(), metadata={"description": "SHA-256 of the first file."}),
    pa.field("sha256_b", pa.string(), metadata={"description": "SHA-256 of the second."}),
    pa.field("distance", pa.float64(), metadata={"description": "Of their templates, 0..2; 0: the same picture."}),
    pa.field("group", pa.int64(), metadata={"description": "Number of the group: pictures connected by pairs."}),
    pa.field("best", pa.string(), metadata={"description": "Its best picture: by verdict, utility, eye distance."}),
]
IDENTITIES_SCHEMA = pa.schema(_FIELDS)
NOT_COMPARED_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), metadata={"description": "Position of the picture in the data set."}),
        pa.field("reason_code", pa.string(), metadata={"description": "Why it has no template."}),
    ]
)
_BATCH = 50_000


@dataclass(frozen=True, slots=True)
class IdentityOptions:
    """What counts as perhaps one person.

    Attributes
    ----------
    threshold : Distance of two templates below which pictures are paired.
    most_pairs : Pairs that are kept, the closest.
    limit : Different pictures up to which all pairs are compared; the time grows with their square.
    """

    threshold: float = 0.34
    most_pairs: int = 1_000_000
    limit: int = 2_000_000


@dataclass(frozen=True)
class RowPairs:
    """Pairs of rows, the closest first.

    Attributes
    ----------
    first, second : (m,) positions in the data set, ``first < second``.
    distance : (m,).
    left_out : Whether there were more.
    """

    first: Index
    second: Index
    distance: NDArray[np.float32]
    left_out: bool


def find_pairs(of: DatasetTemplates, options: IdentityOptions, workers: int = 1) -> RowPairs:
    """Pairs of rows of a data set closer than the threshold; rows with the same bytes are at distance 0.

    Raises
    ------
    IdentityError : when there are more different pictures than the limit.
    """
    used, vector = np.unique(of.vector, return_inverse=True)
    if len(used) > options.limit:
        raise IdentityError(
            f"there are {len(used)} different pictures, and up to {options.limit} are compared each with each"
        )
    vectors = of.templates.vectors if len(used) == len(of.templates) else of.templates.vectors[used]
    found = close_pairs(vectors, options.threshold, most=options.most_pairs, workers=workers)
    return _of_rows(found, of.position, vector, options.most_pairs)


def write_identities(
    profiles: ds.Dataset,
    generation: Generation,
    of: DatasetTemplates,
    options: IdentityOptions | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Write the finding ``identities`` of a generation, pairs and their summary; answers the summary.

    Parameters
    ----------
    profiles : Face profiles.
    of : The templates of their rows.
    workers : Threads.

    Raises
    ------
    IdentityError : when there are more different pictures than the limit; nothing is written then.
    """
    options = options or IdentityOptions()
    pairs, note = find_pairs(of, options, workers), None
    if pairs.left_out:
        note = (
            f"only the {options.most_pairs} closest pairs are kept, up to distance {shown(pairs.distance[-1:])[0]:.3f}"
        )
    group = groups(pairs)
    rows, names, digests = _names(profiles, np.unique(np.concatenate([pairs.first, pairs.second])))
    best = _best(profiles, rows.positions, pairs, group)
    of_other_files = 0
    with TableWriter(generation.table("identities"), IDENTITIES_SCHEMA) as writer:
        for start in range(0, len(pairs.first), _BATCH):
            part = slice(start, start + _BATCH)
            a, b = (
                np.searchsorted(rows.positions, pairs.first[part]),
                np.searchsorted(rows.positions, pairs.second[part]),
            )
            digests_a, digests_b = digests.take(pa.array(a)), digests.take(pa.array(b))
            of_other_files += pc.sum(pc.not_equal(digests_a, digests_b)).as_py() or 0
            writer.write(
                pa.record_batch(
                    [
                        pa.array(rows.numbers[a]),
                        pa.array(rows.numbers[b]),
                        names.take(pa.array(a)),
                        names.take(pa.array(b)),
                        digests_a,
                        digests_b,
                        pa.array(shown(pairs.distance[part])),
                        pa.array(group[part]),
                        names.take(pa.array(best[part])),
                    ],
                    schema=IDENTITIES_SCHEMA,
                )
            )
    _write_not_compared(profiles, generation, of)
    sizes = Counter(np.concatenate([pairs.first, pairs.second]).tolist())
    summary = {
        "options": asdict(options),
        "templates": len(of.position),
        "without_template": of.missing,
        "pairs": len(pairs.first),
        "pairs_of_other_files": of_other_files,
        "pictures_in_pairs": len(sizes),
        "groups": len(np.unique(group)),
        "note": note,
    }
    generation.write_details("identities", {"summary": summary})
    return summary


def _write_not_compared(profiles: ds.Dataset, generation: Generation, of: DatasetTemplates) -> None:
    with TableWriter(generation.table("not_compared"), NOT_COMPARED_SCHEMA) as writer:
        for first, batch in read_batches(profiles, ["row"]):
            low, high = np.searchsorted(of.without, [first, first + batch.num_rows])
            here = of.without[low:high]
            rows = batch.column("row").to_numpy()[here - first] if "row" in batch.schema.names else here
            writer.write(
                pa.record_batch(
                    [pa.array(rows, pa.int64()), pa.array(of.reasons[low:high].tolist(), pa.string())],
                    schema=NOT_COMPARED_SCHEMA,
                )
            )


def shown(distance: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distances with four digits, rounded down: what is below a threshold stays below it."""
    return np.floor(distance.astype(np.float64) * 1e4) / 1e4


def groups(pairs: RowPairs) -> Index:
    """(m,) number of each pair's group: what pairs connect, over whatever others, is one group."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    members, ends = np.unique(np.concatenate([pairs.first, pairs.second]), return_inverse=True)
    a, b = np.split(ends, 2)
    edges = coo_array((np.ones(len(a), np.int8), (a, b)), (len(members), len(members)))
    if not len(members):
        return np.empty(0, np.int64)
    return connected_components(edges, directed=False)[1].astype(np.int64)[a]


def _best(profiles: ds.Dataset, positions: Index, pairs: RowPairs, group: Index) -> Index:
    """(pairs,) place in ``positions`` of the best picture of each pair's group."""
    facts = read_facts(profiles, positions)
    known = np.nan_to_num(np.stack([facts.utility, facts.eye_distance]), nan=-1.0)
    order = np.lexsort((positions, -known[1], -known[0], -facts.verdict))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    best = np.full(int(group.max(initial=-1)) + 1, len(order), np.int64)
    for ends in (pairs.first, pairs.second):
        np.minimum.at(best, group, rank[np.searchsorted(positions, ends)])
    return order[best[group]]


@dataclass(frozen=True)
class _Rows:
    positions: Index
    numbers: Index


def _names(profiles: ds.Dataset, positions: Index) -> tuple[_Rows, pa.Array, pa.Array]:
    """Row numbers, files and digests of some positions in the profiles, which are sorted."""
    numbers, files, digests = [np.empty(0, np.int64)], [pa.array([], pa.string())], [pa.array([], pa.string())]
    for first, batch in read_batches(profiles, ["row", "file", "sha256"]):
        low, high = np.searchsorted(positions, [first, first + batch.num_rows])
        if low == high:
            continue
        index = positions[low:high] - first
        has_row = "row" in batch.schema.names
        numbers.append(batch.column("row").to_numpy()[index] if has_row else positions[low:high])
        files.append(batch.column("file").take(pa.array(index)))
        digests.append(batch.column("sha256").take(pa.array(index)))
    return _Rows(positions, np.concatenate(numbers)), pa.concat_arrays(files), pa.concat_arrays(digests)


def _of_rows(found: ClosePairs, position: Index, vector: Index, most: int) -> RowPairs:
    """Pairs of templates as pairs of rows: equal files share a template."""
    order = np.argsort(vector, kind="stable")
    starts = np.searchsorted(vector[order], np.arange(int(vector.max(initial=-1)) + 2))
    members = position[order]
    counts = np.diff(starts)
    first, second, distance = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    left = most
    for template in np.flatnonzero(counts > 1):
        if left <= 0:
            break
        rows = members[starts[template] : starts[template + 1]]
        i, j = np.triu_indices(min(len(rows), int((2 * left) ** 0.5) + 2), 1)
        first.append(rows[i[:left]])
        second.append(rows[j[:left]])
        distance.append(np.zeros(len(second[-1]), np.float32))
        left -= len(second[-1])
    # Pairs come closest first: those of which some room is left.
    of_pair = counts[found.first].astype(np.float64) * counts[found.second]
    before = np.cumsum(of_pair) - of_pair
    fits = before < left
    single = fits & (of_pair == 1)
    first.append(members[starts[found.first[single]]])
    second.append(members[starts[found.second[single]]])
    distance.append(found.distance[single])
    for k in np.flatnonzero(fits & ~single):
        room = left - int(before[k])
        a, b = (members[starts[n] : starts[n + 1]][:room] for n in (found.first[k], found.second[k]))
        place = np.arange(min(len(a) * len(b), room))
        first.append(a[place // len(b)])
        second.append(b[place % len(b)])
        distance.append(np.full(len(place), found.distance[k], np.float32))
    low, high = np.concatenate(first), np.concatenate(second)
    low, high, between = np.minimum(low, high), np.maximum(low, high), np.concatenate(distance)
    order = np.lexsort((high, low, between))
    of_copies = float((counts.astype(np.float64) * (counts - 1) / 2).sum())
    return RowPairs(low[order], high[order], between[order], found.left_out or of_copies + float(of_pair.sum()) > most)
