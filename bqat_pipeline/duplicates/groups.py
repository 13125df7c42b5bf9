"""Groups of copies around a keeper: every other member is within the limit of the keeper itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.duplicates.pairs import Pairs

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """Members and their keepers.

    Attributes
    ----------
    member, keeper : (m,) positions; each member occurs once and is not a keeper.
    distance : (m,) differing bits of the two.
    """

    member: Index
    keeper: Index
    distance: Index


def group_around_keepers(pairs: Pairs, rank: Index) -> Groups:
    """Members of each keeper, so that dropping the members leaves a near copy of each of them.

    The position that ranks first among those left becomes a keeper and takes all its neighbours that are left. Chains
    (a video, say) thus become several groups and not one in which the ends are strangers.

    Parameters
    ----------
    pairs : Near pairs.
    rank : (n,) order of preference of each position, smaller is better, all different.
    """
    both = np.concatenate([pairs.first, pairs.second])
    other = np.concatenate([pairs.second, pairs.first])
    bits = np.concatenate([pairs.distance, pairs.distance])
    # by keeper candidate in order of preference, then by neighbour
    order = np.lexsort((rank[other], rank[both]))
    both, other, bits = both[order], other[order], bits[order]
    taken: set[int] = set()
    keepers: set[int] = set()
    chosen: list[int] = []
    for position, (candidate, neighbour) in enumerate(zip(both.tolist(), other.tolist(), strict=True)):
        if candidate in taken or neighbour in taken or neighbour in keepers:
            continue
        keepers.add(candidate)
        taken.add(neighbour)
        chosen.append(position)
    index = np.array(chosen, np.int64)
    return Groups(other[index], both[index], bits[index])
