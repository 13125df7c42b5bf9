"""Everything that ``make bench`` measures, compared with the figures that are stored for this kind of machine.

    python -m benchmarks [--only engine|tables|api ...] [--store [--force]]

The engine, what is made from 200,000 profiles, and the facade's queries, in about four minutes on two cores. ``--store`` keeps the
figures in ``benchmarks/stored/figures``; those of a loaded machine only with ``--force``.

Further benchmarks take pictures or more time; each says how in its first lines: ``scan``, ``outliers``, ``duplicates``, ``evaluate``,
``identities``; ``nightly`` compares rows, ``peers`` measures BQAT core beside.
"""

import argparse
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import figures
from benchmarks.machine import Machine, Watch, describe, this_machine, versions

ROWS = "200000"
PARTS = {
    "engine": ["benchmarks.engine", "--sizes", "0.3", "1", "4"],
    "tables": ["benchmarks.tables", "--rows", ROWS],
    "api": ["benchmarks.api", "tables", "--rows", ROWS],
}


def main() -> int:
    """Run the benchmarks, print and perhaps store the comparison; return the first exit status that is not 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run")
    parser.add_argument("--store", action="store_true", help="keep the figures for this kind of machine")
    parser.add_argument("--force", action="store_true", help="store them although the machine was loaded")
    chosen = parser.parse_args()
    machine, watch = this_machine(), Watch()
    print(describe(machine))
    print(f"load before: {watch.before:.1f}", flush=True)
    warn_of_load(watch, machine)
    with tempfile.TemporaryDirectory(prefix="bqat-bench-") as folder:
        measured = Path(folder) / "figures"
        for name in chosen.only:
            module, *arguments = PARTS[name]
            print(f"\n== python -m {module} {' '.join(arguments)}".rstrip(), flush=True)
            command = [sys.executable, "-m", module, *arguments, "--figures", str(measured)]
            status = subprocess.run(command).returncode
            if status:
                return status
        found = figures.read_measured(measured)
    watch.stop()
    report(found, machine, watch)
    return keep(found, machine, watch, chosen.force) if chosen.store else 0


def report(found: list[figures.Figure], machine: Machine, watch: Watch) -> None:
    """Print each figure beside the stored one, and the load."""
    print(f"\n== figures of {machine.kind}")
    stored = figures.load(machine.kind)
    if stored is None:
        print(f"There are no stored figures of {machine.kind} machines: --store keeps these.")
        print(figures.table(figures.compare(found, [])))
    else:
        origin = stored.origin
        print(f"stored: {origin['measured']}, {origin['machine']}, load {origin['load_before']}; {origin['others']}")
        changed = {n: v for n, v in origin["versions"].items() if versions().get(n) != v}
        if changed:
            print("stored with other versions:", ", ".join(f"{name} {version}" for name, version in changed.items()))
        compared = [c for c in figures.compare(found, stored.figures) if c.now is not None]
        print(figures.table(compared))
        print(figures.noise_sentence())
        worse = [c.name for c in compared if c.outcome in ("slower", "more")]
        print(
            f"{len(worse)} of {len(compared)} figures are worse than stored."
            if worse
            else "Nothing is worse than stored."
        )
    print(watch.load_in_words)
    warn_of_load(watch, machine)


def keep(found: list[figures.Figure], machine: Machine, watch: Watch, force: bool) -> int:
    """Store figures, unless the machine was loaded; return the exit status."""
    if watch.loaded(machine.cores) and not force:
        print("Not stored: the machine was loaded. Run again when it is idle, or add --force.", file=sys.stderr)
        return 1
    origin = {
        "measured": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{machine.model}, {' '.join(machine.shown_flags)}",
        "load_before": round(watch.before, 1),
        "load_after": round(watch.after or 0.0, 1),
        "others": watch.others_in_words,
        "versions": versions(),
    }
    print("stored:", figures.store(machine.kind, found, origin))
    return 0


def warn_of_load(watch: Watch, machine: Machine) -> None:
    """Say loudly that figures of a loaded machine do not count."""
    if watch.loaded(machine.cores):
        print(
            f"*** LOADED MACHINE: other work uses more than half of the {machine.cores} cores. Ratios still tell "
            "something, times and throughput do not. ***",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
