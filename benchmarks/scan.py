"""Scans: memory, scaling, rescans, kills, hostile folders. Run from the project root: python -m benchmarks.scan NAME.

Files are the sample pictures, each with some bytes of its own after its end, so that no two are the same.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.memory import peak_mb
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Source
from bqat_pipeline.engines import Engine, EngineSpec, open_engine
from bqat_pipeline.execution import scan_dataset
from bqat_pipeline.sample import write_sample
from bqat_pipeline.settings import Settings


@dataclass(frozen=True)
class WatchedEngines:
    """The installed engines, with their calls logged, or with one analysis for equal pictures.

    Attributes
    ----------
    log : Gets a line for each analysed file, unless empty.
    spared : Whether copies of the same picture share one analysis, so that everything but the engine is measured.
    """

    log: str
    spared: bool

    def __call__(self, spec: EngineSpec) -> "WatchedEngine":
        return WatchedEngine(open_engine(spec), self.log, self.spared)


class WrappedEngine:
    """An engine around another one, for classes that change how a picture is analysed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.fingerprint = engine.fingerprint

    def missing(self) -> str | None:
        return self._engine.missing()

    def analyse_batch(self, sources: Sequence[str]) -> list[dict[str, Any]]:
        return [self.analyse(source) for source in sources] or self._engine.analyse_batch([])

    def analyse(self, source: str) -> dict[str, Any]:
        return self._engine.analyse(source)


class WatchedEngine(WrappedEngine):
    def __init__(self, engine: Engine, log: str, spared: bool) -> None:
        super().__init__(engine)
        self._log = log
        self._spared = spared
        self._rows: dict[bytes, dict[str, Any]] = {}

    def analyse(self, source: str) -> dict[str, Any]:
        if self._log:
            with Path(self._log).open("a") as log:
                log.write(f"{source}\n")
        if not self._spared:
            return self._engine.analyse(source)
        content = Path(source).read_bytes()
        original = hashlib.sha256(content.rpartition(b"\n")[0]).digest()
        if original not in self._rows:
            self._rows[original] = self._engine.analyse(content)
        return {**self._rows[original], "sha256": hashlib.sha256(content).hexdigest()}


def make_set(folder: Path, files: int) -> Path:
    """A folder of the given number of different files, a thousand in each subfolder; names end with that of the picture."""
    sample = folder.parent / "sample"
    write_sample(sample)
    originals = [
        (path.suffix, path.read_bytes()) for path in sorted(sample.rglob("*.*")) if path.parent.name != "broken"
    ]
    for number in range(files):
        suffix, content = originals[number % len(originals)]
        place = folder / f"{number // 1000:03d}" / f"{number:06d}.{number % len(originals):02d}{suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content + b"\n%d" % number)
    return folder


def dataset(store: DatasetStore, folder: Path) -> DatasetRecord:
    return store.create(folder.name, [Source(uri=str(folder), prefix=folder.name)])


def scan_in_child(home: Path, key: str, workers: int, log: str = "", spared: bool = False) -> dict[str, Any]:
    """Seconds, peak memory of the run process in MB, and the manifest, of a scan in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.scan",
        "child",
        str(home),
        key,
        str(workers),
        log,
        "spared" if spared else "",
    ]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def child(home: str, key: str, workers: str, log: str, spared: str) -> None:
    began = time.monotonic()
    store = DatasetStore(Location.parse(home))
    engines = WatchedEngines(log, bool(spared)) if log or spared else open_engine
    manifest = scan_dataset(store, key, settings=Settings(workers=int(workers)), engines=engines)
    print(
        json.dumps(
            {
                "seconds": round(time.monotonic() - began, 2),
                "peak_mb": round(peak_mb(), 1),
                "rows": manifest.rows,
                "counts": manifest.counts,
                "changes": manifest.changes.model_dump(),
            }
        )
    )


def size(work: Path, small: int, large: int, spared: bool) -> None:
    """Memory of the run process for a small and a large set, then rescans of the large one."""
    home = work / "home"
    store = DatasetStore(Location.parse(home))
    results = {}
    for files in (small, large):
        record = dataset(store, make_set(work / f"set{files}", files))
        results[files] = scan_in_child(home, record.key, 2, spared=spared)
        print(files, "files:", results[files], flush=True)
    print("difference of peak memory, MB:", round(results[large]["peak_mb"] - results[small]["peak_mb"], 1))
    again = scan_in_child(home, record.key, 2, spared=spared)
    first = results[large]["seconds"]
    print("rescan, nothing changed:", again, "faster by", round(first / again["seconds"], 1))
    target = work / f"set{large}"
    for path in sorted(target.rglob("*"))[1:20:4]:
        if path.is_file():
            path.write_bytes(path.read_bytes() + b"changed")
    (target / "000").rename(target / "moved")
    again = scan_in_child(home, record.key, 2, spared=spared)
    print("rescan, some changed, 1000 moved:", again, "faster by", round(first / again["seconds"], 1))


def job(work: Path, small: int, large: int) -> None:
    """Memory of the process of a whole Dagster run, ``bqat scan``, for a small and a large set; then both again.

    That process lists, collects the rows, and makes outliers, duplicates and the report.
    """
    peaks: dict[tuple[int, str], float] = {}
    for turn in ("first", "again"):
        for files in (small, large):
            folder = work / f"set{files}"
            if not folder.exists():
                make_set(folder, files)
            result = job_in_child(work / f"home{files}", folder)
            peaks[files, turn] = result["peak_mb"]
            print(files, "files,", turn, result, flush=True)
    for turn in ("first", "again"):
        print(turn, "difference of peak memory, MB:", round(peaks[large, turn] - peaks[small, turn], 1))


def job_in_child(home: Path, folder: Path) -> dict[str, Any]:
    """Seconds, and the peak memory in MB after each stage, of ``bqat scan``."""
    command = [str(Path(sys.executable).with_name("bqat")), "scan", str(folder), "--json"]
    began = time.monotonic()
    with (home.parent / "job.log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "BQAT_HOME": str(home), "BQAT_STATE": str(home / "state"), "BQAT_EDA": "false"},
        )
    peak, stages = 0.0, {}
    while process.poll() is None:
        peak = round(peak_mb(process.pid), 1) or peak
        stages[_stage(home)] = peak
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit((home.parent / "job.log").read_text())
    return {"seconds": round(time.monotonic() - began, 1), "peak_mb": peak, "until_end_of": stages}


def _stage(home: Path) -> str:
    for place in home.rglob("progress.json"):
        try:
            return str(json.loads(place.read_text())["stage"])
        except (OSError, ValueError, KeyError):
            continue
    return "start"


def scaling(work: Path, files: int) -> None:
    """Throughput of one and of two worker processes, in turns."""
    home = work / "home"
    store = DatasetStore(Location.parse(home))
    folder = make_set(work / "set", files)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(2):
        for workers in (1, 2):
            result = scan_in_child(home, dataset(store, folder).key, workers)
            seconds[workers].append(result["seconds"])
            print(workers, "workers:", result, f"{files / result['seconds']:.1f} files/s", flush=True)
    print("two against one:", round(min(seconds[1]) / min(seconds[2]), 2))


def kills(work: Path, files: int, times: int) -> None:
    """Kill -9 of a scan at random moments, resumed each time, against an undisturbed one."""
    home, log = work / "home", work / "log"
    store = DatasetStore(Location.parse(home))
    folder = make_set(work / "set", files)
    undisturbed = dataset(store, folder)
    calm = scan_in_child(home, undisturbed.key, 2)
    record = dataset(store, folder)
    command = [sys.executable, "-m", "benchmarks.scan", "child", str(home), record.key, "2", str(log), ""]
    killed = 0
    generator = random.Random(1)
    while killed < times:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(generator.uniform(0.2, calm["seconds"] / times * 2.5))
            break
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    result = scan_in_child(home, record.key, 2, str(log))
    analysed = Counter(log.read_text().splitlines())
    one, other = store.profiles(record.key), store.profiles(undisturbed.key)
    same = one is not None and other is not None and one.to_table().equals(other.to_table())
    chunk = min(Settings().chunk_size, max(1, files // 8))
    print("undisturbed:", calm)
    print("killed", killed, "times; rows", result["rows"], "same content:", same)
    print("files analysed more than once:", sum(n - 1 for n in analysed.values()), "allowed:", killed * 2 * chunk)


def hostile(work: Path, good: int) -> None:
    """A folder with all kinds of bad entries among good pictures."""
    from PIL import Image

    home = work / "home"
    store = DatasetStore(Location.parse(home))
    folder = make_set(work / "set", good)
    kinds = Counter(path.suffix for path in folder.rglob("*") if path.is_file())
    Image.new("1", (30_000, 30_000)).save(folder / "bomb.png")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "outside.jpg").symlink_to("/etc/hostname")
    (folder / "circle").symlink_to(folder)
    (folder / "empty.jpg").touch()
    (folder / "noise.jpg").write_bytes(b"\xff\xd8\xff" + random.Random(1).randbytes(50_000))
    record = dataset(store, folder)
    print(dict(kinds), scan_in_child(home, record.key, 2))
    profiles = store.profiles(record.key)
    assert profiles is not None
    for row in profiles.to_table(["file", "status", "reason_code", "reason"]).to_pylist():
        if row["file"].count("/") == 1:
            print(row)


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["size", "job", "cost", "scaling", "kills", "hostile"])
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--spared", action="store_true", help="for size and cost: everything but the engine")
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="bqat-bench-"))
    try:
        match chosen.name:
            case "size":
                size(work, (chosen.files or 20_000) // 10, chosen.files or 20_000, chosen.spared)
            case "job":
                job(work, (chosen.files or 20_000) // 10, chosen.files or 20_000)
            case "cost":
                from benchmarks.scan_cost import cost

                cost(work, chosen.files or 2_000, chosen.spared)
            case "scaling":
                scaling(work, chosen.files or 1_000)
            case "kills":
                kills(work, chosen.files or 2_000, 10)
            case "hostile":
                hostile(work, chosen.files or 500)
    finally:
        if not chosen.keep:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
