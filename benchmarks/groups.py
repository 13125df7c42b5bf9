"""Failure rates of every shipped requirement by groups of people, from columns of a table, with 95 % intervals and tests.

    python -m benchmarks.groups PICTURES TABLE [--by ethnicity --by gender --by age] [--where expression=neutral] [--light]

``TABLE`` is a CSV file with a column ``file`` (below PICTURES) and columns of labels; ages are cut into bands. Pictures of one
light and one sitting (a studio set) tell most: what differs between groups then is the people, not how they were photographed.
``--light`` adds copies in worse light, made in linear light, and prints how many of each group are found.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.report.metadata.ages import age_band, is_age
from bqat_pipeline.requirements import (
    RuleSet,
    Scorecard,
    ScorecardCounter,
    list_rule_sets,
    load_rule_set,
)
from bqat_pipeline.requirements import wilson as interval
from bqat_pipeline.requirements.group_differences import GroupComparison, GroupRate, compare_groups
from bqat_pipeline.requirements.quantities import quantity

Row = dict[str, Any]
Labelled = tuple[Row, Row]  # line of the table, row of the engine
GROUPS = ("ethnicity", "gender", "age")
LIGHT = (
    "iso_luminance_mean",
    "iso_under_exposure_prevention",
    "iso_under_exposure_prevention_score",
    "iso_dynamic_range",
    "aux_intensity_levels",
    "aux_light_zones_ratio",
)
# Decisions and the labels that they are compared with: column, label column, value that means yes, value that means no.
DECISIONS = (
    ("smile", "expression", "smiling", "neutral"),
    ("glasses", "glasses", "1", "0"),
    ("eye_closed_right", "eyes_closed_right", "1", "0"),
    ("eye_closed_left", "eyes_closed_left", "1", "0"),
    ("aux_mouth_open", "mouth_open", "1", "0"),
)
# Light of the copies, and the requirements that should notice: rule set, requirement.
COPIES: dict[float, tuple[tuple[str, str], ...]] = {
    1 / 4: (("icao-tr-portrait", "intensity_levels"), ("enrolment-relaxed", "intensity_levels")),
    1 / 32: (("icao-tr-portrait", "intensity_levels"), ("enrolment-relaxed", "intensity_levels")),
    2: (("enrolment-relaxed", "over_exposure"),),
    8: (("enrolment-relaxed", "over_exposure"),),
}


def wilson(failed: int, total: int) -> tuple[float, float]:
    """Lower and upper end of the 95 % interval of a rate (Wilson's score interval); everything when nothing was counted."""
    return interval(failed, total) or (0.0, 1.0)


def group_of(label: Row, column: str) -> str:
    """Group of a picture by a column of the table, ages in bands; empty: unknown."""
    value = label.get(column) or ""
    return age_band(value) if is_age(column) and value not in ("NA", "") else value.replace("NA", "")


def compare(
    rules: RuleSet, labelled: Sequence[Labelled], columns: Sequence[str]
) -> tuple[list[Scorecard], GroupComparison]:
    """Scorecards by each column, and their groups compared."""
    names = ["status", *rules.columns]
    cards = []
    for column in columns:
        counter = ScorecardCounter(rules, "group")
        lines = [{n: row.get(n) for n in names} | {"group": group_of(label, column)} for label, row in labelled]
        types = {n: pa.float64() for n in names if n != "status" and not quantity(n).boolean}
        types |= {n: pa.bool_() for n in names if n not in types and n != "status"}
        types |= {"status": pa.string(), "group": pa.string()}
        counter.add(pa.RecordBatch.from_pylist(lines, pa.schema(list(types.items()))))
        cards.append(counter.result())
    return cards, compare_groups(cards)


def print_table(title: str, groups: Sequence[str], lines: Iterator[tuple[str, list[str]]]) -> None:
    """A Markdown table with a column for each group."""
    print(f"\n| {title} | {' | '.join(groups)} |\n| --- |{' --- |' * len(groups)}")
    for name, cells in lines:
        print(f"| {name} | {' | '.join(cells)} |")


def share(count: int, total: int) -> str:
    """``3 of 12 (9% to 53%)``."""
    low, high = wilson(count, total)
    return f"{count} of {total} ({low:.0%} to {high:.0%})" if total else ""


def apart(rates: Sequence[GroupRate]) -> bool:
    """Whether the 95 % intervals of any two groups do not overlap."""
    ends = [rate.interval for rate in rates if rate.interval is not None]
    return bool(ends) and max(low for low, _ in ends) > min(high for _, high in ends)


def print_light(labelled: Sequence[Labelled], column: str) -> None:
    """Medians and ranges of the measures of light by group."""
    groups = members(labelled, column)

    def lines() -> Iterator[tuple[str, list[str]]]:
        for name in LIGHT:
            values = [np.array([r[name] for _, r in g if r.get(name) is not None], float) for g in groups.values()]
            yield (
                f"`{name}`",
                [f"{np.median(v):.3g} ({v.min():.3g} to {v.max():.3g})" if v.size else "" for v in values],
            )

    print_table("median (least to most)", [f"{n} ({len(g)})" for n, g in groups.items()], lines())


def print_requirements(labelled: Sequence[Labelled], columns: Sequence[str]) -> None:
    """Failure rates of each requirement of each rule set by group, and where groups differ."""
    for rules in map(load_rule_set, list_rule_sets()):
        cards, found = compare(rules, labelled, columns)
        force = {r.name: f" ({r.severity})" for r in rules.requirements}
        start, separate, marked = 0, 0, 0
        print(
            f"\n## {rules.name}: failed, with 95 % intervals; p: least of Fisher's tests against the other groups, Holm"
        )
        for column, card in zip(columns, cards, strict=True):
            names = [g.group for g in card.groups if g.group]
            rates: dict[str, list[GroupRate]] = defaultdict(list)
            count = len(names) * (len(rules.requirements) + 2)
            for rate in found.rates[start : start + count]:
                rates[rate.requirement].append(rate)
            start += count
            separate += sum(map(apart, rates.values()))
            marked += sum(rate.differs for group in rates.values() for rate in group)

            def lines(
                rates: dict[str, list[GroupRate]] = rates, force: dict[str, str] = force
            ) -> Iterator[tuple[str, list[str]]]:
                for requirement, group in rates.items():
                    cells = [share(rate.failed, rate.assessed) for rate in group]
                    least = min(rate.adjusted for rate in group)
                    yield (
                        f"{requirement}{force}",
                        [*cells, f"p {least:.2g}{', intervals apart' if apart(group) else ''}"],
                    )

            print_table(column, [*names, "difference"], lines())
        print(f"\n{rules.name}: {found.comparisons} comparisons, {marked} beyond chance; intervals apart in {separate}")


def print_decisions(labelled: Sequence[Labelled], columns: Sequence[str]) -> None:
    """What the decisions find and find falsely, by group."""
    for column in columns:
        groups = members(labelled, column)

        def lines(groups: dict[str, list[Labelled]] = groups) -> Iterator[tuple[str, list[str]]]:
            for decision, label, yes, no in DECISIONS:
                for value, words in ((yes, "found"), (no, "falsely found")):
                    cells = []
                    for group in groups.values():
                        judged = [
                            r[decision] for line, r in group if line.get(label) == value and r[decision] is not None
                        ]
                        cells.append(share(sum(judged), len(judged)))
                    if any(cells):
                        yield f"{decision}: {words}", cells

        print_table(f"decisions by {column}", list(groups), lines())


def members(labelled: Sequence[Labelled], column: str) -> dict[str, list[Labelled]]:
    """Pictures of each group, the largest group first."""
    found: dict[str, list[Labelled]] = defaultdict(list)
    for label, row in labelled:
        if group_of(label, column):
            found[group_of(label, column)].append((label, row))
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def in_light(image: np.ndarray, gain: float) -> np.ndarray:
    """The picture as it would be stored with ``gain`` times the light: (h, w, 3) uint8 sRGB."""
    stored = np.arange(256) / 255
    linear = np.where(stored > 0.04045, ((stored + 0.055) / 1.055) ** 2.4, stored / 12.92) * gain
    linear = np.clip(linear, 0, 1)
    table = 255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return cv2.LUT(image, np.rint(table).astype(np.uint8))


def print_bad_light(engine: FaceEngine, pictures: Path, labels: Sequence[Row], column: str) -> None:
    """How many copies in bad light are noticed, by group: a limit that is blind for one group is no better than an unfair one."""
    rules = {name: load_rule_set(name) for wanted in COPIES.values() for name, _ in wanted}
    groups = members([(label, {}) for label in labels], column)

    def lines() -> Iterator[tuple[str, list[str]]]:
        for gain, wanted in COPIES.items():
            copies = []
            for label in labels:
                image = cv2.imread(str(pictures / label["file"]), cv2.IMREAD_COLOR_RGB)
                copies.append((label, engine.analyse(in_light(image, gain))))
            for name, requirement in wanted:
                cards, _ = compare(rules[name], copies, [column])
                tallies = {g.group: g.requirements[requirement] for g in cards[0].groups}
                cells = [share(tallies[g].failed, tallies[g].assessed) for g in groups]
                yield f"light x {gain:.3g}: {name}, {requirement}", cells

    print_table(f"copies that fail, by {column}", list(groups), lines())


def print_all(
    engine: FaceEngine, pictures: Path, labelled: Sequence[Labelled], columns: Sequence[str], *, light: bool = False
) -> None:
    """Everything about labelled pictures: limits on those that are not called smiling, decisions on all of them."""
    neutral = [pair for pair in labelled if pair[0].get("expression", "neutral") == "neutral"]
    measured = sum(row["status"] in MEASURED for _, row in labelled)
    print(f"\nby group: {len(labelled)} pictures, {measured} measured; limits on {len(neutral)} neutral ones")
    print_light(neutral, columns[0])
    print_requirements(neutral, columns)
    print_decisions(labelled, columns)
    if light:
        print_bad_light(engine, pictures, [label for label, _ in neutral], columns[0])


def main() -> None:
    """Analyse the pictures of a table and print rates by group."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--by", action="append", help=f"columns to group by; default: {', '.join(GROUPS)}")
    parser.add_argument(
        "--where", action="append", default=[], metavar="COLUMN=VALUE", help="pictures that are looked at"
    )
    parser.add_argument("--light", action="store_true", help="add copies in worse light")
    options = parser.parse_args()
    wanted = [tuple(condition.split("=", 1)) for condition in options.where]
    engine = FaceEngine()
    with options.table.open(newline="", encoding="utf-8-sig") as stream:
        lines = [line for line in csv.DictReader(stream) if all(line[name] == value for name, value in wanted)]
    labelled = [(line, engine.analyse(options.pictures / line["file"])) for line in lines]
    print_all(engine, options.pictures, labelled, options.by or GROUPS, light=options.light)


if __name__ == "__main__":
    main()
