"""Ages in bands: a column of single years has too many groups, and too few pictures in each."""

import re

# First age of each band; children under 11 have limits of their own in ICAO 9303.
_FIRST = (0, 11, 18, 30, 45, 60)
_OLDEST = 130
_WORD = re.compile(r"[^a-z]+")


def is_age(column: str) -> bool:
    """Whether a column holds ages, by its name: ``age``, ``Age (years)``, ``subject_age``."""
    return "age" in _WORD.split(column.casefold())


def age_band(cell: str) -> str:
    """``24`` is ``18 to 29``; what is no age in years stays as it is."""
    try:
        age = float(cell)
    except ValueError:
        return cell
    if not 0 <= age <= _OLDEST:
        return cell
    place = max(index for index, first in enumerate(_FIRST) if age >= first)
    return f"{_FIRST[place]} to {_FIRST[place + 1] - 1}" if place + 1 < len(_FIRST) else f"{_FIRST[place]} and over"
