"""Windows: a few rows anywhere in the filtered and sorted table, with the reasons of these rows only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bqat_pipeline.datasets.conditions import Condition
from bqat_pipeline.requirements import OUTCOMES
from bqat_pipeline.review.judging import reasons
from bqat_pipeline.review.profile_columns import Rows
from bqat_pipeline.review.table import WORST, Decided, ReviewTable


@dataclass(frozen=True)
class Window:
    """Part of a view.

    Attributes
    ----------
    matching : Rows of the view.
    start : Position of the first item in it.
    items : One a row, as the page shows it.
    position : Where the row that was asked for stands in the view; None when it is not in it, or none was.
    """

    matching: int
    start: int
    items: list[dict[str, Any]]
    position: int | None = None


def window(
    table: ReviewTable,
    conditions: Sequence[Condition],
    decided: Decided,
    *,
    sort: str = WORST,
    start: int = 0,
    count: int = 60,
    around: int | None = None,
) -> Window:
    """Rows ``start`` to ``start + count`` of a view.

    Parameters
    ----------
    around : Row to look for; the window begins at a multiple of ``count`` and holds it, or is the first one when the
        row is not in the view.

    Raises
    ------
    QueryError : for a sort that there is not.
    """
    view = table.view(conditions, sort, decided)
    position = None
    if around is not None:
        found = np.flatnonzero(view == around)
        position = int(found[0]) if len(found) else None
        start = (position or 0) // count * count
    return Window(len(view), start, items(table, view[start : start + count], decided), position)


def items(table: ReviewTable, rows: Rows, decided: Decided) -> list[dict[str, Any]]:
    """Some rows as the page shows them."""
    columns, findings = table.columns, table.findings
    # one by one: to take some rows of a column of many chunks, Arrow copies all of it
    files, sha256, texts = (
        [c[row].as_py() for row in rows.tolist()] for c in (columns.files, columns.sha256, columns.reasons)
    )
    sizes = [_integers(table, name, rows) for name in ("image_width", "image_height")]
    why = reasons(columns, table.rules, rows)
    found = []
    for place, row in enumerate(rows.tolist()):
        decision = decided.of(row)
        group = -1 if findings.group is None else int(findings.group[row])
        found.append(
            {
                "row": row,
                "file": files[place],
                "sha256": sha256[place] or None,
                "status": columns.statuses[columns.status[row]],
                "reason": texts[place],
                "verdict": OUTCOMES[table.judgement.verdict[row]],
                "reasons": why[place],
                "decision": None if decision is None else str(decision.decision),
                "reviewer": None if decision is None else decision.reviewer,
                "before": _decision_name(decided.before(row)),
                "outlier": None if findings.outlier is None else bool(findings.outlier[row]),
                "duplicate_group": None if group < 0 else group,
                "image_width": sizes[0][place],
                "image_height": sizes[1][place],
            }
        )
    return found


def _decision_name(decision: Any) -> str | None:
    return None if decision is None else str(decision)


def _integers(table: ReviewTable, name: str, rows: Rows) -> list[int | None]:
    if not table.columns.is_number(name):
        return [None] * len(rows)
    values = table.columns.numbers([name])[name][rows]
    return [None if np.isnan(value) else int(value) for value in values.tolist()]
