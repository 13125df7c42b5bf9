"""Rule sets: limits as data, verdicts per picture, scorecards per data set."""

from bqat_pipeline.requirements.evaluate import (
    OUTCOMES,
    OVERALL,
    Outcome,
    Verdict,
    evaluate_batch,
    evaluate_row,
    judge_batch,
    judged_values,
)
from bqat_pipeline.requirements.outcomes import RequirementOutcome, requirement_outcomes
from bqat_pipeline.requirements.quantities import Quantity, quantity
from bqat_pipeline.requirements.recognition import RECOGNITION, Recognition, recognition
from bqat_pipeline.requirements.rule_set import Requirement, RuleSet, RuleSetError, list_rule_sets, load_rule_set
from bqat_pipeline.requirements.tally import Scorecard, ScorecardCounter, Tally, scorecard, wilson

__all__ = [
    "OUTCOMES",
    "OVERALL",
    "RECOGNITION",
    "Outcome",
    "Quantity",
    "Recognition",
    "Requirement",
    "RequirementOutcome",
    "RuleSet",
    "RuleSetError",
    "Scorecard",
    "ScorecardCounter",
    "Tally",
    "Verdict",
    "evaluate_batch",
    "evaluate_row",
    "judge_batch",
    "judged_values",
    "list_rule_sets",
    "load_rule_set",
    "quantity",
    "recognition",
    "requirement_outcomes",
    "scorecard",
    "wilson",
]
