"""How rare a combination of yes/no answers is: the share of pictures whose combination is as rare or rarer."""

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from bqat_pipeline.outliers.matrix import Matrix
from bqat_pipeline.outliers.surprise import Values

# Combinations kept, the most frequent ones; one that is not among them counts as never seen.
_MOST = 4096
# Answers that more pictures than this give say nothing about rarity, and would break the combinations into pieces.
_COMMON = 0.2
# Answers in one combination; further columns are left out.
MAX_FLAGS = 60


@dataclass(frozen=True)
class Patterns:
    """Surprise of each combination of answers.

    Attributes
    ----------
    rates : (flags,) share of `yes` of each column.
    codes : (k,) ascending; bit j is set when column j has its rarer answer, and at most 20 % of the pictures have it.
    surprise : (k,) minus the log of the share of pictures whose combination is at most as frequent.
    unseen : Surprise of any other combination.
    """

    rates: Values
    codes: np.ndarray
    surprises: Values
    unseen: float

    @classmethod
    def fit(cls, values: Matrix) -> "Patterns":
        """Combinations of a sample: (n, flags) 0 or 1, NaN where missing, n >= 1, at most ``MAX_FLAGS`` columns."""
        with np.errstate(invalid="ignore"):
            rates = np.nanmean(values, axis=0)
        codes, counts = np.unique(_codes(values, rates), return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_MOST]
        codes, counts = codes[order], counts[order]
        # ties are as rare as each other: the mass of all that are at most as frequent
        mass = np.array([counts[counts <= count].sum() for count in counts]) / len(values)
        sort = np.argsort(codes)
        return cls(rates, codes[sort], -np.log(mass[sort]), -log(0.5 / len(values)))

    def surprise(self, values: Matrix) -> Values:
        """(n,) surprise of each row's combination; a missing answer counts as the common one."""
        codes = _codes(values, self.rates)
        place = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[place] == codes, self.surprises[place], self.unseen)

    def rare_answers(self, row: Values) -> list[int]:
        """Columns in which a row gives a rare answer, rarest first."""
        rarity = np.where(self.rates < 0.5, self.rates, 1 - self.rates)
        chosen = np.flatnonzero(_rarer(row[None], self.rates)[0])
        return [int(j) for j in chosen[np.argsort(rarity[chosen], kind="stable")]]

    def to_json(self) -> dict[str, Any]:
        return {
            "rates": self.rates.tolist(),
            "codes": [int(code) for code in self.codes],
            "surprises": self.surprises.tolist(),
            "unseen": self.unseen,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Patterns":
        return cls(
            np.array(data["rates"], np.float64),
            np.array(data["codes"], np.uint64),
            np.array(data["surprises"], np.float64),
            data["unseen"],
        )


def _rarer(values: Matrix, rates: Values) -> np.ndarray:
    rare = np.minimum(rates, 1 - rates) <= _COMMON
    return np.where(np.isnan(values), False, (values > 0.5) == (rates < 0.5)) & rare


def _codes(values: Matrix, rates: Values) -> np.ndarray:
    bits = _rarer(values, rates).astype(np.uint64)
    return bits @ (np.uint64(1) << np.arange(values.shape[1], dtype=np.uint64))
