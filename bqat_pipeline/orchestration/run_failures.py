"""Why a run failed, as the sentence that its step raised."""

import re
from typing import TYPE_CHECKING, Any

from bqat_pipeline.names import OWN_ERROR

if TYPE_CHECKING:
    from dagster._core.execution.plan.objects import StepFailureData

# Start of an error's message: the class names of any errors.
_CLASS_NAMES = re.compile(r"[\w.]+: (?:\w*(?:Error|Exception): )*")


def sentence_of(failure: "StepFailureData | None") -> str:
    """The reason that a failed step gave, else the text of the outermost error of ours, else of the innermost error."""
    if failure is None:
        return ""
    details = failure.user_failure_data
    if details is not None and details.description:
        return details.description
    if is_interruption(root_cause(failure.error)):
        return "it was interrupted, as when the product is stopped"
    cause = failure.error
    while cause is not None and cause.cause is not None and not OWN_ERROR.match(str(cause.message)):
        cause = cause.cause
    return _text(cause) if cause is not None else ""


def is_interruption(cause: Any) -> bool:
    """Whether the innermost error of a step says that its process was asked to end."""
    return cause is not None and cause.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt")


def root_cause(error: Any) -> Any:
    """The innermost error of a failed step."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def _text(error: Any) -> str:
    """The text of an error without the name of its class."""
    text = str(error.message).strip()
    names = _CLASS_NAMES.match(text)
    text = text[names.end() :] if names else text
    is_class = text.rstrip(":").rpartition(".")[2] == error.cls_name
    return f"no reason is known ({error.cls_name})" if not text or is_class else text
