"""Candidates for copies among millions of hashes of faces, mirror images included.

A bit of `aux_face_hash` is the sign of a cosine coefficient of the face's frame: in the mirror image the bits of odd
horizontal frequencies are inverted, all others stay. Those others are searched, so that one search finds both.

Up to 10,000 faces all pairs are compared. Beyond, the 64 lowest of these bits are cut into eight bands; for each choice
of two bands (three among millions) the keys are sorted and neighbours of equal keys compared by all 144 bits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.duplicates.hashes import Bytes, distance
from bqat_pipeline.duplicates.pairs import BUCKET, Index, neighbours

HASH_BYTES = 18
_FREQUENCIES = 12
_BANDS, _BAND = 8, 8  # bands, bits of each
# Faces up to which all pairs are compared, and two bands are enough for small buckets.
_ALL_PAIRS, _TWO_BANDS = 10_000, 1_000_000
# Bits of 144 in which candidates differ at most, by the number of faces: 98.6 % of the copies differ in at most 30, two
# persons in 28 and more among 130,000 pairs; of more faces more pairs are that close by chance (benchmarks/copies.py).
_LIMITS = ((10_000, 36), (100_000, 30), (1_000_000, 24))
_LEAST = 18
_ROWS = 1_000  # compared with all others at a time

_FREQUENCY = np.arange(_FREQUENCIES**2)
_ODD = _FREQUENCY % _FREQUENCIES % 2 == 1
_MIRROR = np.packbits(_ODD)


@dataclass(frozen=True)
class Candidates:
    """Pairs of faces that may be one photograph.

    Attributes
    ----------
    first, second : (m,) positions, first < second, each pair once.
    mirrored : (m,) bool, closer to the mirror image of the other.
    capped : Faces that were not compared with all others of their bucket.
    """

    first: Index
    second: Index
    mirrored: NDArray[np.bool_]
    capped: int


def candidates(hashes: Bytes) -> Candidates:
    """Pairs of (n, 18) hashes that are close enough for a closer look."""
    limit = next((bits for most, bits in _LIMITS if len(hashes) <= most), _LEAST)
    capped = np.zeros(len(hashes), bool)
    found: list[NDArray[np.int64]] = [np.empty((0, 3), np.int64)]
    for first, second in _all_pairs(hashes, limit) if len(hashes) <= _ALL_PAIRS else _banded(hashes, capped):
        straight, mirrored = bits_apart(hashes[first], hashes[second])
        near = np.minimum(straight, mirrored) <= limit
        low, high = np.minimum(first, second)[near], np.maximum(first, second)[near]
        found.append(np.stack([low, high, (mirrored < straight)[near]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return Candidates(pairs[:, 0], pairs[:, 1], pairs[:, 2] > 0, int(capped.sum()))


def bits_apart(first: Bytes, second: Bytes) -> tuple[Index, Index]:
    """(n,) bits that differ, and bits that differ from the mirror image of the second."""
    return distance(first, second), distance(first, second ^ _MIRROR)


def _all_pairs(hashes: Bytes, limit: int) -> Iterator[tuple[Index, Index]]:
    signs = np.where(np.unpackbits(hashes, axis=1)[:, : _ODD.size], np.float32(1), np.float32(-1))
    even, odd = np.ascontiguousarray(signs[:, ~_ODD]), np.ascontiguousarray(signs[:, _ODD])
    for start in range(0, len(hashes), _ROWS):
        rows = slice(start, start + _ROWS)
        agreeing = even[rows] @ even[start:].T + np.abs(odd[rows] @ odd[start:].T)
        first, second = np.nonzero(agreeing >= _ODD.size - 2 * limit)
        later = second > first
        yield first[later] + start, second[later] + start


def _banded(hashes: Bytes, capped: NDArray[np.bool_]) -> Iterator[tuple[Index, Index]]:
    bits = np.unpackbits(hashes, axis=1)[:, _LOWEST]
    bands = [np.packbits(bits[:, band::_BANDS], axis=1).ravel().astype(np.uint64) for band in range(_BANDS)]
    for chosen in combinations(range(_BANDS), 2 if len(hashes) <= _TWO_BANDS else 3):
        # the chosen bands in front of the others, so that the best candidates in a bucket are close by
        table = np.zeros(len(hashes), np.uint64)
        for band in (*chosen, *(b for b in range(_BANDS) if b not in chosen)):
            table = (table << np.uint64(_BAND)) | bands[band]
        common = np.uint64(((1 << _BAND * len(chosen)) - 1) << (64 - _BAND * len(chosen)))
        order = np.argsort(table)
        yield from neighbours(table[order] & common, order, BUCKET, capped)


# Positions of the lowest frequencies that a mirror image shares, without the mean.
_SHARED = _FREQUENCY[~_ODD & (_FREQUENCY > 0)]
_RADIUS = (_SHARED // _FREQUENCIES) ** 2 + (_SHARED % _FREQUENCIES) ** 2
_LOWEST = _SHARED[np.argsort(_RADIUS, kind="stable")][: _BANDS * _BAND]
