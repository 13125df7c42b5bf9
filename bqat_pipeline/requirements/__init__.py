"""Requirement profiles: limits as data, verdicts per picture, scorecards per data set."""

from bqat_pipeline.requirements.evaluate import (
    OUTCOMES,
    OVERALL,
    Outcome,
    Verdict,
    evaluate_batch,
    evaluate_row,
    judge_batch,
)
from bqat_pipeline.requirements.profile import Profile, ProfileError, Requirement, list_profiles, load_profile
from bqat_pipeline.requirements.quantities import Quantity, quantity
from bqat_pipeline.requirements.tally import Scorecard, ScorecardCounter, Tally, scorecard, wilson

__all__ = [
    "OUTCOMES",
    "OVERALL",
    "Outcome",
    "Profile",
    "ProfileError",
    "Quantity",
    "Requirement",
    "Scorecard",
    "ScorecardCounter",
    "Tally",
    "Verdict",
    "evaluate_batch",
    "evaluate_row",
    "judge_batch",
    "list_profiles",
    "load_profile",
    "quantity",
    "scorecard",
    "wilson",
]
