"""The same rows judged by every shipped rule set: nothing is measured again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.requirements.evaluate import OUTCOMES, OVERALL, Codes, evaluate_batch, needed_columns
from bqat_pipeline.requirements.rule_set import RuleSet, list_rule_sets, load_rule_set
from bqat_pipeline.requirements.tally import Tally


@dataclass(frozen=True, slots=True)
class Standing:
    """Verdicts of the measured rows by one rule set; ``chosen``: that of the data set."""

    name: str
    title: str
    version: str
    chosen: bool
    overall: Tally

    def to_json(self) -> dict[str, Any]:
        """Plain data; rates as fractions."""
        facts = {"name": self.name, "title": self.title, "version": self.version, "chosen": self.chosen}
        return facts | self.overall.to_json()


class SideBySide:
    """Adds up batches of face profiles for one rule set and all shipped ones.

    Parameters
    ----------
    rules : The one that counts; it comes first.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._chosen = rules
        shipped = (load_rule_set(name) for name in list_rule_sets())
        self._rules = [rules, *(other for other in shipped if other.digest != rules.digest)]
        self._counts = np.zeros((len(self._rules), len(OUTCOMES)), np.int64)

    def columns(self, available: list[str]) -> list[str]:
        """The columns among those available that ``add`` reads."""
        return list(dict.fromkeys(name for rules in self._rules for name in needed_columns(rules, available)))

    def add(self, batch: pa.RecordBatch, codes: Mapping[str, Codes] | None = None) -> None:
        """Count a batch.

        Parameters
        ----------
        codes : What ``evaluate_batch`` says of it by the rule set that counts, where that is known.
        """
        measured = np.ones(batch.num_rows, bool)
        if "status" in batch.schema.names:
            inside = pc.is_in(batch.column("status"), value_set=pa.array(MEASURED))
            measured = inside.to_numpy(zero_copy_only=False)
        for place, rules in enumerate(self._rules):
            found = codes if codes is not None and place == 0 else evaluate_batch(rules, batch)
            self._counts[place] += np.bincount(found[OVERALL][measured], minlength=len(OUTCOMES))

    def result(self) -> list[Standing]:
        """The one that counts, then the others by name."""
        return [
            Standing(rules.name, rules.title, rules.version, rules is self._chosen, Tally(*(int(n) for n in counts)))
            for rules, counts in zip(self._rules, self._counts, strict=True)
        ]
