"""Facets: how many pictures have each value, under every filter but the facet's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.columns import ALL_COLUMNS, STATUS_TITLES
from bqat_pipeline.datasets.conditions import Condition, QueryError
from bqat_pipeline.datasets.operators import Mask
from bqat_pipeline.requirements import OUTCOMES
from bqat_pipeline.review.filters import DECISION_NAMES
from bqat_pipeline.review.findings import NOT_COMPARED
from bqat_pipeline.review.histograms import MOST_HISTOGRAMS, Histogram, default_histograms, histogram
from bqat_pipeline.review.judging import FAIL
from bqat_pipeline.review.metadata import PREFIX
from bqat_pipeline.review.table import Decided, ReviewTable

# Values of a facet that are named; the rest is counted as one.
MOST_VALUES = 50
_TITLES = {
    "undecided": "Undecided",
    "keep": "Keep",
    "reject": "Reject",
    "unsure": "Unsure",
    "pass": "Pass",
    "borderline": "Borderline",
    "fail": "Fail",
    "not_assessed": "Not assessed",
}


@dataclass(frozen=True)
class FacetValue:
    """One value.

    Attributes
    ----------
    value : As a filter names it; None: all values that are not named.
    title : For people.
    count : Pictures that have it, under every filter but the facet's own.
    clause, severity : Of requirements.
    """

    value: str | None
    title: str
    count: int
    clause: str | None = None
    severity: str | None = None


@dataclass(frozen=True)
class Facet:
    """A column that pictures can be chosen by.

    Attributes
    ----------
    name : As filters name it.
    title : For people.
    """

    name: str
    title: str
    values: list[FacetValue]


@dataclass(frozen=True)
class Counts:
    """What there is to choose from.

    Attributes
    ----------
    matching : Pictures that meet all filters.
    """

    matching: int
    facets: list[Facet]
    histograms: list[Histogram]


def count_all(
    table: ReviewTable, conditions: Sequence[Condition], decided: Decided, histograms: Sequence[str] | None = None
) -> Counts:
    """Facets and histograms under filters.

    Parameters
    ----------
    histograms : Measures to draw; None: those of the rule set.

    Raises
    ------
    QueryError : for a histogram of what is no measure, or for too many.
    """
    names = default_histograms(table) if histograms is None else list(dict.fromkeys(histograms))
    if len(names) > MOST_HISTOGRAMS:
        raise QueryError(f"{len(names)} histograms; the limit is {MOST_HISTOGRAMS}")
    for name in names:
        if not table.is_measure(name):
            raise QueryError(f"there is no measure {name[:100]!r} to draw")
    under = _Under(table, conditions, decided)
    return Counts(
        under.matching,
        under.facets(),
        [histogram(table, name, under.but(name)) for name in names],
    )


class _Under:
    """Counts under filters; each mask is computed once."""

    def __init__(self, table: ReviewTable, conditions: Sequence[Condition], decided: Decided) -> None:
        self.table, self.conditions, self.decided = table, conditions, decided

    @cached_property
    def whole(self) -> Mask:
        """(n,) bool, rows that meet all conditions."""
        return self.table.mask(self.conditions, self.decided)

    @cached_property
    def matching(self) -> int:
        """Rows that meet all conditions."""
        return int(np.count_nonzero(self.whole))

    def but(self, column: str) -> Mask:
        """(n,) bool, rows that meet all conditions on other columns."""
        others = [condition for condition in self.conditions if condition.column != column]
        return self.whole if len(others) == len(self.conditions) else self.table.mask(others, self.decided)

    def facets(self) -> list[Facet]:
        """All facets, in the order of the page."""
        columns, findings = self.table.columns, self.table.findings
        found = [
            Facet("decision", "Decision", self._words("decision", DECISION_NAMES, self.decided.codes)),
            Facet("verdict", "Verdict", self._words("verdict", OUTCOMES, self.table.judgement.verdict)),
            Facet("status", "Status", self._words("status", columns.statuses, columns.status, STATUS_TITLES)),
            Facet("failed", "Failed requirement", self._failed()),
        ]
        if findings.outlier is not None:
            titles = ("Ordinary", "Unusual")
            found.append(Facet("outlier", "Unusual", self._flags("outlier", findings.outlier, titles)))
        if findings.group is not None:
            titles = ("Single", "Has copies")
            found.append(Facet("duplicate", "Copies", self._flags("duplicate", findings.group >= 0, titles)))
        if findings.person is not None:
            titles = ("In no pair", "May show one person")
            flags = self._flags("identity", findings.person >= 0, titles, findings.not_compared)
            found.append(Facet("identity", "May show one person", flags))
            if findings.not_compared is not None:
                words = self._words("not_compared", tuple(NOT_COMPARED), findings.not_compared, NOT_COMPARED)
                found.append(Facet("not_compared", "Not compared", [word for word in words[1:] if word.count]))
            found.append(
                Facet("identity_group", "Group of one person", self._groups("identity_group", findings.person))
            )
        tops = columns.folders.tops
        if len(tops) > 1:
            shown = {name: name or "(top folder)" for name in tops}
            found.append(Facet("folder", "Folder", self._frequent("folder", tops, columns.folders.top_codes, shown)))
        for name, column in columns.facts.items():
            shown = {"": "(not recorded)"}
            values = self._frequent(name, column.words, column.codes, shown)
            found.append(Facet(name, ALL_COLUMNS[name].title, values))
        for name, column in self.table.metadata.items():
            values = self._frequent(PREFIX + name, column.words, column.codes, {})
            found.append(Facet(PREFIX + name, name, values))
        return found

    def _words(
        self, name: str, words: Sequence[str], codes: NDArray[Any], titles: dict[str, str] | None = None
    ) -> list[FacetValue]:
        counts = self._count(name, codes, len(words))
        titles = _TITLES if titles is None else titles
        return [FacetValue(word, titles.get(word, word), n) for word, n in zip(words, counts, strict=True)]

    def _count(self, name: str, codes: NDArray[Any], size: int) -> list[int]:
        mask = self.but(name)
        chosen = codes if mask is self.table.columns.everything else codes[mask]
        counts: list[int] = np.bincount(chosen, minlength=size)[:size].tolist()
        return counts

    def _flags(
        self, name: str, flags: Mask, titles: tuple[str, str], unknown: NDArray[np.int8] | None = None
    ) -> list[FacetValue]:
        """Counts of true and false; rows where ``unknown`` is not 0 are neither, unless true."""
        mask = self.but(name)
        true = int(np.count_nonzero(flags & mask))
        false = int(np.count_nonzero(~flags & mask if unknown is None else ~flags & mask & (unknown == 0)))
        return [FacetValue("true", titles[1], true), FacetValue("false", titles[0], false)]

    def _groups(self, name: str, group: NDArray[np.int32]) -> list[FacetValue]:
        """The largest groups; -1 is none."""
        counts = np.bincount(group[self.but(name) & (group >= 0)])
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        named = [FacetValue(str(n), f"Group {n}", int(counts[n])) for n in order[:MOST_VALUES].tolist()]
        rest = order[MOST_VALUES:]
        if len(rest):
            named.append(FacetValue(None, f"{len(rest):,} more", int(counts[rest].sum())))
        return named

    def _failed(self) -> list[FacetValue]:
        mask = self.but("failed")
        registry = ALL_COLUMNS
        found = []
        for r in self.table.rules.requirements:
            column = registry.get(r.quantity)
            count = int(np.count_nonzero(self.table.judgement.with_outcome(r.name, FAIL) & mask))
            found.append(FacetValue(r.name, r.title, count, column.clause if column else "", r.severity))
        return sorted(found, key=lambda value: -value.count)  # stable: of one count in the order of the rule set

    def _frequent(
        self, name: str, words: Sequence[str], codes: NDArray[Any], titles: dict[str, str]
    ) -> list[FacetValue]:
        counts = np.array(self._count(name, codes, len(words)), np.int64)
        order = sorted(range(len(words)), key=lambda code: (-counts[code], words[code]))
        named = [
            FacetValue(words[code], titles.get(words[code], words[code]), int(counts[code]))
            for code in order[:MOST_VALUES]
        ]
        rest = order[MOST_VALUES:]
        if rest:
            named.append(FacetValue(None, f"{len(rest):,} more", int(counts[rest].sum())))
        return named
