"""Whether aux_utility ranks real pictures as a recognition network does: part of ``benchmarks.evaluate --recognition MODEL.dat``."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.groups import wilson
from bqat_pipeline.columns import MEASURED
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.identity.chip import chip_of
from bqat_pipeline.identity.network import Embedder
from bqat_pipeline.requirements import recognition

Row = dict[str, Any]
FALSE_MATCHES = (1e-3, 1e-4)
DISCARDED = (0.0, 0.05, 0.1, 0.2, 0.3)
_SAME = 0.05  # distance below which two files show the same photograph: a pair of those proves nothing


def print_recognition(pairs: list[tuple[Row, Row]], folder: Path, engine: FaceEngine, model: Path) -> None:
    """Print the share of genuine pairs that do not match after the worst pictures by aux_utility were discarded.

    Parameters
    ----------
    pairs : Labels (file, person_id) and rows.
    model : File of the identity network, which takes no part in aux_utility itself; it taught its trees.
    """
    embedder = Embedder.open(model)
    people, utility, score, templates, verdicts = [], [], [], [], []
    for label, row in pairs:
        derived = label["file"].startswith("derived/")
        if row["status"] not in MEASURED or row["aux_utility"] is None or derived or not label["person_id"]:
            continue
        context = engine.context(folder / label["file"])
        people.append(label["person_id"])
        utility.append(row["aux_utility"])
        score.append(row["confidence"])
        templates.append(embedder.template(chip_of(context.pyramid, context.points)))
        verdicts.append(recognition(row).verdict)
    found = np.array(templates)
    distance = np.sqrt(np.maximum(2 - 2 * found @ found.T, 0))
    first, second = np.triu_indices(len(people), 1)
    apart = distance[first, second]
    names = np.array(people)
    genuine = names[first] == names[second]
    impostors = apart[~genuine]
    first, second, apart = (values[genuine & (apart > _SAME)] for values in (first, second, apart))
    several = {name for name, count in Counter(people).items() if count > 1}
    print(f"\nrecognition: {len(people)} pictures of {len(set(people))} persons, {len(several)} with several; ", end="")
    print(
        f"{len(apart)} genuine pairs, {len(impostors)} of different persons; second verdict {dict(Counter(verdicts))}"
    )
    inside = np.isin(names, list(several))
    for rate in FALSE_MATCHES:
        threshold = float(np.quantile(impostors, rate))
        missed = apart > threshold
        print(
            f"\nfalse match rate {rate:.2%}, distance {threshold:.3f}: {missed.sum()} non-matches, of pictures: ",
            end="",
        )
        print(Counter(Counter(i for pair in zip(first[missed], second[missed], strict=True) for i in pair).values()))
        print(
            "| discarded of the pictures with a pair | by aux_utility: non-matches (95 % interval) | by detector score |"
        )
        print("| --- | --- | --- |")
        for share in DISCARDED:
            cells = [_left(np.array(by), inside, share, first, second, missed) for by in (utility, score)]
            print(f"| {share:.0%} | {cells[0]} | {cells[1]} |")


def _left(
    rank: np.ndarray, inside: np.ndarray, share: float, first: np.ndarray, second: np.ndarray, missed: np.ndarray
) -> str:
    """Non-matches among the pairs of what is left when the lowest share of the pictures inside is discarded."""
    order = np.flatnonzero(inside)[np.argsort(rank[inside], kind="stable")]
    kept = inside.copy()
    kept[order[: round(share * len(order))]] = False
    both = kept[first] & kept[second]
    count, total = int((missed & both).sum()), int(both.sum())
    low, high = wilson(count, total)
    return f"{count} of {total} = {count / max(total, 1):.2%} ({low:.2%} to {high:.2%})"
