"""Decisions about eyes, mouth, smile and glasses: logistic models over a few features with a meaning of their own.

Weights are in ``data/attributes.json``, fitted by ``benchmarks/calibration/fit_attributes.py``; error rates,
cross-validated by person, are in docs/measures.md. A score is the model's probability, 0..1; the decision is at 0.5.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp

DECISION = 0.5


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic model: probability = 1 / (1 + exp(-(bias + sum of weight x feature))).

    Attributes
    ----------
    weights : Weight per unit of each feature, by name.
    bias : Fitted as if both classes were equally frequent.
    """

    weights: Mapping[str, float]
    bias: float

    def probability(self, features: Mapping[str, float]) -> float:
        """Probability, 0..1, for features by name."""
        z = self.bias + sum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + exp(-min(max(z, -60.0), 60.0)))


@cache
def model(name: str) -> Logistic:
    """The fitted model of an attribute: ``eye_closed``, ``mouth_open``, ``smile`` or ``glasses``."""
    text = (files("bqat_pipeline.face") / "data" / "attributes.json").read_text()
    entry = json.loads(text)[name]
    return Logistic(entry["weights"], entry["bias"])
