"""The review table of a data set for routes below `/v1`, opened in a thread when it is first needed."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import pyarrow.dataset as ds
from fastapi import Query

from api.http.errors import bad_request, not_found
from api.services import Services
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.datasets.conditions import QueryError
from bqat_pipeline.requirements import RuleSet, RuleSetError, list_rule_sets, load_rule_set
from bqat_pipeline.review.metadata import Joined
from bqat_pipeline.review.table import ReviewTable

logger = logging.getLogger("bqat.api")

ReviewFilters = Annotated[
    list[Annotated[str, Query(max_length=20_000)]] | None,
    Query(
        alias="filter",
        max_length=20,
        description="`column:operator:value`, all of which must hold: columns of profiles, and `decision`, `verdict`, "
        "`failed`, `borderline`, `outlier`, `duplicate`, `duplicate_group`, `identity`, `identity_group`, "
        "`not_compared`, `folder`, `metadata.COLUMN`.",
        examples=[["failed:in:yaw,roll", "decision:eq:undecided", "file:contains:harbour"]],
    ),
]
Rules = Annotated[
    str | None, Query(max_length=200, description="Shipped rule set to judge by; default: that of the data set.")
]


@contextmanager
def query_errors() -> Iterator[None]:
    """Answer a query that the table cannot answer with 400."""
    try:
        yield
    except QueryError as error:
        raise bad_request(str(error)) from error


def rule_set(record: DatasetRecord, name: str | None) -> RuleSet:
    """The rule set to judge by.

    Raises
    ------
    HTTPException : 400 for one that is not shipped: clients must not name files of the server.
    """
    if name is not None and name not in list_rule_sets():
        raise bad_request(f"there is no rule set {name[:100]!r}; known are {', '.join(list_rule_sets())}")
    try:
        return load_rule_set(name or record.requirements)
    except RuleSetError as error:
        logger.warning("%s", error)
        own = record.requirements.rsplit("/", 1)[-1]
        raise bad_request(f"the rule set {own} of the data set cannot be read; the log says more") from error


async def review_table(services: Services, record: DatasetRecord, rules: str | None = None) -> ReviewTable:
    """The table of a data set, judged by a rule set; opened once for any number of requests.

    Raises
    ------
    HTTPException : 404 before the first finished scan, 400 for an unknown rule set.
    UnreadableDatasetError, DamagedDatasetError : when it cannot be read.
    """
    chosen = await services.quick(rule_set, record, rules)
    ready = await services.quick(services.review.peek, services.store, record, chosen)
    if ready is not None:
        return ready
    async with services.lock(f"review of {record.key}"):  # waits without a thread
        found = await services.table(services.review.open, services.store, record, chosen, _metadata(record))
    if found is None:
        raise not_found(f"data set {record.key} has no finished scan yet")
    return found


def _metadata(record: DatasetRecord) -> Any:
    def opener(profiles: ds.Dataset) -> Joined | None:
        from bqat_pipeline.report.metadata import load_metadata

        notes: list[str] = []  # the report shows them
        return load_metadata(record, profiles, (), notes)

    return opener if record.metadata_csv else None
