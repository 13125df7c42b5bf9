"""Same person: error rates on labelled pictures, by groups, and time and memory of the searches.

    python -m benchmarks.identities rates PICTURES TABLE [--by person_id] [--groups TABLE] [--where expression=neutral]
    python -m benchmarks.identities pairs [--count 100000] [--share 1] [--workers 2]

``TABLE`` is a CSV file with columns ``file`` (below PICTURES) and the person; ``--groups`` one with a column ``file`` and labels of
groups. ``pairs`` makes templates up: around a common direction, as real ones are, with planted pairs 0.05 to 0.33 apart; ``--share`` compares
only that share of the blocks, to say what all of them would take.
"""

import argparse
import csv
import resource
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.groups import wilson
from bqat_pipeline.engines import EngineSpec
from bqat_pipeline.identity import closeness
from bqat_pipeline.identity.calibration import calibrate
from bqat_pipeline.identity.closeness import Searchable, close_pairs
from bqat_pipeline.identity.network import model_path
from bqat_pipeline.identity.template_engine import TemplateEngine
from bqat_pipeline.identity.templates import DatasetTemplates, Templates
from bqat_pipeline.settings import settings

_THRESHOLDS = (0.34, 0.376)


def rates(options: argparse.Namespace) -> None:
    """Figures of labelled pictures."""
    engine = TemplateEngine(EngineSpec(), str(model_path(settings().identity_model)))
    files, persons, vectors = [], [], []
    without: dict[str, int] = defaultdict(int)
    seconds = 0.0
    with options.table.open(newline="", encoding="utf-8-sig") as stream:
        for line in csv.DictReader(stream):
            place = options.pictures / line["file"]
            if not line[options.by] or not place.is_file():
                continue
            began = time.process_time()
            template = engine.template(place.read_bytes())
            seconds += time.process_time() - began
            if isinstance(template, str):
                without[template] += 1
                continue
            files.append(line["file"])
            persons.append(line[options.by])
            vectors.append(template.astype(np.float16))
    print(f"{len(files)} templates, {1000 * seconds / max(1, len(files)):.1f} ms of CPU each; without: {dict(without)}")
    known = np.array(vectors)
    count = len(files)
    of = DatasetTemplates(
        Templates(np.empty(count, "V32"), known, np.full(count, "")), np.arange(count), np.arange(count), {}
    )
    found = calibrate(of, np.array(persons, object))
    print(f"{found.persons} persons, {found.genuine:,} pairs of one person, {found.impostor:,} of two\n")
    print("| FMR | threshold (95 %) | FNMR (95 %) |\n| --- | --- | --- |")
    for point in found.points:
        print(
            f"| {point.fmr:.2%} | {point.threshold:.3f} ({point.threshold_low:.3f} to {point.threshold_high:.3f}) "
            f"| {point.fnmr:.2%} ({point.fnmr_low:.2%} to {point.fnmr_high:.2%}) |"
        )
    if options.groups:
        _by_groups(options, files, np.array(persons), known.astype(np.float32))


def _by_groups(options: argparse.Namespace, files: list[str], persons: np.ndarray, vectors: np.ndarray) -> None:
    """Share of pairs of different persons of one group below a threshold; pairs of one person beyond it."""
    with options.groups.open(newline="", encoding="utf-8-sig") as stream:
        lines = {line["file"]: line for line in csv.DictReader(stream)}
    wanted = [tuple(condition.split("=", 1)) for condition in options.where]
    keep = [
        n for n, file in enumerate(files) if file in lines and all(lines[file].get(column) == v for column, v in wanted)
    ]
    persons, vectors = persons[keep], vectors[keep]
    a, b = np.triu_indices(len(keep), 1)
    distance = np.sqrt(np.maximum(2 - 2 * (vectors @ vectors.T)[a, b], 0))
    same = persons[a] == persons[b]
    columns = [column for column in next(iter(lines.values())) if column != "file"]
    for column in columns:
        labels = np.array([lines[files[n]].get(column) or "" for n in keep])
        if not 1 < len(set(labels)) <= 12:
            continue
        print(
            f"\n| {column} | pictures | false pairs below 0.34, within the group | below 0.376 | pairs of one person at or beyond 0.376 |"
        )
        print("| --- | --- | --- | --- | --- |")
        for label in sorted(set(labels) - {""}):
            within = (labels[a] == label) & (labels[b] == label)
            cells = []
            for threshold in _THRESHOLDS:
                total, false = int((within & ~same).sum()), int((within & ~same & (distance < threshold)).sum())
                low, high = wilson(false, total) if total else (0.0, 1.0)
                cells.append(f"{false} of {total:,} ({low:.3%} to {high:.3%})")
            total, missed = int((within & same).sum()), int((within & same & (distance >= _THRESHOLDS[1])).sum())
            low, high = wilson(missed, total) if total else (0.0, 1.0)
            cells.append(f"{missed} of {total:,} ({low:.1%} to {high:.1%})" if total else "none")
            print(f"| {label} | {int((labels == label).sum())} |", " | ".join(cells), "|")


def made_up(count: int, planted: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(count, 128) float16 templates, and the positions of planted pairs.

    Uneven in their directions and around a common one, with distances as of real faces: 0.58 on average, one in ten thousand below 0.34.
    """
    draw = np.random.default_rng(seed)
    spread = np.exp(-np.arange(128) / 25).astype(np.float32)
    common = np.zeros(128, np.float32)
    common[-1] = 8.0
    vectors = np.empty((count, 128), np.float16)
    for start in range(0, count, 50_000):
        part = common + spread * draw.normal(size=(min(50_000, count - start), 128)).astype(np.float32)
        vectors[start : start + 50_000] = part / np.linalg.norm(part, axis=1, keepdims=True)
    chosen = draw.permutation(count)[: 2 * planted]
    a, b = chosen[:planted], chosen[planted:]
    base = vectors[a].astype(np.float32)
    noise = draw.normal(size=(planted, 128)).astype(np.float32)
    noise -= (noise * base).sum(axis=1, keepdims=True) * base
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    angle = 2 * np.arcsin(draw.uniform(0.05, 0.33, (planted, 1)).astype(np.float32) / 2)
    vectors[b] = np.cos(angle) * base + np.sin(angle) * noise
    return vectors, a, b


def pairs(options: argparse.Namespace) -> None:
    """Time, memory and recall of the search for pairs, and of one template against all."""
    vectors, a, b = made_up(options.count, 1000)
    sample = vectors[:2000].astype(np.float32)
    i, j = np.triu_indices(len(sample), 1)
    apart = np.sqrt(np.maximum(2 - 2 * (sample @ sample.T)[i, j], 0))
    print(
        f"{options.count:,} templates; distances: mean {apart.mean():.2f}, one in a thousand below "
        f"{np.quantile(apart, 0.001):.3f}, below 0.34: {(apart < 0.34).mean():.1e}"
    )
    searchable = Searchable(vectors)
    times = []
    for position in a[:20]:
        began = time.perf_counter()
        searchable.near(vectors[position], 0.34, 10)
        times.append(time.perf_counter() - began)
    print(f"one against all: {1000 * np.median(times):.1f} ms (least {1000 * min(times):.1f})")
    del searchable
    rows = vectors
    if options.share < 1:
        rows = vectors[: int(options.count * options.share) // closeness._ROWS * closeness._ROWS]
    began, cpu = time.perf_counter(), time.process_time()
    if options.share < 1:
        found = close_pairs(rows, 0.34, other=vectors, workers=options.workers)
        scale = options.count / len(rows) / 2
    else:
        found, scale = close_pairs(vectors, 0.34, workers=options.workers), 1.0
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    got = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    planted = [(min(x, y), max(x, y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    planted = [pair for pair in planted if pair[0] < len(rows)]
    print(
        f"pairs: {wall * scale:.0f} s on {options.workers} threads, {cpu * scale:.0f} s of CPU, {memory:.2f} GB in all; "
        f"{sum(pair in got for pair in planted)} of {len(planted)} planted pairs, {len(got):,} pairs"
        + (f" (from {options.share:.1%} of the blocks)" if options.share < 1 else "")
    )
    if found.left_out:  # the rest is among the more numerous pairs of different persons that are not kept
        end = float(found.distance[-1])
        first, second = (vectors[[pair[k] for pair in planted]].astype(np.float32) for k in (0, 1))
        within = np.linalg.norm(first - second, axis=1) < end
        kept = sum(pair in got for pair, near in zip(planted, within.tolist(), strict=True) if near)
        print(f"the closest {len(got):,} end at {end:.3f}: {kept} of {int(within.sum())} planted pairs below that")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(required=True)
    of_rates = parts.add_parser("rates")
    of_rates.add_argument("pictures", type=Path)
    of_rates.add_argument("table", type=Path)
    of_rates.add_argument("--by", default="person_id")
    of_rates.add_argument("--groups", type=Path)
    of_rates.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE")
    of_rates.set_defaults(run=rates)
    of_pairs = parts.add_parser("pairs")
    of_pairs.add_argument("--count", type=int, default=100_000)
    of_pairs.add_argument("--share", type=float, default=1.0)
    of_pairs.add_argument("--workers", type=int, default=2)
    of_pairs.set_defaults(run=pairs)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
