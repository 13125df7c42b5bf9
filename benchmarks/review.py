"""Response times of the routes of the review page: ``python -m benchmarks.review [--rows 1000000] [--scroll]``

A facade of its own (`python -m api`, no Dagster) answers over HTTP about synthetic profiles with outliers and copies: facets with twelve
histograms under a filter, the first window of a new view, further windows, decisions while windows are shown, another
rule set, thumbnails of real pictures. No request of the first two kinds is repeated. The time to make the data set is not counted. With `--scroll`, Chromium scrolls
the page instead.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import psutil

from benchmarks.scroll import scroll
from benchmarks.tables import with_copies
from benchmarks.thumbnails import thumbnails
from bqat_pipeline.datasets import DatasetStore, Location
from tests.processes import eventually, free_port, started
from tests.report import synthetic

REPEATS = 25
SORTS = ("worst", "-worst", "sharpness", "-iso_head_pose_yaw", "iso_eyes_open", "-ipd")


def main() -> None:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="results of an earlier run with `--keep`")
    parser.add_argument("--keep", type=Path, help="folder to make the data set in, which stays")
    parser.add_argument("--scroll", action="store_true", help="scroll the page in Chromium instead of asking")
    chosen = parser.parse_args()
    _machine()
    with tempfile.TemporaryDirectory(prefix="bqat-bench-") as temporary:
        home = chosen.home or chosen.keep or Path(temporary) / "home"
        if chosen.home is None:
            make(home, chosen.rows)
        with _facade(home, Path(temporary)) as (client, process):
            key = next(DatasetStore(Location.parse(home)).keys())
            if chosen.scroll:
                scroll(f"{client.base_url}/datasets/{key}")
            else:
                measure(client, process, key)
                for name, values in thumbnails().items():
                    _line(name, values, _memory(process))


def make(home: Path, rows: int) -> None:
    """A data set with its outliers and duplicates."""
    from bqat_pipeline.duplicates import write_duplicates
    from bqat_pipeline.outliers import write_outliers

    store = DatasetStore(Location.parse(home))
    record = synthetic.dataset(store, with_copies(synthetic.chunks(rows)))
    profiles, generation = store.profiles(record.key), store.current(record.key)
    assert profiles is not None and generation is not None
    write_outliers(profiles, generation)
    write_duplicates(profiles, generation)


def measure(client: httpx.Client, process: psutil.Process, key: str) -> None:
    """Send the requests and print a line for each kind."""
    random_numbers = random.Random(7)
    rows = client.get(f"/v1/datasets/{key}").json()["rows"]

    def ask(route: str, **query: object) -> dict:
        answer = client.get(f"/v1/datasets/{key}/{route}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def row(name: str, values: list[float]) -> None:
        _line(name, values, _memory(process))

    def new_filter() -> list[str]:
        return [
            f"iso_head_pose_yaw:ge:{random_numbers.uniform(-4, 0):.5f}",
            f"sharpness:ge:{random_numbers.uniform(50, 150):.4f}",
            "status:eq:ok",
        ]

    print(f"{'memory before':45} {_memory(process):8.0f} MB")
    row("opening: read and judge every row", [_timed(lambda: ask("window"))])
    row("first facets with twelve histograms", [_timed(lambda: ask("facets"))])
    row(
        "facets, 12 histograms, new filter",
        [_timed(lambda: ask("facets", filter=new_filter())) for _ in range(REPEATS)],
    )
    row(
        "facets, the same filter again",
        [_timed(lambda: ask("facets", filter="failed:in:yaw,roll")) for _ in range(REPEATS)],
    )
    for sort in SORTS:  # the first window by a column also sorts it
        row(f"first window ever by {sort}", [_timed(lambda s=sort: ask("window", sort=s, filter=new_filter()))])
    row(
        "first window of a new view",
        [_timed(lambda n=n: ask("window", sort=SORTS[n % len(SORTS)], filter=new_filter())) for n in range(REPEATS)],
    )
    view = {"filter": ["failed:in:yaw,roll,pitch", "status:eq:ok"], "sort": "-iso_head_pose_yaw"}
    matching = ask("window", **view)["matching"]
    row(
        f"further windows of 60, anywhere in {matching:,}",
        [_timed(lambda: ask("window", **view, start=random_numbers.randrange(matching))) for _ in range(4 * REPEATS)],
    )
    row(
        "the window around a picture",
        [_timed(lambda n=n: ask("window", around=n * 997 % rows, **view)) for n in range(REPEATS)],
    )
    row(
        "first window of a text search",
        [_timed(lambda n=n: ask("window", filter=f"file:contains:HARBOUR/{n:04d}")) for n in range(REPEATS)],
    )
    row("one picture", [_timed(lambda n=n: ask(f"review/{n * 9973 % rows}")) for n in range(REPEATS)])
    found = ask("window", filter="decision:eq:undecided")

    def decide(row: int) -> float:
        body = {"decision": "reject", "rows": [row], "generation": found["generation"], "action": str(uuid4())}
        answer = client.post(f"/v1/datasets/{key}/decisions", json=body)
        assert answer.status_code == 200, answer.text
        return _timed(lambda: ask("window", filter="decision:eq:undecided"))

    row("window of the undecided after a decision", [decide(item["row"]) for item in found["items"][:REPEATS]])
    row("another rule set: judge every row again", [_timed(lambda: ask("window", rules="bsi-tr-03121"))])
    row(
        "its facets", [_timed(lambda: ask("facets", rules="bsi-tr-03121", filter=new_filter())) for _ in range(REPEATS)]
    )
    print(f"{'memory of the facade, now':45} {_memory(process):8.0f} MB")
    print(f"{'memory of the facade, most':45} {_peak(process):8.0f} MB")


@contextmanager
def _facade(home: Path, folder: Path) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    port = free_port()
    (folder / "data").mkdir()
    environment = os.environ | {
        "BQAT_HOME": str(home),
        "BQAT_DATA": str(folder / "data"),
        "BQAT_STATE": str(folder / "state"),
        "BQAT_ASSESS_WORKERS": "0",
    }
    command = [sys.executable, "-m", "api", "--port", str(port), "--log-level", "warning"]
    with (
        started(command, environment, folder / "facade.log") as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client,
    ):
        eventually(lambda: client.get("/healthz").status_code == 200, 60, "a facade that answers")
        yield client, psutil.Process(process.pid)


def _machine() -> None:
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    known = [flag for flag in ("sse4_2", "avx2", "avx512f") if f" {flag} " in flags]
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores ({' '.join(known)}), load before: {load}")


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - began)


def _line(name: str, values: list[float], memory: float) -> None:
    ordered = sorted(values)
    tail = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    print(
        f"{name:45} {statistics.median(values):8.1f} ms   95 %: {tail:8.1f} ms   n = {len(values):3}   {memory:4.0f} MB",
        flush=True,
    )


def _memory(process: psutil.Process) -> float:
    return process.memory_info().rss / 1e6


def _peak(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return _memory(process)
    return next(
        int(line.split()[1]) * 1024 / 1e6 for line in status.read_text().splitlines() if line.startswith("VmHWM")
    )


if __name__ == "__main__":
    main()
