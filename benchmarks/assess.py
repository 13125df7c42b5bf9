"""How quick is one picture at once? ``python -m benchmarks.assess [--megapixels 1] [--seconds 8] [--workers 1]``.

Starts a facade of its own and posts a JPEG portrait to ``/v1/assess`` with 1, 4 and 16 clients. The engine's own time for the
same bytes is measured in this process in turns with the single client, so that the ratio holds on a busy machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.engine import portrait
from bqat_pipeline.face import FaceEngine
from tests.processes import free_port


@contextmanager
def facade(workers: int) -> Iterator[tuple[str, psutil.Process, float]]:
    """Address, process, and the moment it was started, of a facade without Dagster."""
    with tempfile.TemporaryDirectory(prefix="bqat-bench-") as folder:
        port = free_port()
        places = {f"BQAT_{name.upper()}": str(Path(folder) / name) for name in ("home", "data", "state")}
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "api"],
            env=os.environ | places | {"BQAT_PORT": str(port), "BQAT_ASSESS_WORKERS": str(workers)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid), began
        finally:
            process.terminate()
            process.wait(20)


def first_answer(address: str, content: bytes, process: psutil.Process, began: float) -> tuple[float, float, float]:
    """Seconds from the start until the facade answers, and from then until a picture is assessed; MB it has between."""
    while True:
        try:
            httpx.get(f"{address}/healthz")
            break
        except httpx.TransportError:
            time.sleep(0.02)
    up = time.perf_counter()
    memory = process.memory_info().rss / 1e6
    httpx.post(f"{address}/v1/assess", content=content, timeout=60).raise_for_status()
    return up - began, time.perf_counter() - up, memory


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
    with facade(chosen.workers) as (address, process, began):
        up, first, memory = first_answer(address, content, process, began)
        print(f"facade up after {up:.2f} s, first picture {first:.2f} s later; facade {memory:.0f} MB resident")
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
        print(f"load {os.getloadavg()[0]:.1f} at the end; facade {process.memory_info().rss / 1e6:.0f} MB resident")


def _figures(times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=100)
    return f"p50 {cuts[49]:.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f} ms"


if __name__ == "__main__":
    main()
