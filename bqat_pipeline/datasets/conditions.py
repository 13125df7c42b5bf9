"""Conditions and sorts from a client's words, checked against the columns there are."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from bqat_pipeline.datasets.operators import OPERATORS

# Most conditions in one question, and most values of `in`.
MAX_CONDITIONS = 20
MAX_VALUES = 1_000
# A comma between two values of `in`; `\\,` is a comma within a value.
_COMMA = re.compile(r"(?<!\\),")


class QueryError(ValueError):
    """A question that cannot be answered; the message says what is wrong with it."""


@dataclass(frozen=True)
class Condition:
    """``column operator value``, with the value in the column's type (a tuple for ``in``)."""

    column: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Sort:
    """Order by one column; rows without a value come last."""

    column: str
    descending: bool = False


def parse_condition(text: str, schema: pa.Schema) -> Condition:
    r"""Condition from ``column:operator:value``, for example ``ipd:ge:90`` or ``status:in:ok,no_face``.

    A comma within a value of ``in`` is written ``\,``.

    Raises
    ------
    QueryError : for an unknown column or operator, or a value that is none of the column's type.
    """
    name, separator, rest = text.partition(":")
    operator, second, value = rest.partition(":")
    if not separator or not second:
        raise QueryError(f"{text[:100]!r} is no condition; write column:operator:value, for example ipd:ge:90")
    if name not in schema.names:
        raise QueryError(f"there is no column {name[:100]!r}")
    if operator not in OPERATORS:
        raise QueryError(f"there is no operator {operator[:20]!r}; use one of {', '.join(OPERATORS)}")
    kind = schema.field(name).type
    if operator == "isnull":
        return Condition(name, operator, _boolean(value, name))
    if pa.types.is_nested(kind):
        raise QueryError(f"{name} holds lists; only isnull can be asked of it")
    if OPERATORS[operator].ordered and pa.types.is_boolean(kind):
        raise QueryError(f"{name} is true or false; use eq or ne")
    if operator == "contains" and not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise QueryError(f"{name} is no text; contains can be asked of text only")
    if operator == "in":
        values = [part.replace("\\,", ",") for part in _COMMA.split(value)]
        if len(values) > MAX_VALUES:
            raise QueryError(f"{len(values)} values; the limit is {MAX_VALUES}")
        return Condition(name, operator, tuple(_value(v, kind, name) for v in values))
    return Condition(name, operator, _value(value, kind, name))


def parse_sort(text: str, schema: pa.Schema) -> Sort:
    """Sort from a column name; ``-name`` for largest first.

    Raises
    ------
    QueryError : for an unknown column, or one that has no order.
    """
    name = text.removeprefix("-")
    if name not in schema.names:
        raise QueryError(f"there is no column {name[:100]!r} to sort by")
    if pa.types.is_nested(schema.field(name).type):
        raise QueryError(f"{name} holds lists, which have no order")
    return Sort(name, text.startswith("-"))


def check_number(conditions: Sequence[Condition]) -> None:
    """Refuse too many conditions.

    Raises
    ------
    QueryError : naming the limit.
    """
    if len(conditions) > MAX_CONDITIONS:
        raise QueryError(f"{len(conditions)} conditions; the limit is {MAX_CONDITIONS}")


def _value(text: str, kind: pa.DataType, name: str) -> Any:
    try:
        if pa.types.is_boolean(kind):
            return _boolean(text, name)
        if pa.types.is_integer(kind):
            number = int(text)
            if not -(2**63) <= number < 2**63:
                raise ValueError
            return number
        if pa.types.is_floating(kind):
            real = float(text)
            if not math.isfinite(real):
                raise ValueError
            return real
        if pa.types.is_timestamp(kind):
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise QueryError(f"{name} needs a time with an offset, for example 2026-01-31T12:00:00Z")
            return moment
    except ValueError as error:
        if isinstance(error, QueryError):
            raise
        raise QueryError(f"{text[:100]!r} is no value of {name} ({kind})") from error
    return text


def _boolean(text: str, name: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise QueryError(f"{text[:100]!r} is neither true nor false, for {name}")
    return text.lower() == "true"
