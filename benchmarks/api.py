"""Response times of the REST facade: the figures of docs/api.md.

    python -m benchmarks.api scans     POST to stored profiles, one picture and eighty, warm
    python -m benchmarks.api tables    pages, filters and sorts of a million synthetic profiles
    python -m benchmarks.api busy      status routes while a scan uses every core

Starts a deployment of its own (`bqat up`) in a temporary folder. The pictures are those of the sample data set.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.figures import Figure, write_measured
from bqat_pipeline.datasets import DatasetStore, Location
from tests.api.pictures import portrait, write_portraits
from tests.processes import eventually
from tests.report import synthetic
from tests.stack import Stack, running_stack

REPEATS = 7


@contextmanager
def _stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="bqat-bench-") as folder, running_stack(Path(folder)) as stack:
        yield stack


def scans() -> None:
    """Seconds from the request to profiles that can be read, and to the end of the task (with the report)."""
    with _stack() as stack:
        _scan(stack, 1, "warm")
        for count in (1, 80):
            stored, ended = [], []
            for repeat in range(REPEATS):
                a, b = _scan(stack, count, str(repeat))
                stored.append(a)
                ended.append(b)
            _row(f"{count} pictures, profiles stored", stored, "s")
            _row(f"{count} pictures, task ended", ended, "s")


def _scan(stack: Stack, count: int, name: str) -> tuple[float, float]:
    """Scan a new folder of pictures: rows of those that another data set has would be taken over, and not measured."""
    folder = stack.data / f"faces{count}-{name}"
    folder.mkdir()
    chance = random.Random(f"{count}-{name}")
    for number in range(count):  # sizes differ as those of pictures do
        (folder / f"{number:04d}.jpg").write_bytes(portrait() + chance.randbytes(chance.randrange(100_000)))
    began = time.perf_counter()
    body = {"input": f"data/{folder.name}"}
    tid = stack.client.post("/scan/local", params={"modality": "face"}, json=body).json()["tid"]
    dataset = stack.client.get(f"/task/{tid}").json()["collection"]
    while stack.client.get(f"/scan/{dataset}/profiles/count").json() < count:
        time.sleep(0.05)
    stored = time.perf_counter() - began
    while stack.client.get(f"/task/{tid}/status").status_code == 200:
        time.sleep(0.05)
    return stored, time.perf_counter() - began


def tables(rows: int, measured: Path | None) -> None:
    """Median milliseconds of requests about many profiles, and the memory of the facade."""
    with _stack() as stack:
        store = DatasetStore(Location.parse(stack.home))
        record = synthetic.dataset(store, synthetic.chunks(rows))
        route = f"/v1/datasets/{record.key}/profiles"
        chosen = "file,status,verdict,ipd,sharpness,yaw_degree,brightness"
        middle = stack.client.get(route, params={"limit": 1}).json()["generation"]
        from api.v1.common import encode_cursor

        questions: dict[str, tuple[str, dict[str, object]]] = {
            "page of 100, summary, start": (route, {"limit": 100}),
            "page of 100, summary, middle": (route, {"limit": 100, "cursor": encode_cursor(g=middle, p=rows // 2)}),
            "page of 100, all columns, middle": (
                route,
                {"limit": 100, "fields": "*", "cursor": encode_cursor(g=middle, p=rows // 2)},
            ),
            "BQAT page of 100, middle": (f"/scan/{record.id}/profiles", {"skip": rows // 2, "limit": 100}),
            "filter + sorted top 100, 7 columns": (
                route,
                {"filter": ["status:eq:ok", "ipd:ge:100"], "sort": "-sharpness", "fields": chosen, "limit": 100},
            ),
            "filter, first 100": (route, {"filter": "sharpness:lt:50", "limit": 100}),
            "count with filter": (route, {"filter": "ipd:ge:130", "limit": 1, "count": True}),
            "one row, all columns": (f"{route}/{rows // 2}", {}),
        }
        for name, (path, query) in questions.items():
            times = [1000 * _timed(lambda p=path, q=query: stack.client.get(p, params=q)) for _ in range(25)]
            _row(name, times, "ms")
            write_measured(measured, [Figure(f"{name}, {rows:,} rows", statistics.median(times), "ms", "wall")])
        seconds = _timed(lambda: _drain(stack, f"/v1/datasets/{record.key}/export?format=parquet"))
        print(f"{'export of everything, Parquet':45} {seconds:8.1f} s")
        memory = _memory(stack)
        print(f"{'memory of the facade':45} {memory:8.0f} MB")
        write_measured(
            measured,
            [
                Figure(f"export of everything, {rows:,} rows", seconds, "s", "wall"),
                Figure(f"memory of the facade, {rows:,} rows", memory, "MB", "memory"),
            ],
        )


def busy(count: int) -> None:
    """Median milliseconds of the routes that front ends poll, while a scan of many pictures runs."""
    with _stack() as stack:
        write_portraits(stack.data / "busy", count)
        tid = stack.client.post("/scan/local", params={"modality": "face"}, json={"input": "data/busy"}).json()["tid"]
        eventually(lambda: stack.client.get(f"/task/{tid}/status").json()["done"], 120, "work")
        routes = (f"/task/{tid}/status", "/task/state", "/task/pending", "/task/logs/scan", "/info", "/healthz")
        times: dict[str, list[float]] = {route: [] for route in routes}
        load = []
        while stack.client.get(f"/task/{tid}/status").status_code == 200 and len(load) < 120:
            for route in routes:
                times[route].append(1000 * _timed(lambda r=route: stack.client.get(r)))
            load.append(psutil.cpu_percent())
            time.sleep(0.3)
        print(f"processor use while measuring: {statistics.median(load[1:]):.0f} %")
        for route, values in times.items():
            _row(route.replace(tid, "{tid}"), values, "ms")


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    answer = call()
    seconds = time.perf_counter() - began
    if isinstance(answer, httpx.Response):
        answer.raise_for_status()
    return seconds


def _drain(stack: Stack, path: str) -> None:
    with stack.client.stream("GET", path) as response:
        response.raise_for_status()
        for _ in response.iter_raw():
            pass


def _memory(stack: Stack) -> float:
    port = stack.url.rsplit(":", 1)[1]
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "-m api " in line and port in line:
            return process.memory_info().rss / 1e6
    return float("nan")


def _row(name: str, values: list[float], unit: str) -> None:
    ordered = sorted(values)
    tail = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    print(f"{name:45} {statistics.median(values):8.2f} {unit}   95 %: {tail:8.2f} {unit}   n = {len(values)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("scans", "tables", "busy"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=5_000)
    parser.add_argument("--figures", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.what == "scans":
        scans()
    elif chosen.what == "tables":
        tables(chosen.rows, chosen.figures)
    else:
        busy(chosen.pictures)


if __name__ == "__main__":
    main()
