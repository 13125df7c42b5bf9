"""Scorecards: outcomes of a rule set over a data set, counted in one streaming pass."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.requirements.evaluate import NOT_ASSESSED, OVERALL, Codes, evaluate_batch, needed_columns
from bqat_pipeline.requirements.rule_set import Requirement, RuleSet

# Standard normal quantile of a two-sided 95 % interval.
_Z95 = 1.959963984540054
MAX_GROUPS = 1000
_BATCH = 10_000


def wilson(count: int, total: int, z: float = _Z95) -> tuple[float, float] | None:
    """Wilson score interval of the share ``count / total``, 0..1, 95 % by default; None without observations.

    Wilson, E. B. (1927), J. Am. Stat. Assoc. 22, 209-212.
    """
    if total <= 0:
        return None
    share = count / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, slots=True)
class Tally:
    """Outcomes of measured rows; rates are shares of the assessed ones, None when there are none.

    Attributes
    ----------
    passed, borderline, failed, not_assessed : Rows by outcome.
    """

    passed: int
    borderline: int
    failed: int
    not_assessed: int

    @property
    def assessed(self) -> int:
        """Rows that passed, were borderline or failed."""
        return self.passed + self.borderline + self.failed

    @property
    def pass_rate(self) -> float | None:
        """Share of the assessed rows that passed, 0..1."""
        return self.passed / self.assessed if self.assessed else None

    @property
    def fail_rate(self) -> float | None:
        """Share of the assessed rows that failed, 0..1."""
        return self.failed / self.assessed if self.assessed else None

    @property
    def pass_interval(self) -> tuple[float, float] | None:
        """95 % Wilson interval of the pass rate."""
        return wilson(self.passed, self.assessed)

    @property
    def fail_interval(self) -> tuple[float, float] | None:
        """95 % Wilson interval of the fail rate."""
        return wilson(self.failed, self.assessed)

    def to_json(self) -> dict[str, Any]:
        """Counts, rates and intervals as JSON values; rates as fractions."""
        return {
            "pass": self.passed,
            "borderline": self.borderline,
            "fail": self.failed,
            "not_assessed": self.not_assessed,
            "assessed": self.assessed,
            "pass_rate": self.pass_rate,
            "pass_interval": self.pass_interval,
            "fail_rate": self.fail_rate,
            "fail_interval": self.fail_interval,
        }


@dataclass(frozen=True, slots=True)
class GroupScore:
    """Scores of the rows that share a value of the grouping column."""

    group: str
    rows: int
    measured: int
    overall: Tally
    requirements: dict[str, Tally]


@dataclass(frozen=True)
class Scorecard:
    """Outcomes of a rule set over a data set.

    Attributes
    ----------
    rules : The limits.
    rows : All rows.
    measured : Rows that entered the counts (status in ``MEASURED``).
    unmeasured : Other rows by status.
    overall : Verdicts of the measured rows.
    requirements : Requirement name to its tally, in the order of the rule set.
    group_by : Grouping column, or None.
    groups : Scores by group, the one with most rows first; rows without a value are in the group ``""``.
    ungrouped : Rows of groups beyond the first ``MAX_GROUPS``.
    """

    rules: RuleSet
    rows: int
    measured: int
    unmeasured: dict[str, int]
    overall: Tally
    requirements: dict[str, Tally]
    group_by: str | None = None
    groups: tuple[GroupScore, ...] = ()
    ungrouped: int = 0

    def to_json(self) -> dict[str, Any]:
        """The scorecard as JSON values, without NaN; rates as fractions."""
        return {
            "profile": {
                "name": self.rules.name,
                "title": self.rules.title,
                "version": self.rules.version,
                "digest": self.rules.digest,
                "not_covered": list(self.rules.not_covered),
            },
            "rows": self.rows,
            "measured": self.measured,
            "unmeasured": self.unmeasured,
            "overall": self.overall.to_json(),
            "requirements": [_describe(r) | self.requirements[r.name].to_json() for r in self.rules.requirements],
            "group_by": self.group_by,
            "groups": [
                {
                    "group": g.group,
                    "rows": g.rows,
                    "measured": g.measured,
                    "overall": g.overall.to_json(),
                    "requirements": {name: tally.to_json() for name, tally in g.requirements.items()},
                }
                for g in self.groups
            ],
            "ungrouped": self.ungrouped,
        }


def _describe(requirement: Requirement) -> dict[str, Any]:
    fields = ("name", "title", "quantity", "min", "max", "band", "severity", "source", "certainty")
    return {name: getattr(requirement, name) for name in fields} | {
        "unit": requirement.measured.unit,
        "limit": requirement.limit,
    }


def _tally(counts: NDArray[np.int64]) -> Tally:
    return Tally(*(int(n) for n in counts))


@dataclass
class _Counts:
    size: int
    rows: int = 0
    measured: int = 0
    # (requirements + overall, outcomes)
    table: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.table = np.zeros((self.size, 4), np.int64)


class ScorecardCounter:
    """Counts outcomes batch by batch, for callers that compute several aggregates in one pass over the profiles.

    Parameters
    ----------
    rules : The limits.
    group_by : Column of the batches to group by, or None.
    max_groups : Groups kept, in order of appearance; rows of further ones are counted as ``ungrouped``, so that
        memory does not grow with the data set.
    """

    def __init__(self, rules: RuleSet, group_by: str | None = None, max_groups: int = MAX_GROUPS) -> None:
        self.rules = rules
        self.group_by = group_by
        self.max_groups = max_groups
        self._names = [*(r.name for r in rules.requirements), OVERALL]
        self._total = _Counts(len(self._names))
        self._unmeasured: Counter[str] = Counter()
        self._groups: dict[str, _Counts] = {}
        self._ungrouped = 0

    def columns(self, available: Iterable[str]) -> list[str]:
        """The columns among those available that ``add`` reads."""
        names = list(available)
        needed = needed_columns(self.rules, names)
        if self.group_by and self.group_by in names and self.group_by not in needed:
            needed.append(self.group_by)
        return needed

    def add(
        self, batch: pa.RecordBatch, codes: Mapping[str, Codes] | None = None, groups: pa.Array | None = None
    ) -> None:
        """Count a batch of face profiles.

        Parameters
        ----------
        codes : Result of ``evaluate_batch`` for this batch, when it was computed before.
        groups : (n,) group of each row, where ``group_by`` is no column of the profiles; it may be called like one.
        """
        codes = evaluate_batch(self.rules, batch) if codes is None else codes
        measured = self._measured(batch)
        stacked = np.stack([codes[name] for name in self._names]).astype(np.int64)
        self._count(self._total, stacked, measured)
        if groups is None and self.group_by and self.group_by in batch.schema.names:
            groups = batch.column(self.group_by)
        if groups is not None:
            self._add_groups(groups, stacked, measured)

    def result(self) -> Scorecard:
        """The scorecard of all batches so far."""
        groups = sorted(self._groups.items(), key=lambda item: (-item[1].rows, item[0]))
        return Scorecard(
            rules=self.rules,
            rows=self._total.rows,
            measured=self._total.measured,
            unmeasured=dict(sorted(self._unmeasured.items())),
            overall=_tally(self._total.table[-1]),
            requirements=self._tallies(self._total),
            group_by=self.group_by,
            groups=tuple(
                GroupScore(name, c.rows, c.measured, _tally(c.table[-1]), self._tallies(c)) for name, c in groups
            ),
            ungrouped=self._ungrouped,
        )

    def _tallies(self, counts: _Counts) -> dict[str, Tally]:
        return {name: _tally(row) for name, row in zip(self._names[:-1], counts.table, strict=False)}

    def _measured(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        if "status" not in batch.schema.names:
            return np.ones(batch.num_rows, bool)
        for entry in pc.value_counts(batch.column("status")):
            if entry["values"].as_py() not in MEASURED:
                self._unmeasured[entry["values"].as_py() or ""] += entry["counts"].as_py()
        return pc.is_in(batch.column("status"), value_set=pa.array(MEASURED)).to_numpy(zero_copy_only=False)

    @staticmethod
    def _count(counts: _Counts, codes: NDArray[np.int64], measured: NDArray[np.bool_]) -> None:
        counts.rows += measured.size
        counts.measured += int(measured.sum())
        for position, row in enumerate(codes):
            counts.table[position] += np.bincount(row[measured], minlength=NOT_ASSESSED + 1)

    def _add_groups(self, column: pa.Array, codes: NDArray[np.int64], measured: NDArray[np.bool_]) -> None:
        names: Any = pc.fill_null(pc.cast(column, pa.string()), pa.scalar(""))
        encoded = names.dictionary_encode()
        index = encoded.indices.to_numpy(zero_copy_only=False)
        order = np.argsort(index, kind="stable")
        borders = np.searchsorted(index[order], np.arange(len(encoded.dictionary) + 1))
        for position, name in enumerate(encoded.dictionary.to_pylist()):
            rows = order[borders[position] : borders[position + 1]]
            counts = self._groups.get(name)
            if counts is None:
                if len(self._groups) >= self.max_groups:
                    self._ungrouped += rows.size
                    continue
                counts = self._groups[name] = _Counts(len(self._names))
            self._count(counts, codes[:, rows], measured[rows])


def scorecard(rules: RuleSet, profiles: "ds.Dataset", group_by: str | None = None) -> Scorecard:
    """The scorecard of a data set, in one streaming pass with bounded memory.

    Parameters
    ----------
    rules : The limits.
    profiles : Face profiles (`DatasetStore.profiles`).
    group_by : Column to group by, for example ``folder``; None for no groups.

    Raises
    ------
    KeyError : when the profiles have no column ``group_by``.
    """
    if group_by is not None and group_by not in profiles.schema.names:
        raise KeyError(f"the face profiles have no column {group_by!r} to group by")
    counter = ScorecardCounter(rules, group_by)
    columns = counter.columns(profiles.schema.names)
    for batch in profiles.to_batches(columns=columns, batch_size=_BATCH, batch_readahead=2, fragment_readahead=1):
        counter.add(batch)
    return counter.result()
