"""The operators of a condition: what each means to pyarrow, to DuckDB, and to numbers in memory."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator in all of its forms, which agree on every value.

    Attributes
    ----------
    name : As clients write it.
    meaning : For the documentation.
    expression : pyarrow's form, of a field and a value.
    sql : DuckDB's form, of a quoted column and a value: text, and values bound to it.
    numbers : Of (n,) float64 with NaN for null and a value, (n,) bool; None where it is about text.
    ordered : Whether it asks for larger or smaller, which booleans have not.
    """

    name: str
    meaning: str
    expression: Callable[[Any, Any], Any]
    sql: Callable[[str, Any], tuple[str, Sequence[Any]]]
    numbers: Callable[[Numbers, Any], Mask] | None
    ordered: bool = False


def _comparison(name: str, sign: str, compare: Callable[[Any, Any], Any], *, ordered: bool = False) -> Operator:
    return Operator(name, sign, compare, lambda column, value: (f"{column} {sign} ?", [value]), compare, ordered)


def _differs(values: Numbers, value: Any) -> Mask:
    return (values != value) & ~np.isnan(values)


_ALL = (
    _comparison("eq", "=", operator.eq),
    Operator("ne", "<>", operator.ne, lambda column, value: (f"{column} <> ?", [value]), _differs),
    _comparison("lt", "<", operator.lt, ordered=True),
    _comparison("le", "<=", operator.le, ordered=True),
    _comparison("gt", ">", operator.gt, ordered=True),
    _comparison("ge", ">=", operator.ge, ordered=True),
    Operator(
        "in",
        "one of several values, separated by commas",
        lambda field, values: field.isin(list(values)),
        lambda column, values: (f"{column} IN ({', '.join('?' for _ in values)})", list(values)),
        lambda array, values: np.isin(array, np.array(values, np.float64)),
    ),
    Operator(
        "isnull",
        "true or false",
        lambda field, value: field.is_null() if value else field.is_valid(),
        lambda column, value: (f"{column} IS {'' if value else 'NOT '}NULL", []),
        lambda array, value: np.isnan(array) == value,
    ),
    Operator(
        "contains",
        "part of a text, in upper or lower case",
        lambda field, value: pc.match_substring(field, value, ignore_case=True),
        # RE2 in both, so that both mean the same by case
        lambda column, value: (f"regexp_matches({column}, regexp_escape(?), 'i')", [value]),
        None,
    ),
)
OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _ALL}
