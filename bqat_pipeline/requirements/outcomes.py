"""Each requirement of a rule set for one picture: value, limit, outcome, and what to change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bqat_pipeline.columns import ALL_COLUMNS, MEASURED
from bqat_pipeline.requirements.evaluate import (
    OUTCOMES,
    Outcome,
    outcome_code,
    quantity_values,
    reason_sentence,
)
from bqat_pipeline.requirements.rule_set import RuleSet, Severity


@dataclass(frozen=True, slots=True)
class RequirementOutcome:
    """Outcome of one requirement for one picture.

    Attributes
    ----------
    name, title, severity : As in the rule set.
    clause : Clause of ISO/IEC 29794-5:2025 that defines the quantity, or empty.
    column : Column that the limit is set on.
    value : Value in `unit`, 0 or 1 for a boolean; None where it is not known.
    unit : Unit of the value, or empty.
    format : Python's format spec for the value.
    error : Error of one measurement, in `unit`, as the registry states it; 0 where it is not stated.
    min, max, band : Limits, and the uncertainty of the measurement, in `unit`; None: no limit on this side.
    limit : The limit as text, for example `-5 to 5 deg`.
    outcome : ``pass``, ``borderline``, ``fail`` or ``not_assessed``.
    sentence : What to change; empty unless ``borderline`` or ``fail``.
    """

    name: str
    title: str
    severity: Severity
    clause: str
    column: str
    value: float | None
    unit: str
    format: str
    error: float
    min: float | None
    max: float | None
    band: float
    limit: str
    outcome: Outcome
    sentence: str


def requirement_outcomes(rules: RuleSet, row: Mapping[str, Any]) -> list[RequirementOutcome]:
    """Outcomes of one face profile, in the order of the rule set; equal to the results of ``evaluate_row``.

    Parameters
    ----------
    row : Column name to value, as for ``evaluate_row``.
    """
    measured = row.get("status", MEASURED[0]) in MEASURED
    values = quantity_values(rules, row)
    codes = {r.name: [outcome_code(r, values[r.name])] for r in rules.requirements}
    found = []
    for requirement in rules.requirements:
        number = values[requirement.name]
        outcome: Outcome = OUTCOMES[codes[requirement.name][0]] if measured else "not_assessed"
        column = ALL_COLUMNS.get(requirement.quantity)
        found.append(
            RequirementOutcome(
                name=requirement.name,
                title=requirement.title,
                severity=requirement.severity,
                clause=column.clause if column else "",
                column=requirement.quantity,
                value=number if np.isfinite(number) else None,
                unit=requirement.measured.unit,
                format=requirement.format,
                error=requirement.measured.error,
                min=requirement.min,
                max=requirement.max,
                band=requirement.band,
                limit=requirement.limit,
                outcome=outcome,
                sentence=reason_sentence(rules, requirement, number, codes)
                if outcome in ("borderline", "fail")
                else "",
            )
        )
    return found
