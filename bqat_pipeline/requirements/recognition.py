"""The second verdict, beside that of any rule set: whether a picture is fit for recognition."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bqat_pipeline.requirements.evaluate import Outcome, evaluate_row, row_value
from bqat_pipeline.requirements.rule_set import RuleSet, load_rule_set

RECOGNITION = "recognition"
UTILITY = "aux_utility"

_WORDS: dict[Outcome, str] = {
    "pass": "fit for recognition",
    "borderline": "perhaps fit for recognition",
    "fail": "not fit for recognition",
    "not_assessed": "fitness for recognition not assessed",
}


@dataclass(frozen=True, slots=True)
class Recognition:
    """Whether automatic recognition will work with a picture.

    Attributes
    ----------
    verdict : By the rule set `recognition`.
    words : The verdict in words.
    utility : ``aux_utility``, 0..100; None where it was not measured.
    reasons : Why it is not fit, most important first; empty where it is.
    """

    verdict: Outcome
    words: str
    utility: float | None
    reasons: tuple[str, ...]


def recognition(row: Mapping[str, Any]) -> Recognition:
    """The second verdict on one face profile."""
    found = evaluate_row(_rules(), row)
    utility = row_value(row, UTILITY)
    return Recognition(
        found.overall,
        _WORDS[found.overall],
        None if utility != utility else utility,
        found.reasons if found.overall in ("borderline", "fail") else (),
    )


@cache
def _rules() -> RuleSet:
    return load_rule_set(RECOGNITION)
