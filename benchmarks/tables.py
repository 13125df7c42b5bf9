"""Time and memory of all tables and reports that are made from profiles: ``python -m benchmarks.tables [--rows 1000000]``.

Outliers, scorecard, duplicates, a detection as the BQAT API asks for it, and the report, each in a process of its own,
one after the other, on made-up profiles with the registry's schema, in which 1 % of the pictures are near copies and
0.2 % exact ones. Making the profiles is not counted.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from benchmarks.figures import Figure, write_measured
from benchmarks.memory import peak_mb
from bqat_pipeline.datasets import DatasetStore, Generation, Location

_NEAR, _EXACT = 0.01, 0.002


def main() -> None:
    """Print one line of JSON for each step, and their sum."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="*", choices=STEPS, default=list(STEPS), help="steps to run")
    parser.add_argument("--step", nargs=3, metavar=("NAME", "HOME", "KEY"), help=argparse.SUPPRESS)
    parser.add_argument("--figures", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        _step(*arguments.step)
        return
    from tests.report import synthetic

    with tempfile.TemporaryDirectory(prefix="bqat-bench-") as home:
        store = DatasetStore(Location.parse(home))
        record = synthetic.dataset(store, with_copies(synthetic.chunks(arguments.rows)))
        results = []
        for name in arguments.only:
            command = [sys.executable, "-m", "benchmarks.tables", "--step", name, home, record.key]
            line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
            print(line, flush=True)
            results.append(json.loads(line))
            about = f"{name} of {arguments.rows:,} rows"
            write_measured(
                arguments.figures,
                [
                    Figure(about, results[-1]["cpu_seconds"], "s", "cpu"),
                    Figure(f"{about}, memory", results[-1]["peak_mb"], "MB", "memory"),
                ],
            )
    print(
        json.dumps(
            {
                "rows": arguments.rows,
                "seconds": round(sum(r["seconds"] for r in results), 1),
                "peak_mb": max(r["peak_mb"] for r in results),
            }
        )
    )


def with_copies(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The tables with perceptual hashes, among them near and exact copies of rows before."""
    generator = np.random.default_rng(0)
    for table in tables:
        n = table.num_rows
        hashes = generator.integers(0, 256, (n, 32), dtype=np.uint8)
        digests = table["sha256"].to_pylist()
        copies = generator.permutation(n)[: round((_NEAR + _EXACT) * n)]
        exact = copies[: round(_EXACT * n)]
        originals = generator.integers(0, n, len(copies))
        hashes[copies] = hashes[originals]
        flips = generator.random((len(copies), 256)) < 0.02
        flips[: len(exact)] = False
        hashes[copies] ^= np.packbits(flips, axis=1)
        for copy, original in zip(exact, originals, strict=False):
            digests[copy] = digests[original]
        texts = [row.tobytes().hex() for row in hashes]
        for name, values in (("phash256", texts), ("sha256", digests)):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, table.schema.field(name), pa.array(values, pa.string()))
        yield table


def _outliers(profiles: ds.Dataset, generation: Generation) -> dict[str, Any]:
    from bqat_pipeline.outliers import write_outliers

    return {"outliers": write_outliers(profiles, generation)["outliers"]}


def _scorecard(profiles: ds.Dataset, generation: Generation) -> dict[str, Any]:
    from bqat_pipeline.requirements import load_rule_set, scorecard

    return {"pass": scorecard(load_rule_set("icao-tr-portrait"), profiles, "folder").overall.passed}


def _duplicates(profiles: ds.Dataset, generation: Generation) -> dict[str, Any]:
    from bqat_pipeline.duplicates import write_duplicates

    summary = write_duplicates(profiles, generation)
    return {name: summary[name] for name in ("exact_copies", "near_copies")}


def _detection(profiles: ds.Dataset, generation: Generation) -> dict[str, Any]:
    from bqat_pipeline.outliers import DetectorOptions, write_detections

    return {"outliers": write_detections(profiles, generation, DetectorOptions())["outliers"]}


STEPS: dict[str, Callable[[ds.Dataset, Generation], dict[str, Any]] | None] = {
    "outliers": _outliers,
    "scorecard": _scorecard,
    "duplicates": _duplicates,
    "detection": _detection,
    "report": None,
}


def _step(name: str, home: str, key: str) -> None:
    store = DatasetStore(Location.parse(home))
    profiles, manifest = store.profiles(key), store.manifest(key)
    assert profiles is not None and manifest is not None
    started, processor = time.perf_counter(), time.process_time()
    step = STEPS[name]
    if step is not None:
        found = step(profiles, store.generation(key, manifest.generation))
    else:
        from bqat_pipeline.report import ReportOptions, write_report

        write_report(store, key, ReportOptions(thumbnails="none"))
        found = {}
    print(
        json.dumps(
            {
                "step": name,
                "seconds": round(time.perf_counter() - started, 2),
                "cpu_seconds": round(time.process_time() - processor, 2),
                "peak_mb": round(peak_mb()),
                **found,
            }
        )
    )


if __name__ == "__main__":
    main()
