"""How a data set stands, beyond its counts: what costs most, and the verdicts of other rule sets on the same rows."""

import logging
from typing import Any

from pydantic import BaseModel, Field
from rich.table import Table

from bqat_pipeline.cli.console import CliError, out, print_table
from bqat_pipeline.cli.description import counts
from bqat_pipeline.datasets import DamagedDatasetError, DatasetRecord, DatasetStore, Manifest
from bqat_pipeline.datasets.report_folder import NUMBERS, SCHEMA_VERSION
from bqat_pipeline.datasets.stored import read_model

logger = logging.getLogger(__name__)

ALL = "all"


# What is told here of report.json (bqat_pipeline.report.document), whose whole model takes half a second to import.
class _Outcomes(BaseModel):
    passed: int
    borderline: int
    failed: int
    not_assessed: int


class _RuleSet(BaseModel):
    name: str
    outcomes: _Outcomes


class _Standing(BaseModel):
    advice: list[str] = Field([])
    rule_sets: list[_RuleSet] = Field([])


class _Scan(BaseModel):
    generation: str


class _Report(BaseModel):
    schema_version: int
    dataset: _Scan
    standing: _Standing


def advice(store: DatasetStore, record: DatasetRecord, manifest: Manifest) -> list[str]:
    """What the report of this scan says of what costs most; nothing where there is no such report.

    Its numbers are taken, not counted again: of a million pictures that would take seconds.
    """
    report = _report(store, record, manifest)
    return list(report.standing.advice) if report else []


def fit_for_recognition(store: DatasetStore, record: DatasetRecord, manifest: Manifest) -> dict[str, int] | None:
    """The second verdict on the measured pictures, as the report of this scan counted it; None without a report."""
    from bqat_pipeline.requirements import RECOGNITION

    report = _report(store, record, manifest)
    for found in report.standing.rule_sets if report else ():
        counted = found.outcomes
        if found.name == RECOGNITION and counted.passed + counted.borderline + counted.failed:
            return {
                "pass": counted.passed,
                "borderline": counted.borderline,
                "fail": counted.failed,
                "not_assessed": counted.not_assessed,
            }
    return None


def recognition_line(counted: dict[str, int]) -> str:
    """``fit for    recognition: 17 pass, 1 fail of 18 measured``."""
    return f"fit for    recognition: {counts(counted)} of {sum(counted.values()):,} measured"


def _report(store: DatasetStore, record: DatasetRecord, manifest: Manifest) -> _Report | None:
    what = f"{NUMBERS} of {record.key}"
    try:
        report = read_model(store.report(record.key) / NUMBERS, _Report, what, "make the report again")
    except DamagedDatasetError as error:  # or of another version
        logger.warning("%s", error)
        return None
    if report is None or report.schema_version != SCHEMA_VERSION:
        return None
    return report if report.dataset.generation == manifest.generation else None


def by_rule_sets(store: DatasetStore, record: DatasetRecord, rules: str) -> dict[str, Any]:
    """The rows of a data set judged by a rule set, or by all shipped ones (``all``), without measuring again.

    Raises
    ------
    CliError : when there is no such rule set.
    """
    from bqat_pipeline.report import standing
    from bqat_pipeline.requirements import load_rule_set

    try:
        chosen = load_rule_set(record.requirements if rules == ALL else rules)
    except (OSError, ValueError, LookupError) as error:
        raise CliError(str(error)) from error
    profiles = store.profiles(record.key)
    assert profiles is not None  # a manifest was published
    found = standing(chosen, profiles)
    if rules != ALL:
        found["rule_sets"] = found["rule_sets"][:1]
    return {"rule_sets": found["rule_sets"], "why": found["why"]}


def print_rule_sets(found: dict[str, Any]) -> None:
    """A line for each rule set, and what costs most by the first."""
    table = Table(box=None, pad_edge=False)
    table.add_column("rule set", no_wrap=True)
    for head in ("pass", "borderline", "fail", "not assessed", "pass rate"):
        table.add_column(head, justify="right", no_wrap=True)
    for entry in found["rule_sets"]:
        rate = entry["pass_rate"]
        numbers = (f"{entry[name]:,}" for name in ("pass", "borderline", "fail", "not_assessed"))
        table.add_row(entry["name"], *numbers, "" if rate is None else f"{100 * rate:.1f} %")
    print_table(table)
    for sentence in found["why"]["sentences"]:
        out.print(sentence)
