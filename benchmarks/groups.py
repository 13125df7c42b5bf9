"""Failure rates of every shipped requirement by groups of people, from a column of a table.

    python -m benchmarks.groups PICTURES TABLE [--by ethnicity] [--where expression=neutral]

``TABLE`` is a CSV file with a column ``file`` (below PICTURES) and columns of labels. Pictures of one light and one sitting
(a studio set) tell most: what differs between groups then is the people, not how they were photographed.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.requirements import evaluate_row, list_rule_sets, load_rule_set

_Z = 1.96  # 95 %
_LIGHT = (
    "iso_luminance_mean",
    "iso_under_exposure_prevention",
    "iso_under_exposure_prevention_score",
    "iso_dynamic_range",
    "aux_intensity_levels",
    "aux_light_zones_ratio",
)


def wilson(failed: int, total: int) -> tuple[float, float]:
    """Lower and upper end of the 95 % interval of a rate (Wilson's score interval)."""
    rate, z2 = failed / total, _Z**2
    middle = rate + z2 / (2 * total)
    half = _Z * (rate * (1 - rate) / total + z2 / (4 * total**2)) ** 0.5
    return max(0.0, (middle - half) / (1 + z2 / total)), min(1.0, (middle + half) / (1 + z2 / total))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--by", default="ethnicity")
    parser.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE")
    options = parser.parse_args()
    wanted = [tuple(condition.split("=", 1)) for condition in options.where]
    engine = FaceEngine()
    groups: dict[str, list[dict[str, object]]] = defaultdict(list)
    with options.table.open(newline="", encoding="utf-8-sig") as stream:
        for line in csv.DictReader(stream):
            if all(line[column] == value for column, value in wanted):
                groups[line[options.by]].append(engine.analyse(options.pictures / line["file"]))
    names = sorted(groups, key=lambda name: -len(groups[name]))
    print("| column, median (least to most) |", " | ".join(f"{name} ({len(groups[name])})" for name in names), "|")
    print("| --- |" + " --- |" * len(names))
    for column in _LIGHT:
        cells = []
        for name in names:
            values = np.array([row[column] for row in groups[name] if row.get(column) is not None], float)
            cells.append(f"{np.median(values):.3g} ({values.min():.3g} to {values.max():.3g})" if values.size else "")
        print(f"| `{column}` |", " | ".join(cells), "|")
    for profile in map(load_rule_set, list_rule_sets()):
        print(f"\n{profile.name}: failed, in brackets the 95 % interval\n")
        print("| requirement |", " | ".join(names), "|\n| --- |" + " --- |" * len(names))
        outcomes = {name: [evaluate_row(profile, row).results for row in groups[name]] for name in names}
        for requirement in profile.requirements:
            cells = []
            for name in names:
                failed = sum(results[requirement.name] == "fail" for results in outcomes[name])
                low, high = wilson(failed, len(outcomes[name]))
                cells.append(f"{failed} of {len(outcomes[name])} ({low:.0%} to {high:.0%})")
            print(f"| {requirement.name} ({requirement.severity}) |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
