"""How far out a value lies among those that were seen, counted and not extrapolated: order statistics of both ends."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.outliers.surprise import Values

# Places from an end that are kept one by one; further in, each is this much further than the one before.
_DENSE = 50
_STEP = 1.1


@dataclass(frozen=True)
class Extremes:
    """Both ends of a sample.

    Attributes
    ----------
    count : Values in the sample.
    places : (k,) ascending places from an end; 0 is the outermost value.
    lowest, highest : (k,) values at these places.
    """

    count: int
    places: NDArray[np.int64]
    lowest: Values
    highest: Values

    @classmethod
    def fit(cls, ordered: Values) -> "Extremes":
        """Of (n,) values, ascending, n >= 1."""
        places = _places(ordered.size)
        return cls(ordered.size, places, ordered[places], ordered[ordered.size - 1 - places])

    def as_far(self, value: float, *, high: bool) -> int:
        """At most this many values are as high (or as low) as one, or more so; exact for the outermost 50."""
        beyond = self.highest < value if high else self.lowest > value
        found = np.flatnonzero(beyond)
        return int(self.places[found[0]]) if found.size else self.count

    def to_json(self) -> dict[str, Any]:
        return {"count": self.count, "lowest": self.lowest.tolist(), "highest": self.highest.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Extremes":
        return cls(data["count"], _places(data["count"]), np.array(data["lowest"]), np.array(data["highest"]))


def _places(count: int) -> NDArray[np.int64]:
    found, last = list(range(min(_DENSE, count))), count // 2
    while found[-1] < last:
        found.append(min(last, int(found[-1] * _STEP)))
    return np.array(found, np.int64)
