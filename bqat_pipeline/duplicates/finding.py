"""Groups of copies in a data set: by equal bytes, by near pictures, and both together."""

from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.duplicates.confirming import known_by_face
from bqat_pipeline.duplicates.groups import group_around_keepers
from bqat_pipeline.duplicates.hashes import read_hashes, set_bits
from bqat_pipeline.duplicates.pairs import Pairs, near_pairs
from bqat_pipeline.duplicates.preference import Preference, prefer, read_facts

Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]

# About half of the bits of a picture are set; a hash with hardly any is of an empty one and says nothing.
_LEAST_BITS = 32


@dataclass(frozen=True)
class Found:
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
NOTHING = Found(_EMPTY, _EMPTY, _EMPTY, np.empty(0, bool))


def exact_groups(profiles: ds.Dataset, rows: int) -> tuple[Found, int]:
    """Groups of the same SHA-256 around their earliest file, and the number of rows that have one."""
    position, digest = read_hashes(profiles, "sha256", rows)
    # 16 of the 32 bytes: no two files of a data set share them by chance, nor by intent (2^64 tries)
    halves = digest[:, :16].copy().view(np.uint64)
    order = np.lexsort((position, halves[:, 1], halves[:, 0]))
    new = np.ones(len(order), bool)
    new[1:] = (halves[order[1:]] != halves[order[:-1]]).any(axis=1)
    of_class = np.empty(len(order), np.int64)
    of_class[order] = np.cumsum(new) - 1
    head = _best_of_each(profiles, position, of_class, order[new])
    in_group = (np.bincount(of_class) > 1)[of_class]
    members = position[in_group]
    return _sorted(members, position[head[of_class[in_group]]], np.zeros(len(members), np.int64)), len(position)


@dataclass(frozen=True)
class NearFound:
    """Groups of near copies.

    Attributes
    ----------
    found : The groups; those that are known by the face only are near, too.
    likeness : (m,) of each row's face to that of its keeper, where that made it a copy; NaN elsewhere.
    mirrored : (m,) bool, its face is the mirror image of the keeper's.
    preference : Of the rows of ``found``, which are its entries in order.
    capped : Hashes that were not compared with all others of their bucket.
    """

    found: Found
    likeness: Numbers = field(default_factory=lambda: np.empty(0))
    mirrored: Mask = field(default_factory=lambda: np.empty(0, bool))
    preference: Preference | None = None
    capped: int = 0


def near_groups(profiles: ds.Dataset, rows: int, exact: Found, bits: int) -> NearFound:
    """Groups of near pictures around their keepers, among rows that stand for their exact copies."""
    position, hashes = read_hashes(profiles, "phash256", rows)
    usable = set_bits(hashes) >= _LEAST_BITS
    usable &= ~np.isin(position, exact.position[exact.position != exact.keeper])
    position, hashes = position[usable], hashes[usable]
    # Pictures with one hash are one class, so that many copies of a picture cost no more than their number.
    _, shown, of_class = np.unique(hashes.view(np.dtype((np.void, 32))).ravel(), return_index=True, return_inverse=True)
    shown = _best_of_each(profiles, position, of_class, shown)
    pairs = near_pairs(hashes[shown], bits)
    known = known_by_face(profiles, position[shown], hashes[shown], pairs)
    pairs = known.pairs
    several = np.bincount(of_class, minlength=len(shown)) > 1
    several[pairs.first] = several[pairs.second] = True
    members = np.flatnonzero(several[of_class])
    if not members.size:
        return NearFound(NOTHING)
    preference = prefer(read_facts(profiles, position[members]), _components(pairs, len(shown))[of_class[members]])
    # the member of each class that is preferred stands for it
    best = np.full(len(shown), len(position), np.int64)
    np.minimum.at(best, of_class[members], preference.rank)
    head = np.zeros(len(shown), np.int64)
    first = members[preference.rank == best[of_class[members]]]
    head[of_class[first]] = first
    found = group_around_keepers(pairs, best)
    keeper, distance = np.arange(len(shown)), np.zeros(len(shown), np.int64)
    keeper[found.member], distance[found.member] = found.keeper, found.distance
    likeness, mirrored = known.of(found.member, found.keeper, len(shown))
    # What was near only to pictures that became copies of others is a photograph of its own.
    grouped = np.bincount(of_class, minlength=len(shown)) > 1
    grouped[found.member] = grouped[found.keeper] = True
    kept = grouped[of_class[members]]
    members, preference = members[kept], preference.among(kept)
    of_member = of_class[members]
    return NearFound(
        _sorted(position[members], position[head[keeper[of_member]]], distance[of_member]),
        likeness[of_member],
        mirrored[of_member],
        preference,
        pairs.capped,
    )


def _best_of_each(profiles: ds.Dataset, position: Index, of_class: Index, first: Index) -> Index:
    """(classes,) entry that stands for each class: the preferred one, whose face is not the one of a blurred copy."""
    members = np.flatnonzero((np.bincount(of_class) > 1)[of_class])
    if not members.size:
        return first
    rank = prefer(read_facts(profiles, position[members]), of_class[members]).rank
    best, worst_first = first.copy(), members[np.argsort(-rank)]
    best[of_class[worst_first]] = worst_first
    return best


def _components(pairs: Pairs, count: int) -> Index:
    """(count,) number of the set of copies of each class: those that pairs connect, over whatever others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(pairs.first), np.int8), (pairs.first, pairs.second)), (count, count))
    return connected_components(edges, directed=False)[1].astype(np.int64)


def joined(exact: Found, near: Found) -> Found:
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


def _sorted(position: Index, keeper: Index, distance: Index, near: Mask | None = None) -> Found:
    order = np.argsort(position, kind="stable")
    flags = np.zeros(len(position), bool) if near is None else near
    return Found(position[order], keeper[order], distance[order], flags[order])
