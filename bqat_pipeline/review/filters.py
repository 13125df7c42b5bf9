"""Filters of the review page: those of profiles (`datasets.conditions`), and columns that only a review has."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from bqat_pipeline.datasets.conditions import Condition, QueryError, check_number, parse_condition
from bqat_pipeline.requirements import OUTCOMES, RuleSet
from bqat_pipeline.review.decisions import DECISIONS, UNDECIDED
from bqat_pipeline.review.findings import NOT_COMPARED
from bqat_pipeline.review.metadata import PREFIX, Categories

# Decisions by their codes, as filters and facets call them.
DECISION_NAMES = tuple(str(decision or UNDECIDED) for decision in DECISIONS)
# Columns that hold one of few words, and what can be asked of them.
_NAME_OPERATORS = ("eq", "ne", "in")

_TEXT, _FLAG = pa.string(), pa.bool_()
VIRTUAL: dict[str, pa.DataType] = {
    "decision": _TEXT,
    "verdict": _TEXT,
    "failed": _TEXT,
    "borderline": _TEXT,
    "outlier": _FLAG,
    "duplicate": _FLAG,
    "duplicate_group": pa.int64(),
    "identity": _FLAG,
    "identity_group": pa.int64(),
    "not_compared": _TEXT,
    "folder": _TEXT,
}


def review_schema(profiles: pa.Schema, measures: Iterable[str], metadata: Iterable[str]) -> pa.Schema:
    """Columns that can be asked for: of the profiles, measures that are computed from them, and those of a review."""
    kinds = {field.name: field.type for field in profiles}
    kinds |= {name: pa.float64() for name in measures if name not in kinds}
    kinds |= VIRTUAL | {PREFIX + name: _TEXT for name in metadata}
    return pa.schema(kinds.items())


def parse_filters(
    texts: Sequence[str], schema: pa.Schema, rules: RuleSet, metadata: dict[str, Categories]
) -> tuple[Condition, ...]:
    """Conditions from a client's words, in the grammar of ``parse_condition``.

    Raises
    ------
    QueryError : for what is no condition, a column or word that there is not, or too many conditions.
    """
    found = tuple(_parse(text, schema) for text in texts)
    check_number(found)
    for condition in found:
        _check(condition, rules, metadata)
    return found


def _parse(text: str, schema: pa.Schema) -> Condition:
    # Names of metadata columns are people's own and may hold colons.
    for position, name in enumerate(schema.names):
        if ":" in name and text.startswith(name + ":"):
            alias = f"{position}"
            field = pa.schema([(alias, schema.field(name).type)])
            condition = parse_condition(alias + text[len(name) :], field)
            return Condition(name, condition.operator, condition.value)
    return parse_condition(text, schema)


def _check(condition: Condition, rules: RuleSet, metadata: dict[str, Categories]) -> None:
    column, operator = condition.column, condition.operator
    words: Sequence[str] | None = None
    if column == "decision":
        words = DECISION_NAMES
    elif column == "verdict":
        words = OUTCOMES
    elif column == "not_compared":
        words = tuple(NOT_COMPARED)[1:]
    elif column in ("failed", "borderline"):
        words = [r.name for r in rules.requirements]
    elif column in ("outlier", "duplicate", "identity") and operator == "isnull":
        raise QueryError(f"{column} is true or false; use eq or ne")
    elif column == "folder" and operator not in (*_NAME_OPERATORS, "contains"):
        raise QueryError(f"of {column} can be asked {', '.join(_NAME_OPERATORS)} and contains")
    elif column.startswith(PREFIX) and operator not in _NAME_OPERATORS:
        raise QueryError(f"of {column[:100]} can be asked {', '.join(_NAME_OPERATORS)}")
    if words is None:
        return
    if operator not in _NAME_OPERATORS:
        raise QueryError(f"of {column} can be asked {', '.join(_NAME_OPERATORS)}")
    unknown = [value for value in wanted(condition) if value not in words]
    if unknown:
        raise QueryError(f"{unknown[0][:100]!r} is no value of {column}; known are {', '.join(words)}")


def wanted(condition: Condition) -> tuple[str, ...]:
    """The words that a condition names."""
    return tuple(condition.value) if condition.operator == "in" else (condition.value,)
