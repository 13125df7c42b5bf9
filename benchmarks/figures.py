"""Figures of speed and memory, stored in the repository by kind of machine, and compared with those.

A file for each kind, ``benchmarks/stored/figures/KIND.json``, a figure a line.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

STORED = Path(__file__).parent / "stored" / "figures"

Nature = Literal["ratio", "cpu", "wall", "memory"]

# How far a figure may be from the stored one before it counts, as a share. Measured by repeating on a shared machine at
# other times: ratios of CPU times that are taken in turns spread by 4 to 8 %, CPU times by up to 40 % (another
# program in the same cache and at the same clock), times by the clock by more.
NOISE: dict[Nature, float] = {"ratio": 0.1, "cpu": 0.4, "wall": 0.6, "memory": 0.15}
WORDS: dict[Nature, str] = {
    "ratio": "ratios within a run",
    "cpu": "CPU time",
    "wall": "time by the clock",
    "memory": "memory",
}


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes
    ----------
    name : What was measured, with its sizes.
    value : The figure.
    unit : ``ms``, ``s``, ``MB``, ``images/s``, ``x`` for a ratio.
    nature : What it is, from which follows how much it is allowed to move.
    higher_is_better : For throughput.
    """

    name: str
    value: float
    unit: str
    nature: Nature
    higher_is_better: bool = False


Outcome = Literal["same", "slower", "faster", "more", "less", "new", "not measured"]


@dataclass(frozen=True)
class Comparison:
    """A figure beside the stored one.

    Attributes
    ----------
    name : Name of the figure.
    now, stored : The two figures; None where one is missing.
    ratio : now / stored; None where one is missing.
    outcome : ``slower``, ``faster`` (for memory ``more``, ``less``) beyond the noise, ``same`` within it, ``new`` without a
        stored figure, ``not measured`` without one of now.
    """

    name: str
    now: Figure | None
    stored: Figure | None
    ratio: float | None
    outcome: Outcome


@dataclass(frozen=True)
class Stored:
    """The stored figures of a kind of machine, with the machine, versions and load of the run that they are from."""

    figures: list[Figure]
    origin: dict[str, Any]


def compare(now: Sequence[Figure], stored: Sequence[Figure]) -> list[Comparison]:
    """Each figure beside the stored one of its name, in the order of ``now``; then stored ones that were not measured."""
    before = {figure.name: figure for figure in stored}
    found = [_beside(figure, before.pop(figure.name, None)) for figure in now]
    return found + [Comparison(figure.name, None, figure, None, "not measured") for figure in before.values()]


def _beside(now: Figure, stored: Figure | None) -> Comparison:
    if stored is None or stored.value <= 0:
        return Comparison(now.name, now, stored, None, "new")
    ratio = now.value / stored.value
    cost = 1 / ratio if now.higher_is_better and ratio > 0 else ratio
    worse, better = ("more", "less") if now.nature == "memory" else ("slower", "faster")
    margin = 1 + NOISE[now.nature]
    outcome: Any = worse if cost > margin else better if cost < 1 / margin else "same"
    return Comparison(now.name, now, stored, ratio, outcome)


def load(kind: str, folder: Path = STORED) -> Stored | None:
    """The stored figures of a kind of machine; None when there are none."""
    path = folder / f"{kind}.json"
    if not path.is_file():
        return None
    content = json.loads(path.read_text())
    return Stored([Figure(**figure) for figure in content.pop("figures")], content)


def store(kind: str, figures: Iterable[Figure], origin: dict[str, Any], folder: Path = STORED) -> Path:
    """Write the figures of a kind of machine to 4 digits, those not measured this time as they were; return the file.

    Parameters
    ----------
    origin : Machine, versions, load and day of the run; a dictionary of simple values.
    """
    old = load(kind, folder)
    merged = {figure.name: figure for figure in (old.figures if old else [])}
    merged |= {figure.name: replace(figure, value=float(f"{figure.value:.4g}")) for figure in figures}
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in origin.items()]
    rows = ",\n".join(f"    {json.dumps(asdict(figure))}" for figure in merged.values())
    path = folder / f"{kind}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["{", *lines, '  "figures": [', rows, "  ]", "}"]) + "\n")
    return path


def table(compared: Sequence[Comparison]) -> str:
    """The comparison as lines: name, figure, stored figure, ratio, and a mark for what moved beyond the noise."""
    lines = []
    for c in compared:
        now = f"{c.now.value:,.4g} {c.now.unit}" if c.now else "-"
        stored = f"{c.stored.value:,.4g} {c.stored.unit}" if c.stored else "-"
        ratio = f"{c.ratio:.2f}" if c.ratio is not None else "-"
        mark = {"same": "", "slower": "  SLOWER", "more": "  MORE"}.get(c.outcome, f"  {c.outcome}")
        lines.append(f"{c.name:58} {now:>16} {stored:>16} {ratio:>6}{mark}")
    return "\n".join([f"{'':58} {'now':>16} {'stored':>16} {'ratio':>6}", *lines])


def noise_sentence() -> str:
    """What counts as moved, in words."""
    parts = ", ".join(f"{WORDS[nature]} {share:.0%}" for nature, share in NOISE.items())
    return f"Marked is what moved by more than the noise: {parts}."


def write_measured(path: Path | None, figures: Iterable[Figure]) -> None:
    """Add figures to a file that ``python -m benchmarks`` reads, if it asked for one."""
    if path is not None:
        with path.open("a") as lines:
            lines.writelines(json.dumps(asdict(figure)) + "\n" for figure in figures)


def read_measured(path: Path) -> list[Figure]:
    """The figures that the parts of a run wrote."""
    return [Figure(**json.loads(line)) for line in path.read_text().splitlines()] if path.is_file() else []
