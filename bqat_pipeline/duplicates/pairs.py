"""Pairs of near-equal perceptual hashes among millions, without comparing each with each.

The 64 bits of the lowest frequencies (the upper left 8 x 8 of the 16 x 16 coefficients) change least between copies.
They are cut into six bands. Two keys that differ in at most four bits agree in at least two bands, so for each of the
15 choices of two bands the keys are sorted and equal neighbours compared by all 256 bits. Among millions two bands
agree by chance too often: then three must (20 choices, up to three differing bits).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.duplicates.hashes import Bytes, distance

# 64 bits in six bands
_BANDS = (11, 11, 11, 11, 10, 10)
# Hashes up to which two bands (about 21 bits) are enough for small buckets.
_TWO_BANDS = 3_000_000
# Neighbours that a hash is compared with in a bucket of equal keys; hashes in larger buckets are counted as capped.
BUCKET = 32
# Of the pairs within 16 of 256 bits, 99.6 % differ in at most this many of the 64 low ones (benchmarks/duplicates.py).
_LOW_BITS = 6
# Pairs compared at a time; 64 MB of hashes.
_BLOCK = 1_000_000

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of hashes within the limit.

    Attributes
    ----------
    first, second : (m,) positions, first < second, each pair once.
    distance : (m,) differing bits.
    capped : Hashes that were not compared with all others of their bucket.
    """

    first: Index
    second: Index
    distance: Index
    capped: int


def near_pairs(hashes: Bytes, limit: int, bucket: int = BUCKET) -> Pairs:
    """Pairs of hashes that differ in at most ``limit`` bits.

    Of the pairs within 16 bits among 389 pictures and five changed copies of each it found 99.3 %; with three bands
    (above 3 million hashes) 96.5 % (benchmarks/duplicates.py).

    Parameters
    ----------
    hashes : (n, 32) uint8, distinct, in the bit order of ``phash256``.
    limit : Bits.
    bucket : Neighbours that a hash is compared with at most in each table.
    """
    keys = _low_frequencies(hashes)
    found: list[NDArray[np.int64]] = [np.empty((0, 3), np.int64)]
    capped = np.zeros(len(hashes), bool)
    for table, common in _tables(keys, 2 if len(keys) <= _TWO_BANDS else 3):
        order = np.argsort(table)
        for first, second in neighbours(table[order] & common, order, bucket, capped):
            close = _set_bits(keys[first] ^ keys[second]) <= _LOW_BITS
            first, second = first[close], second[close]
            bits = distance(hashes[first], hashes[second])
            near = bits <= limit
            low, high = np.minimum(first[near], second[near]), np.maximum(first[near], second[near])
            found.append(np.stack([low, high, bits[near]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return Pairs(pairs[:, 0], pairs[:, 1], pairs[:, 2], int(capped.sum()))


def _low_frequencies(hashes: Bytes) -> NDArray[np.uint64]:
    # Row r of the coefficients is bytes 2 r and 2 r + 1; its eight lowest frequencies are the first of them.
    low = np.ascontiguousarray(hashes[:, 0:16:2])
    return low.view(">u8").astype(np.uint64).ravel()


def _tables(keys: NDArray[np.uint64], agreeing: int) -> Iterator[tuple[NDArray[np.uint64], np.uint64]]:
    """Keys with the chosen bands in front of the others, so that the best candidates in a bucket are close by; mask of
    the chosen bands."""
    starts = np.cumsum((0, *_BANDS))[:-1]
    bands = [(int(start), width) for start, width in zip(starts, _BANDS, strict=True)]
    for chosen in combinations(bands, agreeing):
        table = np.zeros_like(keys)
        place = 64
        for start, width in (*chosen, *(b for b in bands if b not in chosen)):
            place -= width
            table |= ((keys >> np.uint64(start)) & np.uint64((1 << width) - 1)) << np.uint64(place)
        bits = sum(width for _, width in chosen)
        yield table, np.uint64(((1 << bits) - 1) << (64 - bits))


def neighbours(
    ordered: NDArray[np.uint64], order: NDArray[np.int64], bucket: int, capped: NDArray[np.bool_]
) -> Iterator[tuple[Index, Index]]:
    """Pairs of positions with equal keys, up to ``bucket`` places apart in the sorted order."""
    alive = np.arange(len(ordered) - 1)
    for step in range(1, bucket + 1):
        alive = alive[alive < len(ordered) - step]
        alive = alive[ordered[alive] == ordered[alive + step]]
        if not alive.size:
            return
        for start in range(0, alive.size, _BLOCK):
            block = alive[start : start + _BLOCK]
            yield order[block], order[block + step]
    beyond = alive[alive < len(ordered) - bucket - 1]
    capped[order[beyond[ordered[beyond] == ordered[beyond + bucket + 1]]]] = True


def _set_bits(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(n,) number of set bits, summed in parallel in fields of 2, 4 and 8 bits (numpy 2 has bitwise_count)."""
    u = np.uint64
    words = words - ((words >> u(1)) & u(0x5555555555555555))
    words = (words & u(0x3333333333333333)) + ((words >> u(2)) & u(0x3333333333333333))
    words = (words + (words >> u(4))) & u(0x0F0F0F0F0F0F0F0F)
    return (words * u(0x0101010101010101)) >> u(56)
