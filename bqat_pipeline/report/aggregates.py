"""Everything a report counts, from one streaming pass over the profiles; memory does not depend on their number."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets.tables import read_batches
from bqat_pipeline.report.measures import Measure, numbers
from bqat_pipeline.report.sketch import Floats, Sketch
from bqat_pipeline.requirements import OUTCOMES, OVERALL, RuleSet, Scorecard, ScorecardCounter, evaluate_batch
from bqat_pipeline.requirements.quantities import stand_in
from bqat_pipeline.requirements.shortfall import Shortfall, ShortfallCounter
from bqat_pipeline.requirements.side_by_side import SideBySide, Standing


class Ranking:
    """Rows with the k largest keys; equal keys are ordered by row, so the result does not depend on batches.

    Parameters
    ----------
    size : k.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._keys = np.empty(0, np.float64)
        self._rows = np.empty(0, np.int64)

    def add(self, keys: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> None:
        """Count a batch; rows whose key is NaN are ignored.

        Parameters
        ----------
        keys : (n,) float64, larger ranks higher.
        rows : (n,) int64.
        """
        usable = ~np.isnan(keys)
        if self._keys.size == self._size and self._size:
            usable &= keys >= self._keys[-1]
        if not self._size or not usable.any():
            return
        keys = np.concatenate([self._keys, keys[usable]])
        rows = np.concatenate([self._rows, rows[usable]])
        order = np.lexsort((rows, -keys))[: self._size]
        self._keys, self._rows = keys[order], rows[order]

    @property
    def rows(self) -> list[int]:
        """Rows, largest key first."""
        return [int(row) for row in self._rows]


_MAX_REASONS = 200  # different (status, reason_code) pairs; the engine has about 30
_FAIL = OUTCOMES.index("fail")
_BORDERLINE = OUTCOMES.index("borderline")

Rows = dict[int, dict[str, Any]]
Codes = dict[str, np.ndarray[tuple[int], np.dtype[np.int8]]]
Visitor = Callable[[pa.RecordBatch, Codes], None]


@dataclass
class Aggregates:
    """What one pass over the profiles of a data set found.

    Attributes
    ----------
    rows : All rows.
    scorecard : Against the rule set, grouped by folder.
    by_metadata : Scorecards grouped by a column of the metadata CSV.
    sketches : Measure name to its distribution over measured rows.
    scores : Measure name to the distribution of its 0..100 component value.
    reasons : Rows by (status, reason_code), other than `ok`.
    reason_sentences : The first sentence seen for each of them.
    reason_rows : First rows of each of them.
    worst : Rows that miss most requirements, worst first.
    worst_of : Measure name to its worst rows.
    kept_rows : The face profiles of all rows named here, and of those that were asked for.
    shortfall, rule_sets : What would pass, and other rule sets' verdicts; where they were asked for.
    """

    scorecard: Scorecard
    by_metadata: list[Scorecard] = field(default_factory=list)
    sketches: dict[str, Sketch] = field(default_factory=dict)
    scores: dict[str, Sketch] = field(default_factory=dict)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    reason_sentences: dict[tuple[str, str], str] = field(default_factory=dict)
    reason_rows: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    worst: list[int] = field(default_factory=list)
    worst_of: dict[str, list[int]] = field(default_factory=dict)
    kept_rows: Rows = field(default_factory=dict)
    shortfall: Shortfall | None = None
    rule_sets: list[Standing] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self.scorecard.rows


def stream(profiles: "ds.Dataset", columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of a table in its order, with the named columns that it has; memory stays bounded."""
    return (batch for _, batch in read_batches(profiles, columns) if batch.num_rows)


def aggregate(
    profiles: "ds.Dataset",
    measures: Sequence[Measure],
    rules: RuleSet,
    *,
    worst: int = 0,
    worst_per_measure: int = 0,
    reason_examples: int = 5,
    metadata: "Callable[[pa.RecordBatch], dict[str, pa.Array]] | None" = None,
    metadata_columns: Sequence[str] = (),
    visit: Visitor | None = None,
    extra_columns: Sequence[str] = (),
    keep: Collection[int] = (),
    advise: bool = False,
) -> Aggregates:
    """Count everything in one pass.

    Parameters
    ----------
    profiles : Face profiles.
    measures : Distributions to take.
    rules : Limits.
    worst, worst_per_measure : How many rows to keep, overall and for each measure.
    reason_examples : First rows to keep for each reason.
    metadata : Gives the values of ``metadata_columns`` for the files of a batch.
    visit : Called with each batch and its outcome codes, for lists that are written along the way.
    extra_columns : Further columns that ``visit`` needs, or that kept rows shall have.
    keep : Rows to keep in any case.
    advise : Count also what would make more pictures pass, and how other rule sets judge them.
    """
    folders = ScorecardCounter(rules, "folder")
    counters = [ScorecardCounter(rules, name) for name in metadata_columns]
    advisers = (ShortfallCounter(rules), SideBySide(rules)) if advise else ()
    ranking = Ranking(worst)
    rankings = {m.name: Ranking(worst_per_measure) for m in measures}
    result = Aggregates(folders.result())
    result.sketches = {m.name: Sketch() for m in measures}
    result.scores = {m.name: Sketch() for m in measures if m.score}
    numeric = list(dict.fromkeys(name for m in measures for name in m.columns))
    sources = [stand_in(name) or name for name in numeric if name not in profiles.schema.names]
    wanted = [
        "row",
        "status",
        "reason_code",
        "reason",
        "file",
        *folders.columns(profiles.schema.names),
        *numeric,
        *sources,
        *(name for adviser in advisers for name in adviser.columns(profiles.schema.names)),
    ]
    for batch in stream(profiles, [*wanted, *extra_columns]):
        codes = evaluate_batch(rules, batch)
        folders.add(batch, codes)
        for adviser in advisers:
            adviser.add(batch, codes)
        if metadata is not None and counters:
            joined = metadata(batch)
            for counter in counters:
                counter.add(batch, codes, joined[str(counter.group_by)])
        _reasons(result, batch, reason_examples)
        _distributions(result, measures, batch, numeric, codes, ranking, rankings)
        _keep_rows(
            result.kept_rows, batch, [keep, ranking.rows, *(r.rows for r in rankings.values())], result.reason_rows
        )
        if visit is not None:
            visit(batch, codes)
    if advisers:
        result.shortfall, result.rule_sets = advisers[0].result(), advisers[1].result()
    result.scorecard = folders.result()
    result.by_metadata = [counter.result() for counter in counters]
    result.worst = ranking.rows
    result.worst_of = {name: r.rows for name, r in rankings.items()}
    return result


def _keep_rows(
    kept: Rows, batch: pa.RecordBatch, wanted: list[Collection[int]], examples: dict[Any, list[int]]
) -> None:
    """Keep the rows that are still wanted after this batch, and let go of the others."""
    named = set().union(*wanted, *examples.values())
    for row in kept.keys() - named:
        del kept[row]
    numbers_of = batch.column("row").to_numpy()
    first, last = int(numbers_of[0]), int(numbers_of[-1])
    here = [row for row in named if first <= row <= last and row not in kept]
    index = np.flatnonzero(np.isin(numbers_of, here))
    for row in batch.take(pa.array(index)).to_pylist():
        kept[row["row"]] = row


def _distributions(
    result: Aggregates,
    measures: Sequence[Measure],
    batch: pa.RecordBatch,
    numeric: Sequence[str],
    codes: Codes,
    ranking: Ranking,
    rankings: dict[str, Ranking],
) -> None:
    measured = pc.is_in(batch.column("status"), value_set=pa.array(MEASURED)).to_numpy(zero_copy_only=False)
    rows = batch.column("row").to_numpy()[measured]
    columns = {name: values[measured] for name, values in numbers(batch, numeric).items()}
    for measure in measures:
        values = measure.values(columns)
        result.sketches[measure.name].add(values)
        if measure.score:
            result.scores[measure.name].add(columns[measure.score])
        bad = measure.badness(values)
        if bad is not None:
            rankings[measure.name].add(bad, rows)
    scores = [columns[m.score] for m in measures if m.score and not m.follows_skin_tone]
    ranking.add(_overall_badness(codes, measured, scores), rows)


def _overall_badness(codes: Codes, measured: np.ndarray, scores: list[Floats]) -> Floats:
    """Number of missed requirements, then of borderline ones, then the mean component value; NaN for no fault."""
    outcomes = np.stack([code[measured] for name, code in codes.items() if name != OVERALL])
    failed = (outcomes == _FAIL).sum(axis=0).astype(np.float64)
    borderline = (outcomes == _BORDERLINE).sum(axis=0)
    overall = codes[OVERALL][measured]
    key = 1000.0 * (overall == _FAIL) + 10.0 * failed + 0.1 * borderline
    if scores:
        table = np.stack(scores)
        present = np.maximum((~np.isnan(table)).sum(axis=0), 1)
        key += 0.09 * (1 - np.nan_to_num(table).sum(axis=0) / present / 100)
    key[(failed == 0) & (borderline == 0)] = np.nan
    return key


def _reasons(result: Aggregates, batch: pa.RecordBatch, examples: int) -> None:
    odd = batch.filter(pc.not_equal(batch.column("status"), "ok"))
    if not odd.num_rows:
        return
    columns = {name: odd.column(name).to_pylist() for name in ("row", "status", "reason_code", "reason")}
    for row, status, code, sentence in zip(*columns.values(), strict=True):
        key = (status or "", code or "")
        if key not in result.reasons and len(result.reasons) >= _MAX_REASONS:
            key = (status or "", "other")
        result.reasons[key] += 1
        if sentence:
            result.reason_sentences.setdefault(key, sentence)
        first = result.reason_rows.setdefault(key, [])
        if len(first) < examples:
            first.append(row)
