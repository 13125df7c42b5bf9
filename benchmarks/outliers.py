"""Recall and precision of the outlier detectors for errors planted in real face profiles: the figures of docs/outliers.md.

    python benchmarks/outliers.py PICTURES --profiles profiles.parquet

Measures every picture below PICTURES and a few mild variants of it (shift, size, light, compression), such as occur within
a day of photography, with the real engine; plants five kinds of errors in the table; counts those that `tail` and ECOD find.
The profiles are kept in the given file, so that a second run only plants and counts.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bqat_pipeline.columns import MEASURED, columns_for
from bqat_pipeline.outliers import WIRE_COLUMNS
from bqat_pipeline.outliers.ecod import Ecod
from bqat_pipeline.outliers.matrix import Feature, features, matrix, measured
from bqat_pipeline.outliers.reasons import explain
from bqat_pipeline.outliers.tail import RowScores, TailModel

KINDS = ("single", "several", "pair", "cluster", "rare")
# Share of rows that each kind of error is planted in; a combination that many rows have is not rare.
SHARE, RARE_SHARE = 0.003, 0.0005
Matrix = np.ndarray


# real profiles


def measure(folder: Path, target: Path, variants: int) -> None:
    """Profiles of all pictures below a folder and of ``variants`` changed copies of each."""
    from bqat_pipeline.face import FaceEngine

    engine = FaceEngine()
    rows = []
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".tif", ".bmp"))
    for number, path in enumerate(paths):
        generator = np.random.default_rng(number)
        image = cv2.imread(str(path))
        if image is None:
            continue
        for copy in range(variants + 1):
            source = path if copy == 0 else _variant(image, generator)
            rows.append({"file": f"{path.relative_to(folder)}#{copy}", **engine.analyse(source)})
        print(f"\r{number + 1}/{len(paths)}", end="", flush=True)
    print()
    schema = columns_for("bqat").arrow_schema()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema([f for f in schema if f.name in rows[0]])), target)


def _variant(image: np.ndarray, generator: np.random.Generator) -> bytes:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), generator.normal(0, 1.5), generator.uniform(0.94, 1.06))
    matrix[:, 2] += generator.normal(0, 0.015, 2) * (width, height)
    image = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    image = np.clip(255 * (image / 255.0) ** generator.lognormal(0, 0.12) * generator.lognormal(0, 0.05), 0, 255)
    quality = int(generator.integers(75, 96))
    return cv2.imencode(".jpg", image.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


# planted errors


class Planter:
    """Errors in copies of real rows.

    Parameters
    ----------
    values : (n, columns) real values, NaN where missing.
    chosen : The columns.
    seed : Seed of the draw.
    """

    def __init__(self, values: Matrix, chosen: tuple[Feature, ...], seed: int) -> None:
        self.values = values.copy()
        self.chosen = chosen
        self.generator = np.random.default_rng(seed)
        self.kinds = np.full(len(values), "", object)
        self.columns: dict[int, list[int]] = {}
        self.deviation = np.nanstd(values, axis=0)
        self.normal = _rank_normal(values)
        self.correlation = np.corrcoef(self.normal.T)

    def plant(self) -> None:
        """Plant errors of all kinds, in disjoint rows."""
        count = max(4, round(SHARE * len(self.values)))
        rows = self.generator.permutation(len(self.values))[: count * len(KINDS)].reshape(len(KINDS), count)
        plants: tuple[Callable[[np.ndarray], None], ...] = (
            self._single,
            self._several,
            self._pair,
            self._cluster,
            self._rare,
        )
        for kind, plant, chosen in zip(KINDS, plants, rows, strict=True):
            if kind == "rare":
                chosen = chosen[: max(1, round(RARE_SHARE * len(self.values)))]
            self.kinds[chosen] = kind
            plant(chosen)

    def _numeric(self) -> list[int]:
        return [j for j, f in enumerate(self.chosen) if not f.boolean and self.deviation[j] > 0]

    def _limits(self, column: int) -> tuple[float, float]:
        entry = columns_for("bqat").get(self.chosen[column].name)
        low = entry.low if entry and entry.low is not None else -np.inf
        return low, entry.high if entry and entry.high is not None else np.inf

    def _single(self, rows: np.ndarray) -> None:
        """One column 8 to 20 standard deviations off, where its range leaves room for that."""
        for row in rows:
            while True:
                column = int(self.generator.choice(self._numeric()))
                step = self.generator.choice([-1, 1]) * self.generator.uniform(8, 20) * self.deviation[column]
                value = np.nanmedian(self.values[:, column]) + step
                low, high = self._limits(column)
                if low <= value <= high:
                    break
            self.values[row, column] = value
            self.columns[int(row)] = [column]

    def _several(self, rows: np.ndarray) -> None:
        """Seven columns at their 1 or 99 % point."""
        for row in rows:
            columns = self.generator.choice(self._numeric(), 7, replace=False)
            for column in columns:
                share = self.generator.choice([1, 99])
                self.values[row, column] = np.nanpercentile(self.values[:, column], share)
            self.columns[int(row)] = [int(c) for c in columns]

    def _pair(self, rows: np.ndarray) -> None:
        """Two columns that move together: one of them from a row where it is at the other end of the usual range."""
        numeric = self._numeric()
        strength = np.abs(self.correlation[np.ix_(numeric, numeric)])
        # columns with a correlation near 1 are one column to the detector
        pairs = [(numeric[a], numeric[b]) for a, b in np.argwhere((strength > 0.9) & (strength < 0.9995)) if a < b]
        for row in rows:
            first, second = pairs[self.generator.integers(len(pairs))]
            self.values[row, first] = np.nanpercentile(self.values[:, first], self.generator.uniform(80, 90))
            low = self.correlation[first, second] > 0
            share = self.generator.uniform(10, 20) if low else self.generator.uniform(80, 90)
            self.values[row, second] = np.nanpercentile(self.values[:, second], share)
            self.columns[int(row)] = [first, second]

    def _cluster(self, rows: np.ndarray) -> None:
        """One bad camera: the same ten columns 1.5 to 3 standard deviations off, with little spread."""
        columns = self.generator.choice(self._numeric(), 10, replace=False)
        shift = self.generator.choice([-1, 1], 10) * self.generator.uniform(1.5, 3, 10)
        for column, step in zip(columns, shift, strict=True):
            low, high = self._limits(column)
            centre = np.nanmean(self.values[:, column]) + step * self.deviation[column]
            spread = self.generator.normal(0, 0.1 * self.deviation[column], len(rows))
            self.values[rows, column] = np.clip(centre + spread, low, high)
        for row in rows:
            self.columns[int(row)] = [int(c) for c in columns]

    def _rare(self, rows: np.ndarray) -> None:
        """Two yes/no values that are each found in up to a quarter of the pictures, and hardly ever together."""
        flags = [j for j, f in enumerate(self.chosen) if f.boolean]
        rare = {j: np.nan_to_num(self.values[:, j]) == (np.nanmean(self.values[:, j]) < 0.5) for j in flags}
        seldom = [j for j in flags if 0.005 < rare[j].mean() < 0.25]
        together = {(a, b): (rare[a] & rare[b]).mean() for a in seldom for b in seldom if a < b}
        pairs = sorted((p for p in together if together[p] < 0.002), key=lambda p: together[p])
        if not pairs:
            self.kinds[rows] = ""
            return
        for row in rows:
            pair = pairs[self.generator.integers(min(3, len(pairs)))]
            for column in flags:
                self.values[row, column] = float(np.nanmean(self.values[:, column]) >= 0.5)
            for column in pair:
                self.values[row, column] = 1 - self.values[row, column]
            self.columns[int(row)] = [int(c) for c in pair]


def _rank_normal(values: Matrix) -> Matrix:
    ranks = np.argsort(np.argsort(values, axis=0), axis=0) / len(values)
    return np.nan_to_num(ranks - 0.5)


# counting


def average_precision(score: np.ndarray, bad: np.ndarray) -> float:
    """Area under the precision-recall curve."""
    order = np.argsort(-score, kind="stable")
    hits = bad[order]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


@dataclass
class Tally:
    """Counts of one detector, added up over draws."""

    precision: list[float] = field(default_factory=list)
    average: list[float] = field(default_factory=list)
    flagged: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    found: dict[str, list[bool]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def add(self, flagged: np.ndarray, score: np.ndarray, kinds: np.ndarray) -> None:
        """Count one draw."""
        bad = kinds != ""
        self.average.append(average_precision(score, bad))
        self.precision.append(float(bad[flagged].mean()) if flagged.any() else 0.0)
        self.flagged.append(float(flagged.mean()))
        self.others.append(float(flagged[~bad].mean()))
        for kind in KINDS:
            self.found[kind] += flagged[kinds == kind].tolist()

    def line(self, name: str) -> str:
        """Row of the table."""
        recall = " | ".join(f"{np.mean(hits):.2f}" if hits else "-" for hits in self.found.values())
        whole = np.mean([hit for hits in self.found.values() for hit in hits])
        return (
            f"| {name} | {recall} | {whole:.2f} | {np.mean(self.precision):.2f} | {np.mean(self.average):.2f} "
            f"| {100 * np.mean(self.flagged):.1f} % | {100 * np.mean(self.others):.1f} % |"
        )


def compare(values: Matrix, chosen: tuple[Feature, ...], seeds: int) -> None:
    """Print the table over several draws, and how often the first reason was right."""
    tallies: dict[str, Tally] = {}
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    five = [j for j, f in enumerate(chosen) if f.name in WIRE_COLUMNS]
    for seed in range(seeds):
        planter = Planter(values, chosen, seed)
        planter.plant()
        model = TailModel.fit(planter.values, chosen)
        order = [chosen.index(f) for f in model.features]
        rows = model.score(planter.values[:, order])
        score = np.nan_to_num(rows.score, nan=-np.inf)
        complete = np.where(np.isnan(planter.values), np.nanmedian(planter.values, axis=0), planter.values)
        all_columns, few_columns = (Ecod.fit(v).score(v) for v in (complete, complete[:, five]))
        share = 100 * float((score >= -np.log(0.01)).mean())
        for name, flagged, scores in (
            ("tail, rate 0.01", score >= -np.log(0.01), score),
            ("tail, rate 0.001", score >= -np.log(0.001), score),
            ("ECOD, 5 %", all_columns > np.percentile(all_columns, 95), all_columns),
            ("ECOD, as many as tail", all_columns > np.percentile(all_columns, 100 - share), all_columns),
            ("ECOD, 5 columns, 5 %", few_columns > np.percentile(few_columns, 95), few_columns),
        ):
            tallies.setdefault(name, Tally()).add(flagged, scores, planter.kinds)
        reasons(planter, model, order, rows, score, right)
    print(f"| detector | {' | '.join(KINDS)} | recall | precision | AP | flagged | of the others |")
    print("| --- " * (len(KINDS) + 6) + "|")
    for name, tally in tallies.items():
        print(tally.line(name))
    shares = ", ".join(f"{kind} {np.mean(hits):.2f} of {len(hits)}" for kind, hits in right.items() if hits)
    print(f"first reason names a planted column: {shares}")


def reasons(
    planter: Planter,
    model: TailModel,
    order: list[int],
    rows: RowScores,
    score: np.ndarray,
    right: dict[str, list[bool]],
) -> None:
    """Whether the first reason names a planted column, for each planted row that was flagged."""
    twins = {name: text.removeprefix("moves with ") for name, text in model.ignored.items()}
    flagged = [row for row in planter.columns if score[row] >= -np.log(0.01)]
    found = explain(model, planter.values[:, order], rows, flagged, -np.log(0.01))
    for row, given in zip(flagged, found, strict=True):
        names = {planter.chosen[c].name for c in planter.columns[row]}
        right[planter.kinds[row]].append(given[0].column in names | {twins.get(n, n) for n in names})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pictures", type=Path, help="folder of pictures, one face each")
    parser.add_argument("--profiles", type=Path, default=Path("outlier-profiles.parquet"))
    parser.add_argument("--variants", type=int, default=9)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", default="", help="only files whose path begins so")
    arguments = parser.parse_args()
    if not arguments.profiles.exists():
        measure(arguments.pictures, arguments.profiles, arguments.variants)
    table = pq.read_table(arguments.profiles).combine_chunks()
    batch = table.to_batches()[0]
    wanted = np.array([name.startswith(arguments.only) for name in batch.column("file").to_pylist()])
    chosen = features(batch.schema)
    values = matrix(batch, [f.name for f in chosen])[measured(batch) & wanted]
    chosen, values = _with_values(chosen, values)
    print(f"{len(values)} rows with status {' or '.join(MEASURED)}, {len(chosen)} columns")
    compare(values, chosen, arguments.seeds)


def _with_values(chosen: tuple[Feature, ...], values: Matrix) -> tuple[tuple[Feature, ...], Matrix]:
    keep = [j for j in range(len(chosen)) if np.isfinite(values[:, j]).mean() > 0.5 and np.nanstd(values[:, j]) > 0]
    return tuple(chosen[j] for j in keep), values[:, keep]


if __name__ == "__main__":
    main()
