"""A failed step is told by the sentence of its error."""

import sys

import pytest
from dagster._core.execution.plan.objects import StepFailureData
from dagster._utils.error import serializable_error_info_from_exc_info

from bqat_pipeline.execution.presence import SourceGoneError
from bqat_pipeline.orchestration.run_failures import sentence_of


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (SourceGoneError("the folder is not there"), FileNotFoundError(2, "No such file or directory", "/nowhere")),
        (RuntimeError("a step failed"), SourceGoneError("the folder is not there")),
        (RuntimeError("SourceGoneError: the folder is not there"), None),  # from a process whose error does not pickle
    ],
)
def test_a_sentence_is_told_without_names_of_classes(error: Exception, cause: Exception | None) -> None:
    try:
        raise error from cause
    except type(error):
        told = serializable_error_info_from_exc_info(sys.exc_info())
    failure = StepFailureData(error=told, user_failure_data=None)
    assert sentence_of(failure) == "the folder is not there"
