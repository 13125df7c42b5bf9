"""Everything about one picture: its columns, requirements with their place in the data set, decision, copies."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow.dataset as ds

from bqat_pipeline.columns import without_personal
from bqat_pipeline.datasets.queries import page
from bqat_pipeline.requirements import evaluate_row, recognition
from bqat_pipeline.requirements.crop import plan_crop
from bqat_pipeline.requirements.outcomes import requirement_outcomes
from bqat_pipeline.review.table import Decided, ReviewTable
from bqat_pipeline.review.windows import items

# Members of a group of copies that are named.
MOST_COPIES = 100


def details(table: ReviewTable, row: int, decided: Decided) -> dict[str, Any] | None:
    """One picture with everything that is known of it; None where there is no such row."""
    if not 0 <= row < table.rows:
        return None
    names = [name for name in without_personal(table.columns.schema.names) if name != "row"]
    profile = page(table.columns.profiles, names, after=row - 1, limit=1).to_pylist()[0]
    verdict = evaluate_row(table.rules, profile)
    decision = decided.of(row)
    before = decided.before(row)
    return {
        "row": profile,
        "verdict": verdict.overall,
        "reasons": list(verdict.reasons),
        "requirements": [
            asdict(found) | {"better_than": _share_below(table, found.column, found.value)}
            for found in requirement_outcomes(table.rules, profile)
        ],
        "recognition": asdict(recognition(profile)),
        "decision": None if decision is None else asdict(decision),
        "before": None if before is None else str(before),
        "crop": _crop(table, profile),
        "outlier": _outlier(table, row),
        "duplicates": _copies(table, row, decided),
        "metadata": {name: column.words[column.codes[row]] for name, column in table.metadata.items()},
    }


def _crop(table: ReviewTable, profile: Mapping[str, Any]) -> dict[str, Any]:
    """The crop that meets the rule set's limits on size and place of the head, or the reason why there is none."""
    wide, high = profile.get("image_width"), profile.get("image_height")
    if not wide or not high:
        return {"crop": None, "reason": "No crop: the picture was not measured."}
    return asdict(plan_crop(table.rules, profile, (wide, high)))


def _share_below(table: ReviewTable, column: str, value: float | None) -> float | None:
    """Share of the measured rows whose value is lower."""
    if value is None or not table.is_measure(column):
        return None
    values = table.counted(column)
    known = int(np.count_nonzero(~np.isnan(values)))
    below = int(np.count_nonzero(values < value))
    table.columns.release([column])
    return round(below / known, 4) if known else None


def _outlier(table: ReviewTable, row: int) -> dict[str, Any] | None:
    """Why a picture is unusual; None when it is not, or nobody looked."""
    if table.findings.outlier is None or not table.findings.outlier[row]:
        return None
    found = table.generation.found("outliers")
    if found is None:
        return None
    entries = found.to_table(columns=["score", "severity", "reasons"], filter=ds.field("row") == row).to_pylist()
    if not entries:
        return None
    reasons = [why["words"] for why in entries[0]["reasons"] or [] if why.get("words")]
    return {"score": entries[0]["score"], "severity": entries[0]["severity"], "reasons": reasons}


def _copies(table: ReviewTable, row: int, decided: Decided) -> list[dict[str, Any]]:
    """The other members of the picture's group and itself, the suggested keeper first."""
    group = table.findings.group
    found = table.generation.found("duplicates") if group is not None and group[row] >= 0 else None
    if group is None or found is None:
        return []
    # tables of earlier versions have no words
    wanted = ("row", "file", "kind", "distance", "likeness", "mirrored", "keeper", "why")
    names = [name for name in wanted if name in found.schema.names]
    members = found.to_table(columns=names, filter=ds.field("group") == int(group[row])).to_pylist()
    # a group may hold a million copies of one placeholder: the keeper, the picture itself, and the first others
    members.sort(key=lambda m: (not m["keeper"], m["row"] != row, m["row"]))
    members = [m for m in members[:MOST_COPIES] if m["row"] < table.rows]
    rows = np.array([m["row"] for m in members], np.int32)
    shown = {item["row"]: item for item in items(table, rows, decided)}
    return [
        {
            "row": m["row"],
            "file": m["file"],
            "exact": m["kind"] == "exact",
            "changed": m["kind"] == "changed",
            "mirrored": bool(m.get("mirrored")),
            "likeness": m.get("likeness"),
            "distance": m["distance"],
            "keeper": m["keeper"],
            "why": m.get("why") or "",
            "verdict": shown[m["row"]]["verdict"],
            "decision": shown[m["row"]]["decision"],
            "image_width": shown[m["row"]]["image_width"],
            "image_height": shown[m["row"]]["image_height"],
        }
        for m in members
    ]
