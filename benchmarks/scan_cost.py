"""What a scan costs beside its engine: CPU by process and stage of ``bqat scan``, its files per second beside the engine's.

Run from the project root: ``python -m benchmarks.scan cost [--files 2000] [--spared]``. One worker and two, in turns. The engine is
timed by the workers of the same runs, so that its share holds on a busy machine. Times of the run process are those of all
its threads; those of workers do not include what they take to start, which is printed for itself.

Spared: a picture is analysed a few times, its other copies get one of these rows with values of their own, as if they were
other pictures. So the rest can be measured with many files. The engine's time is the mean of the real analyses.
"""

import contextlib
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import second_core
from benchmarks.scan import WrappedEngine, make_set
from bqat_pipeline.engines import Engine, EngineSpec, open_engine

# Each look lists all processes of the machine: at 0.05 s it took 5 % of a core from the workers.
_POLL_SECONDS = 0.3
# Analyses of a picture in each worker, where its other copies are spared.
_ANALYSES = 6
# First analyses of a worker, which are slower.
_COLD = 5


@dataclass(frozen=True)
class TimedEngines:
    """The installed engines; each process that analyses with them appends its times to a file of its own.

    Attributes
    ----------
    folder : Where those files go. One line a picture: CPU and wall seconds of the process before and after it, and whether
        it was really analysed.
    spared : Whether most copies of a picture are not.
    """

    folder: str
    spared: bool

    def __call__(self, spec: EngineSpec) -> "TimedEngine":
        return TimedEngine(open_engine(spec), self.folder, self.spared)


class TimedEngine(WrappedEngine):
    def __init__(self, engine: Engine, folder: str, spared: bool) -> None:
        super().__init__(engine)
        self._folder = folder
        self._log: int | None = None
        self._spared = spared
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def analyse(self, source: str) -> dict[str, Any]:
        if self._log is None:  # kept open: the process is ended without a last word
            self._log = os.open(Path(self._folder, str(os.getpid())), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        began = time.process_time(), time.monotonic()
        known = self._rows[Path(source).suffixes[-2]] if self._spared else []
        if real := len(known) < _ANALYSES:
            row = self._engine.analyse(source)
            known.append(row)
        else:
            row = _varied(known[0], Path(source))
        line = f"{began[0]} {time.process_time()} {began[1]} {time.monotonic()} {int(real)}\n"
        os.write(self._log, line.encode())
        return row


def _varied(row: dict[str, Any], source: Path) -> dict[str, Any]:
    """The row as that of another picture."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    factor = 0.9 + int(digest[:8], 16) / 16**8 / 5
    values = {name: value * factor for name, value in row.items() if isinstance(value, float)}
    hashes = {name: digest[: len(row[name])] for name in ("phash256", "aux_face_hash") if row.get(name)}
    return {**row, **values, **hashes, "sha256": digest}


def bqat(folder: str, spared: str, *arguments: str) -> None:
    """The command ``bqat`` with engines that are timed."""
    from bqat_pipeline.cli import main as command
    from bqat_pipeline.execution import scan
    from bqat_pipeline.execution.executors import open_compute
    from bqat_pipeline.execution.scan import Scanner

    _time(scan, "list_images", Path(folder, "of it listing"))
    _time(scan, "find_work", Path(folder, "of it rows taken over"))
    _time(scan, "compact", Path(folder, "of it compaction"))
    # As the run calls it: with its store and settings, all else by default.
    Scanner.__init__.__defaults__ = (TimedEngines(folder, bool(spared)), open_compute)  # type: ignore[misc]
    sys.argv = ["bqat", *arguments]
    command()


def _time(owner: Any, name: str, place: Path) -> None:
    """Have a function of a module write its CPU seconds, in all threads, to a file."""
    function = getattr(owner, name)

    def timed(*arguments: Any, **options: Any) -> Any:
        began = time.process_time()
        try:
            return function(*arguments, **options)
        finally:
            place.write_text(str(time.process_time() - began))

    setattr(owner, name, timed)


@dataclass
class Cost:
    """One run: seconds by stage, wall and CPU of its process, and what its workers took.

    Attributes
    ----------
    engine, engine_wall : Seconds within the engine for all files, CPU and wall.
    work : CPU seconds of the workers from their first picture on, outside the engine.
    start : CPU seconds of each worker before its first picture, on average.
    server : CPU seconds of the process that forks the workers.
    """

    files: int
    workers: int
    wall: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    main: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    engine: float = 0.0
    engine_wall: float = 0.0
    work: float = 0.0
    start: float = 0.0
    server: float = 0.0

    @property
    def rate(self) -> float:
        """Files measured per second, all workers."""
        return self.files / self.wall["face_profiles"]

    @property
    def share(self) -> float:
        """Files per second and worker beside those of the engine alone."""
        return self.engine_wall / (self.workers * self.wall["face_profiles"])


def scan(home: Path, folder: Path, files: int, workers: int, spared: bool) -> Cost:
    """Run ``bqat scan`` and say what it cost."""
    home.mkdir(exist_ok=True)
    times = Path(tempfile.mkdtemp(dir=home))
    command = [sys.executable, "-c", "import sys; from benchmarks.scan_cost import bqat; bqat(*sys.argv[1:])"]
    environment = {"BQAT_HOME": str(home), "BQAT_STATE": str(home / "state"), "BQAT_EDA": "false"}
    cost = Cost(files, workers)
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, str(times), "spared" if spared else "", "scan", str(folder), "--json"],
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, **environment, "BQAT_WORKERS": str(workers)},
        )
    of_process = _watch(home, process, cost)
    if process.returncode:
        raise SystemExit((home / "log").read_text())
    analyses: list[tuple[float, float]] = []
    for path in times.glob("[0-9]*"):
        lines = [[float(number) for number in line.split()] for line in path.read_text().splitlines()]
        analyses += [(line[1] - line[0], line[3] - line[2]) for line in lines[_COLD:] if line[4]]
        spent = sum(line[1] - line[0] for line in lines)
        cost.start += lines[0][0] / workers
        cost.work += of_process.pop(int(path.name), lines[-1][1]) - lines[0][0] - spent
    if analyses:
        cost.engine, cost.engine_wall = (files * statistics.fmean(spans) for spans in zip(*analyses, strict=True))
    cost.server = sum(of_process.values())
    cost.main |= {path.name: float(path.read_text()) for path in times.glob("of it *")}
    return cost


def _watch(home: Path, process: "subprocess.Popen[bytes]", cost: Cost) -> dict[int, float]:
    """Fill in the times of the process; answers the CPU seconds of those below it, by process id."""
    below: dict[int, float] = {}
    watched = psutil.Process(process.pid)
    before, moment, stage, began = 0.0, time.monotonic(), "start", time.time()
    while process.poll() is None:
        time.sleep(_POLL_SECONDS)
        try:
            spent = sum(watched.cpu_times()[:2])
            stage = _stage(home, began) or stage
            for child in watched.children(recursive=True):
                below[child.pid] = sum(child.cpu_times()[:2])
        except psutil.Error:
            continue
        cost.main[stage] += spent - before
        cost.wall[stage] += time.monotonic() - moment
        before, moment = spent, time.monotonic()
    return below


def _stage(home: Path, began: float) -> str | None:
    """The stage of a scan, as its progress says since a moment."""
    for place in home.glob("datasets/*/progress.json"):
        with contextlib.suppress(OSError, ValueError):
            return json.loads(place.read_text())["stage"] if place.stat().st_mtime >= began else None
    return None


def table(costs: list[Cost]) -> None:
    """Print CPU per file by stage."""
    print("| stage | " + " | ".join(f"{cost.workers} workers: s | ms of CPU a file" for cost in costs), "|")
    print("|---|" + "---|---|" * len(costs))
    for stage in costs[0].main:
        cells = [f"{cost.wall.get(stage, 0):.1f} | {1000 * cost.main[stage] / cost.files:.3f}" for cost in costs]
        print(f"| run process: {stage} |", " | ".join(cells), "|")
    for name, values in (
        ("worker, beside the engine", [cost.work for cost in costs]),
        ("engine", [cost.engine for cost in costs]),
    ):
        print(
            f"| {name} |", " | ".join(f" | {1000 * v / c.files:.3f}" for v, c in zip(values, costs, strict=True)), "|"
        )


def summary(cost: Cost) -> dict[str, Any]:
    """What is to be compared with the engine."""
    own = cost.work + sum(cost.main[stage] for stage in cost.wall if stage != "start") + cost.main["of it listing"]
    return {
        "workers": cost.workers,
        "own_percent": round(100 * own / cost.engine, 1),
        "files_per_second": round(cost.rate, 1),
        "per_worker_of_engine": round(cost.share, 3),
        "whole_run_files_per_second": round(cost.files / sum(cost.wall.values()), 1),
        "start_s": {
            "process": round(cost.main["start"], 2),
            "server": round(cost.server, 2),
            "worker": round(cost.start, 2),
        },
    }


def cost(work: Path, files: int, spared: bool, turns: int = 2) -> None:
    """Cost of ``bqat scan`` with one worker and two, in turns, and of a rescan with nothing changed.

    Spared: once, with two.
    """
    folder = make_set(work / "set", files)
    print(f"{files} sample pictures; load {os.getloadavg()[0]:.1f}", flush=True)
    best: dict[int, Cost] = {}
    for turn in range(1 if spared else turns):
        for workers in (2,) if spared else (1, 2):
            home = work / f"home{turn}{workers}"
            found = scan(home, folder, files, workers, spared)
            print(json.dumps(summary(found)), flush=True)
            if workers not in best or found.rate > best[workers].rate:
                best[workers] = found
    table(list(best.values()))
    if not spared:
        gain = best[2].rate / best[1].rate
        print(f"two workers against one: {gain:.2f}; two processes that only count, against one: {second_core():.2f}")
    print("again, nothing changed:", flush=True)
    table([scan(home, folder, files, 2, spared)])
