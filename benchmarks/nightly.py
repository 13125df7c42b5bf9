"""Scan the fixed public set, and compare figures and rows with the stored ones: ``python -m benchmarks.nightly [--store]``.

Rows are compared column by column: on the processor and with the versions of the stored rows to the last stored digit, elsewhere within
the tolerances that ``benchmarks.rows.tolerance`` states. The exit status is 1 when a value moved beyond its tolerance or a row or a column
was lost, else 0; figures are only marked, since a busy machine moves them. ``--store`` keeps the rows of now, in
``benchmarks/stored/rows.jsonl``; the figures are kept by ``python -m benchmarks --store``.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import figures, rows
from benchmarks.__main__ import report, warn_of_load
from benchmarks.machine import Watch, describe, this_machine, versions
from benchmarks.public_set import write_public_set
from bqat_pipeline.columns import PERSONAL
from bqat_pipeline.datasets import DatasetStore, Location, Source
from bqat_pipeline.execution import scan_dataset
from bqat_pipeline.face.engine import ENGINE_VERSION
from bqat_pipeline.settings import Settings

_ENGINE = ["benchmarks.engine", "--sizes", "0.3", "1", "--repeat", "15", "--processes", "1"]
_SAME = ("processor", "engine", "versions")


def main(arguments: list[str] | None = None) -> int:
    """Print what moved; return the exit status.

    Parameters
    ----------
    arguments : Command-line arguments; those of the process when None.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nightly", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--store", action="store_true", help="keep the rows of now")
    parser.add_argument("--rows", type=Path, default=rows.STORED, help="file of the stored rows")
    parser.add_argument("--no-figures", action="store_true", help="compare rows only")
    chosen = parser.parse_args(arguments)
    machine, watch = this_machine(), Watch()
    print(describe(machine))
    warn_of_load(watch, machine)
    now = scanned()
    status = keep(now, chosen.rows) if chosen.store else compare(now, chosen.rows)
    if not chosen.no_figures:
        with tempfile.TemporaryDirectory(prefix="bqat-nightly-") as folder:
            measured = Path(folder) / "figures"
            subprocess.run(
                [sys.executable, "-m", *_ENGINE, "--figures", str(measured)], stdout=subprocess.DEVNULL, check=True
            )
            found = figures.read_measured(measured)
        watch.stop()
        report(found, machine, watch)
    return status


def scanned() -> rows.Rows:
    """The rows of the public set, scanned now by one worker."""
    with tempfile.TemporaryDirectory(prefix="bqat-nightly-") as place:
        folder = Path(place) / "set"
        count = write_public_set(folder)
        store = DatasetStore(Location.parse(Path(place) / "home"))
        record = store.create("public", [Source(uri=str(folder), prefix="public")])
        scan_dataset(store, record.key, settings=Settings(workers=1))
        profiles = store.profiles(record.key)
        if profiles is None:
            raise SystemExit(f"The scan of {count} files stored no rows.")
        names = [name for name in profiles.schema.names if name not in (*PERSONAL, "row", "modified")]
        found = profiles.to_table(names).to_pylist()
    machine = this_machine()
    origin: dict[str, Any] = {
        "processor": f"{machine.model}, {machine.vectors}",
        "engine": ENGINE_VERSION,
        "versions": {
            name: version
            for name, version in versions().items()
            if name not in ("python", "dagster", "duckdb", "pyarrow")
        },
    }
    return rows.Rows({row.pop("file").removeprefix("public/"): row for row in found}, origin)


def keep(now: rows.Rows, path: Path) -> int:
    """Store the rows of now; return the exit status."""
    rows.store(now, path)
    print(f"stored: {path}, {len(now.rows)} rows, {path.stat().st_size / 1000:.0f} kB")
    return 0


def compare(now: rows.Rows, path: Path) -> int:
    """Print what differs from the stored rows; return the exit status."""
    stored = rows.load(path)
    if stored is None:
        print(f"There are no stored rows at {path}: --store keeps these.")
        return 1
    same_place = all(now.origin[name] == stored.origin.get(name) for name in _SAME)
    print(
        f"\n== rows of the public set, beside those of engine version {stored.origin['engine']}, {stored.origin['processor']}"
    )
    if same_place:
        print("Same processor, engine and versions: values are to be the same to the last stored digit.")
    else:
        print("Another processor, engine or version: values are to be the same within the tolerances.")
        for name in _SAME:
            if now.origin[name] != stored.origin.get(name):
                print(f"  {name}: stored {stored.origin.get(name)}, now {now.origin[name]}")
    difference = rows.compare(now, stored, same_place=same_place)
    print(rows.report(difference, len(stored.rows)))
    return 1 if difference.failed else 0


if __name__ == "__main__":
    sys.exit(main())
