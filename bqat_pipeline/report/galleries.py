"""Pictures that a person should look at, with reasons."""

from collections.abc import Mapping, Sequence
from typing import Any

from bqat_pipeline.report import formatting
from bqat_pipeline.report.aggregates import Rows
from bqat_pipeline.report.document import Picture
from bqat_pipeline.report.inputs import Labels
from bqat_pipeline.requirements import RuleSet, evaluate_row

# Columns of a row that is shown, beside those that its requirements need.
SHOWN = (
    *("row", "file", "folder", "sha256", "status", "image_width", "image_height"),
    *("bbox_left", "bbox_upper", "bbox_right", "bbox_lower"),
)


def picture(
    row: Mapping[str, Any], labels: Labels, *, reasons: Sequence[str] = (), verdict: str = "", note: str = ""
) -> Picture:
    """A row as a picture of a gallery."""
    return Picture(
        row=row["row"],
        label=labels.picture(row),
        folder=labels.folder(row.get("folder")),
        status=row.get("status") or "",
        verdict=verdict,
        reasons=list(reasons),
        note=note,
    )


def worst_pictures(order: Sequence[int], rows: Rows, rules: RuleSet, labels: Labels) -> list[Picture]:
    """The pictures that miss most requirements, with what to change, worst first."""
    pictures = []
    for number in order:
        if number in rows:
            verdict = evaluate_row(rules, rows[number])
            missed = sum(outcome == "fail" for outcome in verdict.results.values())
            pictures.append(
                picture(
                    rows[number],
                    labels,
                    reasons=verdict.reasons,
                    verdict=verdict.overall,
                    note=f"misses {formatting.plural(missed, 'limit')}" if missed else "borderline",
                )
            )
    return pictures
