"""The operators of a condition: what each means to pyarrow, and to DuckDB."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator in both of its forms, which agree on every value.

    Attributes
    ----------
    name : As clients write it.
    meaning : For the documentation.
    expression : pyarrow's form, of a field and a value.
    sql : DuckDB's form, of a quoted column and a value: text, and values bound to it.
    ordered : Whether it asks for larger or smaller, which booleans have not.
    """

    name: str
    meaning: str
    expression: Callable[[Any, Any], Any]
    sql: Callable[[str, Any], tuple[str, Sequence[Any]]]
    ordered: bool = False


def _comparison(name: str, sign: str, expression: Callable[[Any, Any], Any], *, ordered: bool = False) -> Operator:
    return Operator(name, sign, expression, lambda column, value: (f"{column} {sign} ?", [value]), ordered)


_ALL = (
    _comparison("eq", "=", operator.eq),
    _comparison("ne", "<>", operator.ne),
    _comparison("lt", "<", operator.lt, ordered=True),
    _comparison("le", "<=", operator.le, ordered=True),
    _comparison("gt", ">", operator.gt, ordered=True),
    _comparison("ge", ">=", operator.ge, ordered=True),
    Operator(
        "in",
        "one of several values, separated by commas",
        lambda field, values: field.isin(list(values)),
        lambda column, values: (f"{column} IN ({', '.join('?' for _ in values)})", list(values)),
    ),
    Operator(
        "isnull",
        "true or false",
        lambda field, value: field.is_null() if value else field.is_valid(),
        lambda column, value: (f"{column} IS {'' if value else 'NOT '}NULL", []),
    ),
)
OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _ALL}
