"""Latency and throughput of single pictures: ``python -m benchmarks.assess [--megapixels 1] [--seconds 8] [--workers 1] [--busy | --minutes N]``.

Starts a facade of its own and posts a JPEG portrait to ``/v1/assess`` with 1, 4 and 16 clients. The engine's own time for the
same bytes is measured in this process in turns with the single client, so that the ratio holds on a busy machine.
``--busy``: one client while a scan keeps all cores busy. ``--minutes``: mixed load (``benchmarks.assess_mixed``), and what the
facade and its processes hold before and after.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.assess_clients import answer, request
from benchmarks.assess_mixed import mixed
from benchmarks.engine import portrait
from bqat_pipeline.face import FaceEngine
from tests.facade import RunningFacade, running_facade

_SCAN = "import sys; from bqat_pipeline.folder_audit import audit; audit(sys.argv[1])"
# Pictures of 0.3 MP that a core measures in a second, at most; the scan must last as long as the measurement.
_SCANNED = 80


def port_of(facade: RunningFacade) -> int:
    return int(facade.address.rpartition(":")[2])


def asked_once(port: int, content: bytes) -> None:
    """One picture on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request("/v1/assess", content))
        status, body = answer(connection)
        if status != 200:
            raise RuntimeError(f"{status} {body[:200]!r}")


def single(port: int, content: bytes, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds of the engine in this process and of one client, in turns."""
    engine = FaceEngine()
    engine.analyse(content)
    alone: list[float] = []
    asked: list[float] = []
    sent = request("/v1/assess", content)
    end = time.perf_counter() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while time.perf_counter() < end:
            began = time.perf_counter()
            engine.analyse(content)
            alone.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            connection.sendall(sent)
            answer(connection)
            asked.append(1000 * (time.perf_counter() - began))
    return alone, asked


def loaded(port: int, content: bytes, clients: int, seconds: float) -> list[float]:
    """Milliseconds of each answer while several clients, in a process of their own, send requests without a pause."""
    command = [sys.executable, "-m", "benchmarks.assess_clients", str(port), str(clients), str(seconds)]
    done = subprocess.run(command, input=content, stdout=subprocess.PIPE, check=True)
    times: list[float] = json.loads(done.stdout)
    return times


@contextmanager
def scanning(folder: Path, seconds: float) -> Iterator[None]:
    """A scan on all cores, which ends with the block."""
    content = portrait(0.3)
    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(int(_SCANNED * seconds * (os.cpu_count() or 1))):
        (pictures / f"{number}.jpg").write_bytes(content + str(number).encode())
    environment = os.environ | {"BQAT_HOME": str(folder / "results"), "BQAT_DATA": str(pictures)}
    process = psutil.Popen([sys.executable, "-c", _SCAN, str(pictures)], env=environment, stdout=subprocess.DEVNULL)
    try:
        workers = os.cpu_count() or 1
        while sum(below.name() == process.name() for below in process.children(recursive=True)) < workers:
            time.sleep(0.1)
        time.sleep(3)  # until the engines are loaded
        yield
        if process.poll() is not None:
            raise RuntimeError("the scan ended before the measurement")
    finally:
        below = process.children(recursive=True)
        process.kill()
        for one in below:
            one.kill()
        psutil.wait_procs([process, *below], timeout=30)


def by_clients(port: int, content: bytes, seconds: float, workers: int) -> None:
    """Print latency and throughput at 1, 4 and 16 clients."""
    alone, asked = single(port, content, seconds)
    engine = statistics.median(alone)
    print(f"engine alone p50 {engine:.1f} ms; 1 client {_figures(asked)}, {statistics.median(asked) - engine:+.1f} ms")
    for clients in (1, 4, 16):
        times = loaded(port, content, clients, seconds)
        rate = len(times) / seconds
        share = rate / (workers * 1000 / engine)
        print(
            f"{clients:2} clients: {_figures(times)}; {rate:.1f} a second, {share:.2f} of workers x engine", flush=True
        )


def held(facade: RunningFacade) -> str:
    """Memory of the facade and of the processes below it."""
    below = facade.process.children(recursive=True)
    everything = [facade.process, *below]
    memory = sum(process.memory_info().rss for process in below) / 1e6
    files = sum(process.num_fds() for process in everything)
    return (
        f"facade {_megabytes(facade):.0f} MB, {facade.process.num_threads()} threads; "
        f"{len(below)} processes below it with {memory:.0f} MB; {files} open files"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--busy", action="store_true", help="one client beside a scan on all cores")
    parser.add_argument("--minutes", type=float, default=0, help="mixed load from 8 clients, for so long")
    chosen = parser.parse_args()
    content = portrait(chosen.megapixels)
    print(
        f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, JPEG of {chosen.megapixels:g} MP, {len(content)} bytes"
    )
    with (
        tempfile.TemporaryDirectory(prefix="bqat-bench-") as name,
        running_facade(Path(name), BQAT_ASSESS_WORKERS=chosen.workers) as facade,
    ):
        folder, port = Path(name), port_of(facade)
        up, memory = time.perf_counter(), _megabytes(facade)
        asked_once(port, content)
        first = time.perf_counter() - up
        print(f"facade up after {up - facade.began:.2f} s with {memory:.0f} MB, first picture {first:.2f} s later")
        if chosen.busy:
            with scanning(folder, chosen.seconds + 15):
                times = loaded(port, content, 1, chosen.seconds)
            print(f"1 client beside a scan on all cores: {_figures(times)}, {len(times)} answers")
        elif chosen.minutes:
            mixed(port, content, 8, 15)  # caches are filled
            print(f"before: {held(facade)}", flush=True)
            counts = mixed(port, content, 8, 60 * chosen.minutes)
            asked_once(port, content)
            time.sleep(2)  # until the connections are closed
            print(f"after: {held(facade)}\n{sum(counts.values())} requests: {dict(counts.most_common())}")
        else:
            by_clients(port, content, chosen.seconds, chosen.workers)
        print(f"load {os.getloadavg()[0]:.1f} at the end; facade {_megabytes(facade):.0f} MB")


def _megabytes(facade: RunningFacade) -> float:
    return facade.process.memory_info().rss / 1e6


def _figures(times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=100)
    return f"p50 {cuts[49]:.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f} ms"


if __name__ == "__main__":
    main()
