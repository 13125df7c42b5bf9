"""Values as they are stored: plain Python types, finite, 6 significant digits."""

from collections.abc import Callable, Iterable
from math import isfinite

import numpy as np

# OpenCV's masked float means change in the 9th digit with memory alignment; rounded results are identical everywhere.
_FORMAT = ".6g"


def stored_row(found: Callable[[str], object], columns: Iterable[tuple[str, str]]) -> dict[str, object]:
    """The row of a picture, in the order of the columns.

    Parameters
    ----------
    found : From a column's name to its value, None where there is none.
    columns : Names and types of the columns.
    """
    return {name: None if (value := found(name)) is None else stored_value(value, kind) for name, kind in columns}


def stored_value(value: object, kind: str) -> object:
    """A value as its column stores it; None for None, NaN and infinity.

    Parameters
    ----------
    kind : Column type of the registry: numbers are rounded, ``bool`` is converted, an array becomes a list.
    """
    if value is None:
        return None
    if kind == "float":  # first, since most columns are
        number = float(value)  # type: ignore[arg-type]
        return float(format(number, _FORMAT)) + 0.0 if isfinite(number) else None  # never -0.0
    if kind == "int":
        number = float(value)  # type: ignore[arg-type]
        return round(number) if isfinite(number) else None
    if kind == "bool":
        return bool(value)
    return value.tolist() if isinstance(value, np.ndarray) else value
