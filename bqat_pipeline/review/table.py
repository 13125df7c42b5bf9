"""The table behind the review page: rows with verdict, findings and decision, filtered and sorted in memory."""

from collections.abc import Sequence
from functools import cached_property, reduce
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bqat_pipeline.columns import ALL_COLUMNS
from bqat_pipeline.datasets.conditions import Condition, QueryError
from bqat_pipeline.datasets.generation import Generation
from bqat_pipeline.datasets.operators import OPERATORS, Mask, Numbers
from bqat_pipeline.requirements import OUTCOMES, Quantity, RuleSet
from bqat_pipeline.requirements.quantities import stand_in
from bqat_pipeline.review.cache import BoundedCache
from bqat_pipeline.review.filters import DECISION_NAMES, parse_filters, review_schema, wanted
from bqat_pipeline.review.findings import NOT_COMPARED, Findings
from bqat_pipeline.review.judging import Judgement, measure
from bqat_pipeline.review.metadata import PREFIX, Categories
from bqat_pipeline.review.profile_columns import ProfileColumns, Rows

# Bytes of masks, of views (row numbers of a filter and a sort), and of what else is computed from columns.
_MOST_MASKS, _MOST_VIEWS, _MOST_BINS, _MOST_MEASURES = 24_000_000, 40_000_000, 24_000_000, 24_000_000
WORST = "worst"


class Decided(Protocol):
    """Decisions about the rows of a data set, at one time (`bqat_pipeline.review.decisions.RowDecisions`)."""

    version: str
    codes: NDArray[np.int8]

    def of(self, row: int) -> Any:
        """The decision about a row, or None."""

    def before(self, row: int) -> Any:
        """The latest decision about a row's file when it had other bytes, or None."""


class Undecided:
    """Of a data set that nobody has decided about."""

    version = "0"

    def __init__(self, rows: int) -> None:
        self.codes: NDArray[np.int8] = np.zeros(rows, np.int8)

    def of(self, row: int) -> None:
        """No decision."""

    def before(self, row: int) -> None:
        """No decision."""


class ReviewTable:
    """One generation of a data set against one rule set. For threads; never changes but for its caches.

    Parameters
    ----------
    generation : Where the findings are.
    columns : Those of its profiles.
    judgement : What the rule set says.
    findings : What was found in it.
    metadata : Columns of the metadata table.
    version : Another one for any other table.
    """

    def __init__(
        self,
        generation: Generation,
        columns: ProfileColumns,
        judgement: Judgement,
        findings: Findings,
        metadata: dict[str, Categories],
        version: str = "",
    ) -> None:
        self.generation = generation
        self.columns = columns
        self.judgement = judgement
        self.findings = findings
        self.metadata = metadata
        self.version = version
        self._masks: BoundedCache[Mask] = BoundedCache(_MOST_MASKS, lambda mask: mask.nbytes)
        self._views: BoundedCache[Rows] = BoundedCache(_MOST_VIEWS, lambda view: view.nbytes)
        # Measures in bins, by name (`bqat_pipeline.review.histograms`).
        self.bins: BoundedCache[Any] = BoundedCache(_MOST_BINS, lambda bins: bins.codes.nbytes)
        self._measures: BoundedCache[Numbers] = BoundedCache(_MOST_MEASURES, lambda values: values.nbytes)

    @property
    def rows(self) -> int:
        """Number of pictures."""
        return self.columns.rows

    @property
    def rules(self) -> RuleSet:
        """The rule set."""
        return self.judgement.rules

    @property
    def nbytes(self) -> int:
        """Bytes held beside the profiles."""
        caches = self._masks.nbytes + self._views.nbytes + self._measures.nbytes + self.bins.nbytes
        words = sum(column.codes.nbytes for column in self.metadata.values())
        return self.judgement.nbytes + self.findings.nbytes + caches + words

    # measures

    @cached_property
    def measures(self) -> dict[str, Quantity]:
        """Quantities of the rule set's requirements that the profiles have, by the name of their column."""
        found = {r.quantity: r.measured for r in self.rules.requirements}
        return {name: quantity for name, quantity in found.items() if self._has(quantity)}

    def _has(self, quantity: Quantity) -> bool:
        names = self.columns.schema.names
        return all(name in names or (stand_in(name) or name) in names for name in quantity.columns)

    def is_measure(self, name: str) -> bool:
        """Whether a name is that of a column of numbers, or of a quantity that a limit is set on."""
        return name in self.measures or self.columns.is_number(name)

    def values(self, name: str) -> Numbers:
        """(n,) float64 values of a measure, NaN where there is none."""
        quantity = self._computed(name)
        if quantity is None:
            return self.columns.numbers([name])[name]
        return self._measures.get(name, lambda: measure(quantity, self.columns.numbers(self._sources(quantity))))

    def _computed(self, name: str) -> Quantity | None:
        """The quantity of a measure that is computed from columns; None for one that is a column itself."""
        quantity = self.measures.get(name)
        if quantity is None or (len(quantity.columns) == 1 and self.columns.is_number(name)):
            return None
        return quantity

    def counted(self, name: str) -> Numbers:
        """(n,) float64 values that statistics are about: none of a face that is probably not human."""
        values, column = self.values(name), ALL_COLUMNS.get(name)
        if (column is not None and column.of_picture) or not self.columns.doubtful.any():
            return values
        return np.where(self.columns.doubtful, np.nan, values)

    def _sources(self, quantity: Quantity) -> list[str]:
        names = self.columns.schema.names
        found = (name if name in names else stand_in(name) or name for name in quantity.columns)
        return [name for name in found if self.columns.is_number(name)]

    # filters

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns that filters may name."""
        return review_schema(self.columns.schema, self.measures, self.metadata)

    def parse(self, texts: Sequence[str]) -> tuple[Condition, ...]:
        """Conditions from ``column:operator:value``; all of them must hold.

        Raises
        ------
        QueryError : saying what is wrong.
        """
        return parse_filters(texts, self.schema, self.rules, self.metadata)

    def mask(self, conditions: Sequence[Condition], decided: Decided) -> Mask:
        """(n,) bool, rows that meet all conditions; must not be written to."""
        found = [self._mask(condition, decided) for condition in conditions]
        return reduce(np.logical_and, found) if found else self.columns.everything

    def _mask(self, condition: Condition, decided: Decided) -> Mask:
        if condition.column == "decision":
            return self._of_words(condition, DECISION_NAMES, decided.codes)
        return self._masks.get(condition, lambda: self._compute(condition))

    def _compute(self, condition: Condition) -> Mask:
        column, operator = condition.column, OPERATORS[condition.operator]
        if column == "verdict":
            return self._of_words(condition, OUTCOMES, self.judgement.verdict)
        if column == "not_compared":
            without = self.findings.not_compared
            return self._of_words(
                condition, tuple(NOT_COMPARED), np.zeros(self.rows, np.int8) if without is None else without
            )
        if column in ("failed", "borderline"):
            outcome = OUTCOMES.index("fail" if column == "failed" else "borderline")
            met = reduce(np.logical_or, (self.judgement.with_outcome(name, outcome) for name in wanted(condition)))
            return ~met if condition.operator == "ne" else met
        if column in ("outlier", "duplicate", "duplicate_group", "identity", "identity_group"):
            assert operator.numbers is not None
            return operator.numbers(self._finding(column), condition.value)
        if column == "folder":
            return self.columns.folders.mask(condition)
        words = self._words_of(column) if condition.operator in ("eq", "ne", "in") else None
        if words is not None:
            met = words.mask(wanted(condition))
            return ~met if condition.operator == "ne" else met
        if column in self.measures and operator.numbers is not None:
            met = operator.numbers(self.values(column), condition.value)
            self.columns.release([column])
            return met
        return self.columns.mask(condition)

    def _words_of(self, column: str) -> Categories | None:
        """A column of the metadata, or a fact of the files, of few different words."""
        if column.startswith(PREFIX):
            return self.metadata[column.removeprefix(PREFIX)]
        return self.columns.facts.get(column)

    def _finding(self, column: str) -> Numbers:
        """A finding as numbers; NaN where nobody looked, and for pictures without a group."""
        outlier = self.findings.outlier
        group = self.findings.person if column.startswith("identity") else self.findings.group
        if column == "outlier":
            return np.full(self.rows, np.nan) if outlier is None else outlier.astype(np.float64)
        if group is None:
            return np.full(self.rows, np.nan)
        return (
            self._flagged(column, group >= 0)
            if column in ("duplicate", "identity")
            else np.where(group < 0, np.nan, group)
        )

    def _flagged(self, column: str, flags: Mask) -> Numbers:
        """1 and 0; NaN for a picture that was compared with no other, of which nobody knows."""
        without = self.findings.not_compared
        if column == "duplicate" or without is None:
            return flags.astype(np.float64)
        return np.where(~flags & (without > 0), np.nan, flags)

    @staticmethod
    def _of_words(condition: Condition, words: Sequence[str], codes: NDArray[np.int8]) -> Mask:
        known = np.array([word in wanted(condition) for word in words])
        return known[codes] if condition.operator != "ne" else ~known[codes]

    # order

    def view(self, conditions: Sequence[Condition], sort: str, decided: Decided) -> Rows:
        """(m,) rows that meet all conditions, in an order; kept for further windows of the same view.

        Parameters
        ----------
        sort : ``worst`` (see ``Judgement.worst``), ``row``, ``file`` or a measure; with ``-`` the other way round,
            where measures that a picture lacks still come last.

        Raises
        ------
        QueryError : for another sort.
        """
        order = self._order(sort)
        if not conditions:
            return order
        version = decided.version if any(c.column == "decision" for c in conditions) else ""
        key = (frozenset(conditions), sort, version)
        if version:  # nobody asks for the view of earlier decisions any more
            self._views.drop(lambda other: other[:2] == key[:2] and other != key)
        return self._views.get(key, lambda: order[self.mask(conditions, decided)[order]])

    def _order(self, sort: str) -> Rows:
        name = sort.removeprefix("-")
        if name == WORST:
            return self.judgement.worst[::-1] if sort != name else self.judgement.worst
        if name in ("row", "file"):
            return self.columns.order_of(name, descending=sort != name)
        if not self.is_measure(name):
            raise QueryError(f"rows cannot be sorted by {name[:100]!r}; use worst, row, file or a column of numbers")
        if self._computed(name) is None:
            return self.columns.order_of(name, descending=sort != name)
        values = self.values(name)
        key = ("order", sort)
        sign = -1 if sort != name else 1
        return self._views.get(key, lambda: np.argsort(sign * values, kind="stable").astype(np.int32))
