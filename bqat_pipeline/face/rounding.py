"""Values as they are stored: plain Python types, finite, 6 significant digits."""

from math import isfinite

import numpy as np

# OpenCV's masked float means change in the 9th digit with memory alignment; rounded results are identical everywhere.
DIGITS = 6


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
        return significant(number) if isfinite(number) else None
    if kind == "int":
        number = float(value)  # type: ignore[arg-type]
        return round(number) if isfinite(number) else None
    if kind == "bool":
        return bool(value)
    return value.tolist() if isinstance(value, np.ndarray) else value


def significant(number: float) -> float:
    """The number rounded to 6 significant digits; never -0.0."""
    return float(f"{number:.{DIGITS}g}") + 0.0
