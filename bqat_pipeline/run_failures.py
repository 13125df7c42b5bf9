"""Why a run failed, as the sentence that its step raised."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster._core.execution.plan.objects import StepFailureData


def sentence_of(failure: "StepFailureData | None") -> str:
    """The reason that a failed step gave, else the innermost error's text; empty when there is neither."""
    if failure is None:
        return ""
    told = failure.user_failure_data
    if told is not None and told.description:
        return told.description
    cause = root_cause(failure.error)
    return _text(cause) if cause is not None else ""


def root_cause(error: Any) -> Any:
    """The innermost error of a failed step."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def _text(error: Any) -> str:
    """The text of an error without the name of its class."""
    return re.sub(r"^[\w.]+: ", "", str(error.message).strip()) or "no reason is known"
