"""Questions about persons that a data set's templates answer. Each answer is pairs for somebody to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets.tables import read_batches
from bqat_pipeline.identity.closeness import close_pairs
from bqat_pipeline.identity.finding import IdentityOptions, find_pairs, shown
from bqat_pipeline.identity.templates import DatasetTemplates
from bqat_pipeline.review.pair_decisions import PairKey, pair_key

# From this distance on two pictures of one name are shown to somebody: none of 452 pairs of one person is so far apart.
DIFFERENT = 0.45
# Pictures of one name that are compared with each other; a name with more is hardly one person.
_MOST_OF_A_NAME = 1000
_MOST_PAIRS = 1_000_000

Names = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures and the distance of their templates; names where the question was about names."""

    a: str
    b: str
    distance: float
    name_a: str = ""
    name_b: str = ""
    decision: str = ""

    def as_row(self) -> dict[str, object]:
        """For JSON."""
        row: dict[str, object] = {"a": self.a, "b": self.b, "distance": self.distance}
        row |= {"decision": self.decision} if self.decision else {}
        return row | ({"name_a": self.name_a, "name_b": self.name_b} if self.name_a or self.name_b else {})


def stored_pairs(table: ds.Dataset, threshold: float, names: Names | None = None) -> list[Pair]:
    """Pairs of the finding ``identities`` below a threshold, the closest first.

    Parameters
    ----------
    names : Of every row of the profiles: only pairs under two different names, which both have one.
    """
    found = table.to_table(filter=ds.field("distance") < threshold)
    first, second = (found.column(name).to_numpy() for name in ("row_a", "row_b"))
    files = (found.column("a"), found.column("b"))
    return _pairs(first, second, found.column("distance").to_numpy(), files, names)


def pairs_of_templates(
    of: DatasetTemplates, profiles: ds.Dataset, threshold: float, names: Names | None = None, workers: int = 1
) -> list[Pair]:
    """As ``stored_pairs``, for a threshold beyond that of the scan.

    Raises
    ------
    IdentityError : when there are too many different pictures.
    """
    found = find_pairs(of, IdentityOptions(threshold, _MOST_PAIRS), workers)
    files = _files(profiles, found.first), _files(profiles, found.second)
    return _pairs(found.first, found.second, shown(found.distance), files, names)


def with_decisions(pairs: list[Pair], profiles: ds.Dataset, decisions: Mapping[PairKey, str]) -> list[Pair]:
    """The pairs with what people decided about them."""
    if not decisions:
        return pairs
    decided = pa.array(sorted({digest for pair in decisions for digest in pair}))
    digests: dict[str, str] = {}
    for _, batch in read_batches(profiles, ["file", "sha256"]):
        known = batch.filter(pc.is_in(batch.column("sha256"), decided))
        digests.update(zip(known.column("file").to_pylist(), known.column("sha256").to_pylist(), strict=True))

    def decision(pair: Pair) -> Pair:
        found = decisions.get(pair_key(digests.get(pair.a), digests.get(pair.b)))
        return pair if found is None else replace(pair, decision=found)

    return [decision(pair) for pair in pairs]


def different_persons(of: DatasetTemplates, profiles: ds.Dataset, names: Names, limit: float = DIFFERENT) -> list[Pair]:
    """Pairs of pictures of one name whose templates are at least ``limit`` apart, the farthest first."""
    first, second, distance = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    of_rows = names[of.position]
    order = np.argsort(of_rows.astype(str), kind="stable")
    _, starts = np.unique(of_rows[order].astype(str), return_index=True)
    for members in np.split(order, starts[1:]):
        if len(members) < 2 or len(members) > _MOST_OF_A_NAME or not of_rows[members[0]]:
            continue
        vectors = of.templates.vectors[of.vector[members]].astype(np.float32)
        apart = np.sqrt(np.maximum(2 - 2 * vectors @ vectors.T, 0))
        i, j = np.nonzero(np.triu(apart >= limit, 1))
        first.append(of.position[members[i]])
        second.append(of.position[members[j]])
        distance.append(apart[i, j])
    a, b, apart = np.concatenate(first), np.concatenate(second), np.concatenate(distance)
    far = np.lexsort((b, a, -apart))[:_MOST_PAIRS]
    a, b = np.minimum(a, b)[far], np.maximum(a, b)[far]
    pairs = _pairs(a, b, apart[far], (_files(profiles, a), _files(profiles, b)), None)
    return [Pair(pair.a, pair.b, pair.distance, str(names[i]), str(names[i])) for pair, i in zip(pairs, a, strict=True)]


def pairs_between(
    of: DatasetTemplates,
    profiles: ds.Dataset,
    other: DatasetTemplates,
    other_profiles: ds.Dataset,
    threshold: float,
    workers: int = 1,
) -> list[Pair]:
    """Pairs of a picture of one data set and a picture of another, the closest first."""
    found = close_pairs(
        of.templates.vectors[of.vector],
        threshold,
        other=other.templates.vectors[other.vector],
        most=_MOST_PAIRS,
        workers=workers,
    )
    first, second = of.position[found.first], other.position[found.second]
    return _pairs(first, second, shown(found.distance), (_files(profiles, first), _files(other_profiles, second)), None)


def _pairs(
    first: np.ndarray, second: np.ndarray, distance: np.ndarray, files: tuple[pa.Array, pa.Array], names: Names | None
) -> list[Pair]:
    keep = np.ones(len(first), bool)
    if names is not None:
        keep = (names[first] != "") & (names[second] != "") & (names[first] != names[second])
    index = pa.array(np.flatnonzero(keep))
    a, b = files[0].take(index).to_pylist(), files[1].take(index).to_pylist()
    apart = distance[keep].astype(np.float64).round(4).tolist()
    called = [("", "")] * len(a) if names is None else list(zip(names[first[keep]], names[second[keep]], strict=True))
    return [Pair(x, y, d, *both) for x, y, d, both in zip(a, b, apart, called, strict=True)]


def _files(profiles: ds.Dataset, positions: np.ndarray) -> pa.Array:
    """Files at positions in the profiles, in any order."""
    wanted, place = np.unique(positions, return_inverse=True)
    parts = [pa.array([], pa.string())]
    for first, batch in read_batches(profiles, ["file"]):
        low, high = np.searchsorted(wanted, [first, first + batch.num_rows])
        parts.append(batch.column("file").take(pa.array(wanted[low:high] - first)))
    return pa.concat_arrays(parts).take(pa.array(place))
