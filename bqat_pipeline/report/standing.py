"""Where a data set stands, as plain data: scorecard, why it falls short, percentiles, other rule sets; one pass."""

from typing import Any

import numpy as np
import pyarrow.dataset as ds

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets.tables import read_batches
from bqat_pipeline.report.sketch import Sketch
from bqat_pipeline.requirements import RuleSet, ScorecardCounter, judged_values
from bqat_pipeline.requirements.shortfall import ShortfallCounter
from bqat_pipeline.requirements.side_by_side import SideBySide

PERCENTILES = (5, 50, 95)


def standing(rules: RuleSet, profiles: "ds.Dataset", group_by: str | None = None) -> dict[str, Any]:
    """The scorecard as JSON data, with what would make more pictures pass and how other rule sets judge the same rows.

    Memory does not grow with the data set; percentiles are known to 0.1 % of their value.

    Parameters
    ----------
    rules : The limits.
    profiles : Face profiles.
    group_by : Column to group by, or None.
    """
    card, shortfall, others = ScorecardCounter(rules, group_by), ShortfallCounter(rules), SideBySide(rules)
    available = profiles.schema.names
    columns = dict.fromkeys([*card.columns(available), *shortfall.columns(available), *others.columns(available)])
    sketches = {r.name: Sketch() for r in rules.requirements}
    for _, batch in read_batches(profiles, list(columns)):
        codes, values = judged_values(rules, batch)
        card.add(batch, codes)
        shortfall.add(batch, codes)
        others.add(batch, codes)
        measured = np.isin(batch.column("status").to_numpy(zero_copy_only=False), MEASURED)
        for name, sketch in sketches.items():
            sketch.add(values[name][measured])
    found = card.result().to_json()
    for requirement in found["requirements"]:
        requirement["percentiles"] = percentiles(sketches[requirement["name"]])
    return found | {
        "why": shortfall.result().to_json(),
        "rule_sets": [other.to_json() for other in others.result()],
    }


def percentiles(sketch: Sketch) -> dict[str, float] | None:
    """``p5``, ``p50``, ``p95`` of what was measured; None where nothing was."""
    if not sketch.n:
        return None
    found = sketch.quantile(*(share / 100 for share in PERCENTILES))
    return {f"p{share}": value for share, value in zip(PERCENTILES, found, strict=True)}
