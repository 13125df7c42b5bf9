"""How a data set stands, beyond its counts: what costs most, and the verdicts of other rule sets on the same rows."""

from typing import TYPE_CHECKING, Any

from rich.table import Table

from bqat_pipeline.cli.console import CliError, out, print_table
from bqat_pipeline.cli.description import counts
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Manifest

if TYPE_CHECKING:
    from bqat_pipeline.report.document import Report

ALL = "all"


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
        if found.name == RECOGNITION and found.outcomes.assessed:
            counted = found.outcomes
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


def _report(store: DatasetStore, record: DatasetRecord, manifest: Manifest) -> "Report | None":
    from bqat_pipeline.report import read_report

    report = read_report(store, record.key)
    return report if report is not None and report.dataset.generation == manifest.generation else None


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
