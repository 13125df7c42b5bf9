"""Which of several copies to keep: not an enlarged one, the best verdict, the most detail, the earliest; in words.

The number of px says nothing: an enlarged copy has more of them and no more detail. A face's detail is the eye distance
that it would need (`aux_effective_eye_distance`), without a face it is the edges of the picture (`sharpness`, px).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets.tables import read_batches

Index = NDArray[np.int64]
Numbers = NDArray[np.float64]

_VERDICTS = {"pass": 3, "borderline": 2, "not_assessed": 1, "fail": 0}
_VERDICT_WORDS = {3: "pass", 2: "borderline", 1: "not assessed", 0: "fail", -1: "no face measured"}
# Utilities (0..100) and details that differ by less are alike: copies of one photograph that were turned or saved again
# differ by some points already, and the earliest of them is the better one to keep.
_UTILITY_STEP, _DETAIL_STEP = 10.0, 1.1
# So much larger, in eye distance, and less than so much more detail: enlarged. Interpolation to double size looks like
# 15 % more detail in the median; a picture that really has double the size shows up to double the detail.
_ENLARGED, _GAIN = 1.3, 1.3
# Edges per face fall when a picture is enlarged (to double size: to 0.78 and less in 95 %), and grow with real size
# (against half the size: to 1.07 and more in 95 %).
_EDGE_GAIN = 0.9
# Sharpening and noise give edges to a reduced copy. What is so much less blurred, against its eye distance, and shows
# so much more detail than every such copy is none of their enlargements (of 65 portraits enlarged to double size 1 is
# as sharp; of those beside a sharpened or noisy copy of half the size 54 to 74 % are kept, without this 28 to 60).
_SHARPER, _SHARPER_GAIN = 0.7, 1.5
# Copies that one is compared with, for what needs each of them: more say nothing new, and time grows with their number.
MOST_COMPARED = 1000
# The variance of linear luminance to this power is in proportion to the contrast as stored (gamma 2.2).
_CONTRAST = 1 / 4.4
# Below this JPEG quality blocks look like detail; the detail counts in proportion.
_LEAST_QUALITY = 50.0
_MOST_MODIFIED = np.iinfo(np.int64).max
_COLUMNS = (
    *("verdict", "aux_utility", "aux_eye_distance", "aux_effective_eye_distance", "aux_jpeg_quality"),
    *("image_width", "image_height", "aux_decode_reduction", "sharpness", "captured_at", "modified"),
    *("iso_luminance_variance", "aux_blur"),
)
# Criteria in order, as a rank's columns; the last one is the place in the data set.
_ENLARGEMENT, _VERDICT, _UTILITY, _DETAIL, _ORIGIN, _TIME, _PLACE = range(7)


@dataclass(frozen=True)
class CopyFacts:
    """What the choice goes by, for n rows of the data set.

    Attributes
    ----------
    position : (n,) positions in the data set, ascending.
    verdict : (n,) 3 pass, 2 borderline, 1 not assessed, 0 fail, -1 no verdict, since no face was measured.
    utility, eye_distance, face_detail, face_edges, edges, pixels : (n,) 0..100, px, px, spread of the edges times px
        apart that the eyes are, square root of the summed squares of edges, number of px; NaN where unknown. The spread
        is divided by the contrast of the face: a copy made darker or paler has not become an enlarged one.
    blur : (n,) width of the blur, in percent of the eye distance; NaN where unknown.
    recorded : (n,) bool, the file has kept when it was taken.
    modified : (n,) microseconds since 1970, the largest number where unknown.
    """

    position: Index
    verdict: Index
    utility: Numbers
    eye_distance: Numbers
    face_detail: Numbers
    face_edges: Numbers
    edges: Numbers
    pixels: Numbers
    blur: Numbers
    recorded: NDArray[np.bool_]
    modified: Index


def read_facts(profiles: ds.Dataset, positions: Index) -> CopyFacts:
    """Facts of the rows at ascending positions, in one pass over the profiles."""
    n = len(positions)
    numbers = {name: np.full(n, np.nan) for name in _COLUMNS}
    verdict, measured = np.ones(n, np.int64), np.ones(n, bool)
    recorded, modified = np.zeros(n, bool), np.full(n, _MOST_MODIFIED)
    for first, batch in read_batches(profiles, ["status", *_COLUMNS]):
        low, high = np.searchsorted(positions, [first, first + batch.num_rows])
        if low == high:
            continue
        rows = batch.take(pa.array(positions[low:high] - first))
        for name in rows.schema.names:
            column, kind = rows.column(name), rows.column(name).type
            if name == "verdict":
                verdict[low:high] = [_VERDICTS.get(word or "", 1) for word in column.to_pylist()]
            elif name == "status":
                measured[low:high] = pc.is_in(column, value_set=pa.array(MEASURED)).to_numpy(zero_copy_only=False)
            elif name == "captured_at":
                recorded[low:high] = pc.is_valid(column).to_numpy(zero_copy_only=False)
            elif name == "modified" and pa.types.is_timestamp(kind):
                times = pc.cast(pc.cast(column, pa.timestamp("us", kind.tz), safe=False), pa.int64())
                modified[low:high] = pc.fill_null(times, pa.scalar(_MOST_MODIFIED)).to_numpy(zero_copy_only=False)
            elif name in numbers and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                numbers[name][low:high] = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    fair = np.minimum(1.0, np.nan_to_num(numbers["aux_jpeg_quality"], nan=100.0) / _LEAST_QUALITY)
    reduction = np.maximum(np.nan_to_num(numbers["aux_decode_reduction"], nan=1.0), 1.0)
    pixels = numbers["image_width"] * numbers["image_height"]
    variance = numbers["iso_luminance_variance"]
    contrast = np.where(variance > 0, variance, 1.0) ** _CONTRAST
    edges = np.sqrt(numbers["sharpness"])
    return CopyFacts(
        positions,
        np.where(measured, verdict, -1),  # the verdict of a row without a measured face is `not_assessed` as well
        numbers["aux_utility"],
        numbers["aux_eye_distance"],
        numbers["aux_effective_eye_distance"] * fair,
        edges / contrast * numbers["aux_eye_distance"] / reduction * fair,
        edges * np.sqrt(pixels) * fair,
        pixels,
        numbers["aux_blur"],
        recorded,
        modified,
    )


@dataclass(frozen=True)
class Preference:
    """Order of preference within each set of copies.

    Attributes
    ----------
    facts : What it rests on.
    classes : (n, 7) of each row by criterion, smaller is better; comparable within a set of copies only.
    rank : (n,) order of preference, smaller is better, all different.
    """

    facts: CopyFacts
    classes: NDArray[np.int64]
    rank: Index

    def among(self, kept: NDArray[np.bool_]) -> "Preference":
        """The same of some of the rows; ``kept`` is (n,) bool."""
        facts = CopyFacts(*(getattr(self.facts, field.name)[kept] for field in fields(self.facts)))
        return Preference(facts, self.classes[kept], self.rank[kept])

    def why_kept(self, keeper: int, others: Sequence[int] | Index) -> str:
        """Why a copy is suggested among others, in words; rows are entries here."""
        against = self.classes[np.asarray(others, np.int64)]
        for sure, criterion in product((True, False), range(_PLACE)):
            worse = np.asarray(others)[against[:, criterion] > self.classes[keeper, criterion]]
            if sure:
                worse = np.array([row for row in worse.tolist() if self._clearly(criterion, keeper, row)], np.int64)
            if worse.size:
                return f"Suggested to keep: {self._advantage(criterion, keeper, int(worse[0]))}."
        return "Suggested to keep: it is the first of equal copies."

    def why_not(self, member: int, keeper: int) -> str:
        """What speaks for the keeper against a copy, after a colon; empty where nothing does but the order."""
        differ = np.flatnonzero(self.classes[member, :_PLACE] > self.classes[keeper, :_PLACE])
        clear = [n for n in differ.tolist() if self._clearly(n, keeper, member)]
        return self._drawback((clear or differ.tolist())[0], member, keeper) if differ.size else ""

    def _clearly(self, criterion: int, better: int, worse: int) -> bool:
        """Whether two rows of different classes are a step apart; 42 and 41 px, on two sides of a bound, are not."""
        facts = self.facts
        if criterion == _ENLARGEMENT:
            return self._clearly_larger(worse, better)
        if criterion == _UTILITY:
            return not facts.utility[better] - facts.utility[worse] < _UTILITY_STEP
        return criterion != _DETAIL or not facts.face_detail[better] < _DETAIL_STEP * facts.face_detail[worse]

    def _advantage(self, criterion: int, keeper: int, other: int) -> str:
        facts = self.facts
        if criterion == _ENLARGEMENT and not self._clearly_larger(other, keeper):
            return "another copy shows no more detail than a smaller one"
        if criterion == _ENLARGEMENT:
            return "it is not enlarged; a larger copy shows no more detail"
        if criterion == _VERDICT:
            words = _VERDICT_WORDS[int(facts.verdict[keeper])], _VERDICT_WORDS[int(facts.verdict[other])]
            return f"it has the best verdict ({words[0]}, another {words[1]})"
        if criterion == _UTILITY:
            return (
                f"it serves recognition best ({facts.utility[keeper]:.0f}, another {facts.utility[other]:.0f} of 100)"
            )
        if criterion == _DETAIL:
            return f"it shows the most detail{self._details(keeper, other, 'another')}"
        return "its file still says when it was taken" if criterion == _ORIGIN else "it is the earliest file"

    def _drawback(self, criterion: int, member: int, keeper: int) -> str:
        if criterion == _ENLARGEMENT and not self._clearly_larger(member, keeper):
            return "no more detail than in a smaller copy"
        if criterion == _DETAIL:
            return f"less detail{self._details(member, keeper, 'the suggested one')}"
        return {
            _ENLARGEMENT: "enlarged, without more detail",
            _VERDICT: "a worse verdict",
            _UTILITY: "of less use for recognition",
            _ORIGIN: "without the time when it was taken",
            _TIME: "a later file",
        }[criterion]

    def _clearly_larger(self, first: int, second: int) -> bool:
        both = [first, second]
        size = self.facts.eye_distance[both]
        if not np.isfinite(size).all():
            size = np.sqrt(self.facts.pixels[both])
        return bool(size[0] >= _ENLARGED * size[1])

    def _details(self, first: int, second: int, other: str) -> str:
        one, two = self.facts.face_detail[first], self.facts.face_detail[second]
        known = np.isfinite(one) and np.isfinite(two)
        return f" ({one:.0f} px between the eyes, {other} {two:.0f})" if known else ""


def prefer(facts: CopyFacts, sets: Index) -> Preference:
    """The order of preference.

    Parameters
    ----------
    facts : Of n rows.
    sets : (n,) number of the set of copies that each row belongs to, from 0; rows are compared within their set.
    """
    n = len(facts.position)
    count = int(sets.max(initial=-1)) + 1
    by_face, by_edges = np.zeros(count, bool), np.zeros(count, bool)
    np.logical_or.at(by_face, sets, np.isfinite(facts.face_detail))
    np.logical_or.at(by_edges, sets, np.isfinite(facts.edges))
    size = np.where(by_face[sets], facts.eye_distance, np.sqrt(facts.pixels))
    # of engines that measure no detail the number of px is all there is
    detail = np.where(by_face[sets], facts.face_detail, np.where(by_edges[sets], facts.edges, size))
    classes = np.zeros((n, 7), np.int64)
    fewer_edges = _enlarged(np.where(by_face[sets], facts.face_edges, np.nan), size, sets, _EDGE_GAIN)
    enlarged = _enlarged(detail, size, sets, _GAIN) | (fewer_edges & ~_sharper(facts, sets, fewer_edges))
    classes[:, _ENLARGEMENT] = enlarged & ~_only_recorded(facts.recorded, sets, count)
    classes[:, _VERDICT] = -facts.verdict
    classes[:, _UTILITY] = _below_best(facts.utility, sets, count) // _UTILITY_STEP
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(detail > 0, np.log(detail), np.nan)
    classes[:, _DETAIL] = _below_best(logarithm, sets, count) // np.log(_DETAIL_STEP)
    classes[:, _ORIGIN] = ~facts.recorded
    classes[:, _TIME] = facts.modified
    classes[:, _PLACE] = facts.position
    order = np.lexsort(classes.T[::-1])
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    return Preference(facts, classes, rank)


def _below_best(values: Numbers, sets: Index, count: int) -> Numbers:
    """(n,) how far each value is below the largest of its set; where there is none, further than any other."""
    best = np.full(count, -np.inf)
    np.maximum.at(best, sets, np.where(np.isfinite(values), values, -np.inf))
    below = best[sets] - values
    # all unknown: alike
    return np.where(np.isfinite(best[sets]), np.where(np.isfinite(below), below, 1e6), 0.0)


def _enlarged(detail: Numbers, size: Numbers, sets: Index, gain: float) -> NDArray[np.bool_]:
    """(n,) bool: it shows at most so many times the detail of a clearly smaller one of the set."""
    found = np.zeros(len(sets), bool)
    order = np.lexsort((size, sets))
    known = order[np.isfinite(detail[order]) & np.isfinite(size[order])]
    for rows in np.split(known, np.flatnonzero(np.diff(sets[known])) + 1):
        if len(rows) < 2:
            continue
        most = np.maximum.accumulate(detail[rows])
        smaller = np.searchsorted(size[rows], size[rows] / _ENLARGED, "right")  # the first ones are clearly smaller
        found[rows] = (smaller > 0) & (detail[rows] <= gain * most[np.maximum(smaller, 1) - 1])
    return found


def _sharper(facts: CopyFacts, sets: Index, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) bool, of those asked: less blurred, with more detail, than each that it might be an enlargement of.

    Those are the clearly smaller ones of the set with more edges in the face; of a large set those with the most.
    """
    found = np.zeros(len(sets), bool)
    order = np.lexsort((-facts.face_edges, sets))
    starts = np.searchsorted(sets[order], np.arange(int(sets.max(initial=-1)) + 2))
    ends = np.minimum(starts[1:], starts[:-1] + MOST_COMPARED)
    for row in np.flatnonzero(asked & np.isfinite(facts.blur)).tolist():
        others = order[starts[sets[row]] : ends[sets[row]]]
        smaller = facts.eye_distance[others] <= facts.eye_distance[row] / _ENLARGED
        source = others[smaller & (facts.face_edges[row] <= _EDGE_GAIN * facts.face_edges[others])]
        # of small faces the detail is not known
        less = np.isnan(facts.face_detail[source])
        less |= facts.face_detail[row] >= _SHARPER_GAIN * facts.face_detail[source]
        found[row] = bool((less & (facts.blur[row] <= _SHARPER * facts.blur[source])).all())
    return found


def _only_recorded(recorded: NDArray[np.bool_], sets: Index, count: int) -> NDArray[np.bool_]:
    """(n,) bool: this file says when it was taken, others of its set do not: a soft original, and no enlarged copy."""
    lacking = np.zeros(count, bool)
    np.logical_or.at(lacking, sets, ~recorded)
    return recorded & lacking[sets]
