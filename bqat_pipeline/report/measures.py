"""Which measures a report shows: those with a limit in the rule set first, then the standard's, then the others."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqat_pipeline.columns import Column, ColumnSet
from bqat_pipeline.report.sketch import Floats
from bqat_pipeline.requirements import Quantity, Requirement, RuleSet, quantity
from bqat_pipeline.requirements.quantities import stand_in

# Of quantities that the engine of the data set has no column for.
_DERIVED_DIRECTION = "middle"


@dataclass(frozen=True)
class Measure:
    """One distribution of the report.

    Attributes
    ----------
    quantity : How its values are computed from columns.
    direction : ``higher``/``lower`` is better, best in the ``middle`` or at ``zero``, or ``none``.
    clause, method, group : As in the column registry.
    requirements : Limits of the rule set on this quantity.
    score : Column of the standard's 0..100 component value, where there is one.
    integer : Values are whole numbers.
    follows_skin_tone : It says as much about the skin as about the light, so that neither of its ends is the bad one.
    """

    quantity: Quantity
    direction: str = _DERIVED_DIRECTION
    clause: str = ""
    method: str = "own"
    group: str = "derived"
    requirements: tuple[Requirement, ...] = ()
    score: str | None = None
    integer: bool = False
    follows_skin_tone: bool = False
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        extra = (self.score,) if self.score else ()
        object.__setattr__(self, "columns", (*self.quantity.columns, *extra))

    @property
    def name(self) -> str:
        return self.quantity.name

    def values(self, columns: dict[str, Floats]) -> Floats:
        """(n,) float64, NaN where it was not measured."""
        with np.errstate(all="ignore"):
            return np.asarray(self.quantity.compute(*(columns[name] for name in self.quantity.columns)), np.float64)

    def is_in(self, available: Container[str]) -> bool:
        """Whether a table has the columns that the measure needs, or stand-ins for them."""
        return all(_present(name, available) in available for name in self.quantity.columns)

    def badness(self, values: Floats) -> Floats | None:
        """How bad each value is, larger is worse, NaN stays NaN; None when the measure has no bad end."""
        if self.quantity.boolean:
            return None
        limits = [r for r in self.requirements if r.min is not None or r.max is not None]
        if limits:
            beyond = [(r.min - values) for r in limits if r.min is not None]
            beyond += [(values - r.max) for r in limits if r.max is not None]
            return np.max(beyond, axis=0)
        if self.follows_skin_tone:
            return None
        if self.direction == "higher":
            return -values
        if self.direction == "lower":
            return values
        return np.abs(values) if self.direction == "zero" else None


def choose_measures(columns: ColumnSet, available: Iterable[str], rules: RuleSet) -> list[Measure]:
    """The measures of a report, in reading order.

    Parameters
    ----------
    columns : Registry of the data set's engine.
    available : Columns that the profiles have.
    rules : Limits; every quantity with a limit is shown.
    """
    names = set(available)
    limits: dict[str, list[Requirement]] = {}
    for requirement in rules.requirements:
        limits.setdefault(_present(requirement.quantity, names), []).append(requirement)
    limited = [_measure(columns, name, tuple(found)) for name, found in limits.items()]
    others = [_measure(columns, c.name, ()) for c in columns.statistics() if c.name not in limits]
    others.sort(key=lambda m: m.group != "iso")  # stable: the registry's order within both
    return [m for m in [*limited, *others] if m.is_in(names)]


def _present(name: str, available: Container[str]) -> str:
    """The column itself, or the one of an external engine that stands in for it."""
    return name if name in available else stand_in(name) or name


def _measure(columns: ColumnSet, name: str, requirements: tuple[Requirement, ...]) -> Measure:
    column = columns.get(name)
    if column is None:
        return Measure(quantity(name), requirements=requirements)
    return Measure(
        quantity(name),
        direction=column.direction,
        clause=column.clause,
        method=column.method,
        group=column.group,
        requirements=requirements,
        score=_score_column(columns, column),
        integer=column.type == "int",
        follows_skin_tone=column.follows_skin_tone,
    )


def _score_column(columns: ColumnSet, column: Column) -> str | None:
    return next((n for n in (f"{column.name}_score", f"{column.name}_scalar") if n in columns), None)


def numbers(batch: pa.RecordBatch, names: Iterable[str]) -> dict[str, Floats]:
    """Columns of a batch, or their stand-ins, as (n,) float64 with NaN for null; what the batch lacks is all NaN."""
    present = set(batch.schema.names)
    result: dict[str, Floats] = {}
    for name in names:
        found = _present(name, present)
        if found not in present:
            result[name] = np.full(batch.num_rows, np.nan)
            continue
        column = batch.column(found)
        if pa.types.is_boolean(column.type):
            column = pc.cast(column, pa.int8())
        result[name] = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return result
