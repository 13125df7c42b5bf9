"""Copies that are known by the face: candidates of the face's hash, each confirmed by the two patterns.

Pairs that only the picture's hash found are looked at as well where it leaves a doubt: two photographs from one tripod
have nearly the same picture, but not the same face.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets.tables import read_batches
from bqat_pipeline.duplicates.faces import HASH_BYTES, bits_apart, candidates
from bqat_pipeline.duplicates.hashes import Bytes, distance, read_hashes
from bqat_pipeline.duplicates.likeness import PATTERN_BYTES, Image, drawn, registered, stored_pattern
from bqat_pipeline.duplicates.pairs import Index, Pairs

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]

# Two pictures are one photograph from this likeness of the faces, or from the lesser one when what is left is noise:
# what a deformation explains of it beyond noise is at most this share of the pattern. Two photographs reach 0.9933 and
# have 0.0011 at least, their changed copies included (benchmarks/copies.py, docs/outliers.md).
COPY, COPY_WITH_NOISE, MOVED = 0.997, 0.983, 0.0006
_OF_NOISE = 0.03  # share of noise that a deformation explains
# The picture's hash is believed up to this many bits; beyond, and with the same face in its place, the face must not be
# less alike than this.
_BELIEVED, _SAME_FACE, _MOVED = 4, 36, 0.97
_DRAWN = 1024  # pictures of patterns that are kept


def one_photograph(first: Image, second: Image, *, mirrored: bool = False) -> tuple[float, bool]:
    """Likeness of two drawn patterns, and whether they are of one photograph."""
    found = registered(first, second, mirrored=mirrored)
    if not COPY_WITH_NOISE <= found.likeness < COPY:
        return found.likeness, found.likeness >= COPY
    return found.likeness, (found.movement(first) - _OF_NOISE) * (1 - found.likeness) <= MOVED


@dataclass(frozen=True)
class Known:
    """Pairs of copies.

    Attributes
    ----------
    pairs : By the picture or by the face, each once; their distance is that of the picture's hash.
    likeness : (m,) of the faces, for pairs that only the face tells; NaN for the others.
    mirrored : (m,) bool, one face is the mirror image of the other.
    """

    pairs: Pairs
    likeness: Numbers
    mirrored: Mask

    def of(self, members: Index, keepers: Index, count: int) -> tuple[Numbers, Mask]:
        """(count,) likeness and (count,) mirrored of each class to its keeper; NaN and False without one."""
        alike, mirrored = np.full(count, np.nan), np.zeros(count, bool)
        low, high = np.minimum(members, keepers), np.maximum(members, keepers)
        order = np.lexsort((self.pairs.second, self.pairs.first))
        keys = self.pairs.first[order] * count + self.pairs.second[order]
        at = order[np.searchsorted(keys, low * count + high)]
        alike[members], mirrored[members] = self.likeness[at], self.mirrored[at]
        return alike, mirrored


def known_by_face(profiles: ds.Dataset, positions: Index, hashes: Bytes, near: Pairs) -> Known:
    """Pairs by the picture and by the face.

    Parameters
    ----------
    profiles : Face profiles.
    positions, hashes : (n,) and (n, 32) of pictures, and hashes of theirs; pairs are entries of these.
    near : Pairs by the picture's hash.
    """
    faces = _Faces(profiles, positions)
    found = candidates(faces.hashes)
    first, second = faces.entry[found.first], faces.entry[found.second]
    low, high = np.minimum(first, second), np.maximum(first, second)
    new = ~np.isin(low * len(positions) + high, near.first * len(positions) + near.second)
    low, high, mirrored = low[new], high[new], found.mirrored[new]
    doubtful = np.flatnonzero((near.distance > _BELIEVED) & faces.alike(near.first, near.second))
    faces.read(np.unique(np.concatenate([low, high, near.first[doubtful], near.second[doubtful]])))
    likenesses, copies = faces.compared(low, high, mirrored)
    moved = faces.compared(near.first[doubtful], near.second[doubtful], np.zeros(len(doubtful), bool))[0] < _MOVED
    kept = np.ones(len(near.first), bool)
    kept[doubtful[moved]] = False
    low, high = low[copies], high[copies]
    pairs = Pairs(
        np.concatenate([near.first[kept], low]),
        np.concatenate([near.second[kept], high]),
        np.concatenate([near.distance[kept], distance(hashes[low], hashes[high])]),
        near.capped + found.capped,
    )
    known = int(kept.sum())
    return Known(
        pairs,
        np.concatenate([np.full(known, np.nan), likenesses[copies]]),
        np.concatenate([np.zeros(known, bool), mirrored[copies]]),
    )


class _Faces:
    """Hashes of the faces of some pictures, and the patterns of those that are looked at closely.

    Attributes
    ----------
    entry : (k,) pictures that have a hash, as entries of ``positions``.
    hashes : (k, 18) theirs.
    """

    def __init__(self, profiles: ds.Dataset, positions: Index) -> None:
        self._profiles, self._positions = profiles, positions
        at, hashes = read_hashes(profiles, "aux_face_hash", profiles.count_rows(), HASH_BYTES)
        order = np.argsort(positions)
        place = np.minimum(np.searchsorted(positions, at, sorter=order), max(len(positions) - 1, 0))
        shown = positions[order[place]] == at if len(positions) else np.zeros(len(at), bool)
        self.entry, self.hashes = order[place[shown]], hashes[shown]
        self._with_hash = np.full(len(positions), -1, np.int64)
        self._with_hash[self.entry] = np.arange(len(self.entry))
        self._alone = _with_one_face(profiles, positions)
        self._read = np.empty(0, np.int64)
        self._patterns = np.empty((0, PATTERN_BYTES), np.int8)
        self._drawn: dict[int, Image] = {}

    def alike(self, first: Index, second: Index) -> Mask:
        """(m,) bool, both have a hash of the same face: the hashes are close, or there is no other face."""
        a, b = self._with_hash[first], self._with_hash[second]
        both = (a >= 0) & (b >= 0)
        close = bits_apart(self.hashes[a[both]], self.hashes[b[both]])[0] <= _SAME_FACE
        both[both] = close | (self._alone[first[both]] & self._alone[second[both]])
        return both

    def read(self, entries: Index) -> None:
        """Read the patterns of pictures (entries, ascending), in one pass over the profiles."""
        self._read, self._patterns = entries, np.zeros((len(entries), PATTERN_BYTES), np.int8)
        if "aux_face_pattern" not in self._profiles.schema.names:
            return
        order = np.argsort(self._positions[entries])
        positions = self._positions[entries][order]
        for start, batch in read_batches(self._profiles, ["aux_face_pattern"]):
            low, high = np.searchsorted(positions, [start, start + batch.num_rows])
            texts = batch.column(0).take(pa.array(positions[low:high] - start)).to_pylist()
            for place, text in zip(order[low:high], texts, strict=True):
                if (stored := stored_pattern(text)) is not None:
                    self._patterns[place] = stored

    def compared(self, first: Index, second: Index, mirrored: Mask) -> tuple[Numbers, Mask]:
        """(m,) likeness of pairs whose patterns were read, 0 without one, and whether they are one photograph."""
        likenesses, copies = np.zeros(len(first)), np.zeros(len(first), bool)
        for n, (a, b, mirror) in enumerate(zip(first.tolist(), second.tolist(), mirrored.tolist(), strict=True)):
            likenesses[n], copies[n] = one_photograph(self._draw(a), self._draw(b), mirrored=mirror)
        return likenesses, copies

    def _draw(self, entry: int) -> Image:
        found = self._drawn.get(entry)
        if found is None:
            if len(self._drawn) >= _DRAWN:
                self._drawn.clear()
            found = self._drawn[entry] = drawn(self._patterns[int(np.searchsorted(self._read, entry))])
        return found


def _with_one_face(profiles: ds.Dataset, positions: Index) -> Mask:
    """(n,) bool, of pictures whether exactly one face was found in them; False where nobody counted."""
    found = np.zeros(len(positions), bool)
    if "aux_face_count" not in profiles.schema.names:
        return found
    order = np.argsort(positions)
    ascending = positions[order]
    for start, batch in read_batches(profiles, ["aux_face_count"]):
        low, high = np.searchsorted(ascending, [start, start + batch.num_rows])
        counts = pc.fill_null(batch.column(0), 0).to_numpy(zero_copy_only=False)
        found[order[low:high]] = counts[ascending[low:high] - start] == 1
    return found
