"""One picture at once on a real port: what the process holds, and clients that go away."""

import base64
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.api.pictures import portrait
from tests.facade import RunningFacade, running_facade
from tests.processes import eventually

# Parts of paths of the engine's libraries, and of what else the facade does without.
HEAVY = ("watchfiles", "cv2", "litert", "mediapipe", "pandas", "duckdb", "sklearn", "matplotlib")


# Bodies of a portrait that may be held at once.
ROOM = 8


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFacade]:
    with running_facade(tmp_path_factory.mktemp("served"), BQAT_ASSESS_MEMORY=ROOM * len(portrait())) as facade:
        assert httpx.post(f"{facade.address}/v1/assess", content=portrait(), timeout=60).json()["status"] == "ok"
        yield facade


def counted(facade: RunningFacade, metric: str) -> float:
    """Value of a metric."""
    found = re.search(rf"^{re.escape(metric)} (\S+)$", httpx.get(f"{facade.address}/metrics").text, re.M)
    return float(found.group(1)) if found else 0.0


def sent(facade: RunningFacade, body: bytes, announced: int) -> socket.socket:
    """A connection with a request for an assessment, as far as the body goes."""
    host, port = facade.address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    head = f"POST /v1/assess HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {announced}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def test_facade_that_assesses_has_no_engine_loaded(served: RunningFacade) -> None:
    libraries = {part.path for part in served.process.memory_maps() if ".so" in part.path}
    assert [path for path in libraries if any(f"/{name}" in path or f"_{name}" in path for name in HEAVY)] == []


def test_facade_is_small_at_its_start(tmp_path: Path) -> None:
    """Its own memory, 65 MB: how much of libraries' files is in memory too, 49 MB, is the system's choice."""
    with running_facade(tmp_path) as facade:
        parts = facade.process.memory_maps()
        own = sum(part.private_clean + part.private_dirty for part in parts)
        assert own < 80e6, sorted((part.private_dirty, part.path) for part in parts)[-10:]


def test_what_reads_tables_is_loaded_when_threads_first_use_it_and_pandas_never() -> None:
    lines = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from api.http.light_imports import import_libraries
import_libraries()
import pyarrow.compute as pc, pyarrow.dataset as ds, pyarrow.parquet as pq
import api.app
loaded = {"pyarrow._compute", "pyarrow._dataset", "pyarrow._parquet", "rich"} & set(sys.modules)
assert not loaded, f"loaded at the start: {loaded}; quote annotations that name them"
together = Barrier(12)
def use(number):
    together.wait()
    return (ds.dataset, pc.equal, pq.read_table)[number % 3]
with ThreadPoolExecutor(12) as threads:
    assert all(map(callable, threads.map(use, range(12))))
assert ds.field("a").equals(pc.field("a")) and "pandas" not in sys.modules
from pyarrow import fs
assert fs.FileSystem.from_uri("s3://key:secret@bucket?region=us-east-1")[1] == "bucket"
"""
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_pictures_of_clients_that_left_cost_no_time_and_no_place(served: RunningFacade) -> None:
    ok = 'bqat_assess_pictures_total{status="ok"}'
    before = counted(served, ok)
    below = served.process.children(recursive=True)
    for process in below:  # the worker is one of them
        process.suspend()
    try:
        waiting = [sent(served, portrait(), len(portrait())) for _ in range(8)]
        eventually(lambda: counted(served, "bqat_assess_waiting") == 8, 30, "eight pictures that wait")
        for connection in waiting:
            connection.close()
        # One of them may lie with the worker already; that one is measured.
        eventually(lambda: counted(served, "bqat_assess_waiting") <= 1, 30, "room in the queue")
    finally:
        for process in below:
            with suppress(psutil.Error):
                process.resume()
    assert httpx.post(f"{served.address}/v1/assess", content=portrait(), timeout=60).json()["status"] == "ok"
    assert counted(served, ok) == before + 1
    sent(served, portrait()[:1000], len(portrait())).close()
    eventually(lambda: served.log.read_text().count("/v1/assess 0 ") == 9, 30, "a log line of each that left")
    assert "Traceback" not in served.log.read_text()


def test_bodies_that_arrive_are_bounded_together(served: RunningFacade) -> None:
    picture = portrait()
    bodies: list[dict[str, Any]] = [{"content": picture}, {"content": iter([picture[:5000], picture[5000:]])}]
    arriving = [sent(served, picture[:-1], len(picture)) for _ in range(ROOM)]
    eventually(lambda: counted(served, "bqat_assess_arriving_bytes") > (ROOM - 0.5) * len(picture), 30, "the bodies")
    for body in bodies:  # with its length announced, and without
        refused = httpx.post(f"{served.address}/v1/assess", **body, timeout=60)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    encoded = {"data": base64.b64encode(picture).decode()}
    for path, body in (("/file", {"files": {"file": ("a.jpg", picture)}}), ("/base64", {"json": encoded})):
        assert httpx.post(f"{served.address}{path}", **body, timeout=60).status_code == 429
    arriving[0].sendall(picture[-1:])  # what is there is answered
    assert arriving[0].recv(100).startswith(b"HTTP/1.1 200")
    for connection in arriving:
        connection.close()
    eventually(lambda: counted(served, "bqat_assess_arriving_bytes") == 0, 30, "room")
    assert httpx.post(f"{served.address}/v1/assess", content=picture, timeout=60).json()["status"] == "ok"
