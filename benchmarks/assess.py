"""How quick is one picture at once? ``python -m benchmarks.assess [--megapixels 1] [--seconds 8] [--workers 1]``.

Starts a facade of its own and posts a JPEG portrait to ``/v1/assess`` with 1, 4 and 16 clients. The engine's own time for the
same bytes is measured in this process in turns with the single client, so that the ratio holds on a busy machine.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

import httpx

from benchmarks.engine import portrait
from bqat_pipeline.face import FaceEngine
from tests.facade import RunningFacade, running_facade


def single(address: str, content: bytes, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds of the engine in this process and of one client, in turns."""
    engine = FaceEngine()
    engine.analyse(content)
    alone: list[float] = []
    asked: list[float] = []
    end = time.perf_counter() + seconds
    with httpx.Client() as client:
        while time.perf_counter() < end:
            began = time.perf_counter()
            engine.analyse(content)
            alone.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            client.post(f"{address}/v1/assess", content=content, timeout=60).raise_for_status()
            asked.append(1000 * (time.perf_counter() - began))
    return alone, asked


def loaded(address: str, content: bytes, clients: int, seconds: float) -> list[float]:
    """Milliseconds of each answer while some clients ask without a pause."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    def ask() -> None:
        with httpx.Client(timeout=60) as client:
            while (began := time.perf_counter()) < end:
                client.post(f"{address}/v1/assess", content=content).raise_for_status()
                times.append(1000 * (time.perf_counter() - began))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    content = portrait(chosen.megapixels)
    print(
        f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, JPEG of {chosen.megapixels:g} MP, {len(content)} bytes"
    )
    with (
        tempfile.TemporaryDirectory(prefix="bqat-bench-") as folder,
        running_facade(Path(folder), BQAT_ASSESS_WORKERS=chosen.workers) as facade,
    ):
        address = facade.address
        up, memory = time.perf_counter(), _megabytes(facade)
        httpx.post(f"{address}/v1/assess", content=content, timeout=60).raise_for_status()
        first = time.perf_counter() - up
        print(f"facade up after {up - facade.began:.2f} s with {memory:.0f} MB, first picture {first:.2f} s later")
        alone, asked = single(address, content, chosen.seconds)
        engine = statistics.median(alone)
        print(
            f"engine alone p50 {engine:.1f} ms; 1 client {_figures(asked)}, {statistics.median(asked) - engine:+.1f} ms"
        )
        for clients in (1, 4, 16):
            times = loaded(address, content, clients, chosen.seconds)
            rate = len(times) / chosen.seconds
            share = rate / (chosen.workers * 1000 / engine)
            print(f"{clients:2} clients: {_figures(times)}; {rate:.1f} a second, {share:.2f} of workers x engine")
        print(f"load {os.getloadavg()[0]:.1f} at the end; facade {_megabytes(facade):.0f} MB")


def _megabytes(facade: RunningFacade) -> float:
    return facade.process.memory_info().rss / 1e6


def _figures(times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=100)
    return f"p50 {cuts[49]:.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f} ms"


if __name__ == "__main__":
    main()
