"""Time and memory of a report: ``python -m benchmarks.report [--rows 1000000] [--eda] [--drift]``.

Profiles are made up with the registry's schema. Making them, outliers and duplicates is not counted. Memory is the
peak of a process of its own that does nothing but write the report.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.memory import peak_mb
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.report import ReportOptions, write_eda, write_report
from bqat_pipeline.report.sketch import Sketch


def main() -> None:
    """Print one line of JSON for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--baseline", action="store_true", help="compare with a previous scan of the same size")
    parser.add_argument("--eda", action="store_true", help="time the EDA page too")
    parser.add_argument("--drift", action="store_true", help="only: shift between two samples of one distribution")
    parser.add_argument("--measure", nargs=2, metavar=("HOME", "KEY"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drift:
        drift()
    elif arguments.measure:
        measure(*arguments.measure, eda=arguments.eda)
    else:
        run(arguments.rows, baseline=arguments.baseline, eda=arguments.eda)


def run(rows: int, *, baseline: bool, eda: bool) -> None:
    """Make a data set, then measure in a fresh process."""
    from tests.report import synthetic

    with tempfile.TemporaryDirectory(prefix="bqat-bench-") as home:
        store = DatasetStore(Location.parse(Path(home)))
        record = synthetic.dataset(store, synthetic.chunks(rows))
        if baseline:
            synthetic.publish(store, record, synthetic.chunks(rows, seed=1), "g2", previous="g1")
        command = [sys.executable, "-m", "benchmarks.report", "--measure", home, record.key]
        subprocess.run([*command, "--eda"] if eda else command, check=True)


def measure(home: str, key: str, *, eda: bool) -> None:
    """Write the report and print its time and memory."""
    store = DatasetStore(Location.parse(home))
    started, processor = time.perf_counter(), time.process_time()
    summary = write_report(store, key, ReportOptions(thumbnails="none"))
    print(
        json.dumps(
            {
                "what": "report",
                "rows": summary["files"],
                "seconds": round(time.perf_counter() - started, 1),
                "cpu_seconds": round(time.process_time() - processor, 1),
                "peak_mb": round(peak_mb()),
                "page_kb": summary["page_bytes"] // 1000,
            }
        ),
        flush=True,
    )
    if eda:
        started = time.perf_counter()
        page = write_eda(store, key)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        size = len(page.read_bytes()) // 1000
        print(
            json.dumps(
                {"what": "eda", "seconds": round(time.perf_counter() - started, 1), "peak_mb": peak, "page_kb": size}
            )
        )


def drift() -> None:
    """How large a shift sampling alone shows: the reason for the flag's limits."""
    generator = np.random.default_rng(0)
    for size in (500, 1000, 10_000, 100_000):
        shifts = []
        for _ in range(20):
            now, before = Sketch(), Sketch()
            now.add(generator.normal(100, 15, size))
            before.add(generator.normal(100, 15, size))
            shifts.append(now.shift_from(before) or 0.0)
        print(
            json.dumps(
                {
                    "what": "shift without a shift",
                    "n": size,
                    "median": round(float(np.median(shifts)), 4),
                    "largest": round(max(shifts), 4),
                }
            )
        )


if __name__ == "__main__":
    main()
