"""Why pictures of a data set do not pass, and how many would: without two requirements, or after a crop.

Counted along with the verdicts, in time and memory that do not depend on the number of pictures beyond one pass: each
picture is the set of required limits that it does not meet, and equal sets are counted together. Crops are worked out
for at most ``LOOKED_AT`` of those that fail nothing but size, place and tilt of the head; which ones depends on their
row numbers alone.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.requirements.crop import GEOMETRY, crop_columns, cropped, plan_crop
from bqat_pipeline.requirements.evaluate import BORDERLINE, FAIL, OVERALL, PASS, Codes, evaluate_row
from bqat_pipeline.requirements.rule_set import RuleSet

# Crops that are worked out, 3.5 ms each: the share is known to 7 percentage points (95 %) at worst.
LOOKED_AT = 200
# Knuth's multiplicative hash: rows in an order that has nothing to do with their names.
_SPREAD, _RANGE = 2654435761, 1 << 32


@dataclass(frozen=True, slots=True)
class Cost:
    """A required limit, and how many measured pictures do not meet it beyond doubt (fail, borderline, not assessed)."""

    name: str
    title: str
    missed: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What keeps measured pictures from a pass.

    Attributes
    ----------
    measured, passed : Pictures.
    costs : The two required limits without which most would pass; fewer where there are no two that any picture misses.
    passed_without : Pictures that would pass without these.
    borderline : Pictures that are borderline.
    croppable : Pictures that miss limits on size, place and tilt of the head and fail no other.
    looked_at : How many of these a crop was worked out for.
    saved, unsure : How many of those pass with it, and how many are borderline.
    borderline_croppable : How many of the borderline pictures are among the croppable ones.
    """

    measured: int
    passed: int
    costs: tuple[Cost, ...]
    passed_without: int
    borderline: int
    borderline_croppable: int
    croppable: int
    looked_at: int
    saved: int
    unsure: int

    @property
    def passed_after_crop(self) -> int:
        """Pictures that pass after a crop: counted, or estimated where not all were looked at."""
        return self.passed + self._of_all(self.saved)

    @property
    def borderline_after_crop(self) -> int:
        """Pictures that are borderline after a crop, as ``passed_after_crop``."""
        return self.borderline - self.borderline_croppable + self._of_all(self.unsure)

    def _of_all(self, number: int) -> int:
        return round(self.croppable * number / self.looked_at) if self.looked_at else 0

    def sentences(self) -> list[str]:
        """One or two sentences for people; none where every picture passes."""
        if not self.costs:
            return []
        names = " and ".join(cost.title.lower() for cost in self.costs)
        missed = " and ".join(f"{cost.missed:,}" for cost in self.costs)
        do = "does" if missed == "1" else "do"
        verb, them = ("cost", "them") if len(self.costs) > 1 else ("costs", "it")
        # The two are those without which most would pass: where they save none, no other two do.
        without = f"without {them} {self.passed_without:,} would"
        if self.passed_without == self.passed:
            without = "and every other picture misses three required limits or more"
        lines = [
            f"{names[0].upper()}{names[1:]} {verb} most: "
            f"of {self.measured:,} measured, {missed} {do} not clearly meet {them}; {self.passed:,} pass, {without}."
        ]
        if self.saved or self.unsure:
            estimated = self.looked_at < self.croppable
            basis = f", estimated from {self.looked_at:,} of {self.croppable:,} pictures" if estimated else ""
            about = "about " if estimated else ""
            lines.append(
                f"Cropped (bqat crop, which enlarges nothing), {about}{self.passed_after_crop:,} would pass and "
                f"{self.borderline_after_crop:,} be borderline (now {self.borderline:,}){basis}."
            )
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the sentences."""
        return {
            **asdict(self),
            "costs": [asdict(cost) for cost in self.costs],
            "passed_after_crop": self.passed_after_crop,
            "borderline_after_crop": self.borderline_after_crop,
            "sentences": self.sentences(),
        }


class ShortfallCounter:
    """Adds up batches of face profiles.

    Parameters
    ----------
    rules : The limits.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._required = [r for r in rules.requirements if r.severity == "required"][:62]  # bits of an int64
        self._geometry = sum(1 << bit for bit, r in enumerate(self._required) if r.quantity in GEOMETRY)
        self._sets: Counter[int] = Counter()
        self._croppable = self._borderline = self._borderline_croppable = 0
        self._rows = 0
        self._sample: list[tuple[int, dict[str, Any]]] = []

    def columns(self, available: list[str]) -> list[str]:
        """The columns among those available that ``add`` reads."""
        return crop_columns(self._rules, available)

    def add(self, batch: pa.RecordBatch, codes: Mapping[str, Codes]) -> None:
        """Count a batch.

        Parameters
        ----------
        codes : What ``evaluate_batch`` says of it.
        """
        missed, failed = np.zeros(batch.num_rows, np.int64), np.zeros(batch.num_rows, np.int64)
        for bit, requirement in enumerate(self._required):
            missed |= (codes[requirement.name] != PASS).astype(np.int64) << bit
            failed |= (codes[requirement.name] == FAIL).astype(np.int64) << bit
        measured = np.ones(batch.num_rows, bool)
        if "status" in batch.schema.names:
            inside = pc.is_in(batch.column("status"), value_set=pa.array(MEASURED))
            measured = inside.to_numpy(zero_copy_only=False)
        values, counts = np.unique(missed[measured], return_counts=True)
        self._sets.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        croppable = measured & (missed & self._geometry != 0) & (failed & ~self._geometry == 0)
        borderline = measured & (codes[OVERALL] == BORDERLINE)
        self._croppable += int(croppable.sum())
        self._borderline += int(borderline.sum())
        self._borderline_croppable += int((croppable & borderline).sum())
        self._keep(batch, croppable)
        self._rows += batch.num_rows

    def result(self) -> Shortfall:
        """What all batches so far say."""
        missed = [sum(n for found, n in self._sets.items() if found >> bit & 1) for bit in range(len(self._required))]
        chosen = self._chosen(missed)
        without = sum(1 << bit for bit in chosen)
        after = Counter(self._after_crop(row) for _, row in self._sample)
        return Shortfall(
            measured=self._sets.total(),
            passed=self._sets[0],
            costs=tuple(Cost(self._required[b].name, self._required[b].title, missed[b]) for b in chosen),
            passed_without=sum(n for found, n in self._sets.items() if found & ~without == 0),
            borderline=self._borderline,
            borderline_croppable=self._borderline_croppable,
            croppable=self._croppable,
            looked_at=len(self._sample),
            saved=after["pass"],
            unsure=after["borderline"],
        )

    def _chosen(self, missed: list[int]) -> list[int]:
        """Bits of the two limits without which most pictures pass; of equal pairs the one that more miss."""
        costly = sorted((bit for bit, n in enumerate(missed) if n), key=lambda bit: -missed[bit])
        if len(costly) < 2:
            return costly

        def gain(first: int, second: int) -> tuple[int, int]:
            one, other = 1 << first, 1 << second
            return self._sets[one] + self._sets[other] + self._sets[one | other], missed[first] + missed[second]

        return list(max(combinations(costly, 2), key=lambda pair: gain(*pair)))

    def _keep(self, batch: pa.RecordBatch, wanted: Any) -> None:
        index = np.flatnonzero(wanted)
        keys = (index + self._rows) * _SPREAD % _RANGE
        if len(self._sample) == LOOKED_AT:
            index, keys = index[keys < self._sample[-1][0]], keys[keys < self._sample[-1][0]]
        nearest = np.argsort(keys, kind="stable")[:LOOKED_AT]
        names = self.columns(batch.schema.names)
        rows = batch.select(names).take(pa.array(index[nearest])).to_pylist()
        self._sample += zip(keys[nearest].tolist(), rows, strict=True)
        self._sample = sorted(self._sample, key=lambda entry: entry[0])[:LOOKED_AT]

    def _after_crop(self, row: dict[str, Any]) -> str:
        """Verdict of the picture with its crop, by calculation; as it is where there is none."""
        wide, high = row.get("image_width"), row.get("image_height")
        if wide and high:
            crop = plan_crop(self._rules, row, (wide, high)).crop
            if crop is not None:
                row = cropped(row, (wide, high), crop)
        return evaluate_row(self._rules, row).overall
