"""Mixed load: good, broken and hostile pictures on every route for single pictures, and clients that disconnect."""

import base64
import json
import random
import socket
import threading
import time
from collections import Counter

from benchmarks.assess_clients import answer, request
from bqat_pipeline.face.picture.probe import FORMATS
from tests.face.damage import damaged, seeds

_BOUNDARY = "b0undary"
_FORM = f"multipart/form-data; boundary={_BOUNDARY}"


def multipart(content: bytes) -> bytes:
    """The body of a form with the picture in the part ``file``."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    return head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()


def hostile(chance: random.Random) -> bytes:
    """A damaged picture of any format, noise, or next to nothing."""
    draw = chance.random()
    if draw < 0.1:
        return chance.randbytes(chance.randrange(1, 50_000))
    kind = chance.choice([kind for kind in FORMATS if kind not in ("HEIF", "AVIF")])
    return damaged(chance.choice(seeds(kind)), chance, kind)


def drawn(chance: random.Random, good: bytes) -> bytes:
    """The next request."""
    content = good if chance.random() < 0.4 else hostile(chance)
    route = chance.choice(("raw", "raw", "overlay", "form", "file", "base64"))
    if route == "form":
        return request("/v1/assess", multipart(content), _FORM)
    if route == "file":
        return request("/file", multipart(content), _FORM)
    if route == "base64":
        body = {"data": base64.b64encode(content).decode(), "id": "1"}
        return request("/base64?urlsafe=false", json.dumps(body).encode(), "application/json")
    return request(
        "/v1/assess?overlay=svg" if route == "overlay" else "/v1/assess", content, "application/octet-stream"
    )


def mixed(port: int, good: bytes, clients: int, seconds: float) -> Counter[str]:
    """Number of answers by status, and of disconnections by kind, for several clients.

    A connection that the server ends by itself counts as ``closed``.
    """
    counts: Counter[str] = Counter()
    end = time.monotonic() + seconds

    def client(seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < end:
            sent = drawn(chance, good)
            with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
                try:
                    if chance.random() < 0.1:
                        connection.sendall(sent[: chance.randrange(len(sent))])
                        counts["hung up in the body"] += 1
                        continue
                    connection.sendall(sent)
                    if chance.random() < 0.1:
                        counts["hung up before the answer"] += 1
                        continue
                    counts[str(answer(connection)[0])] += 1
                except (ConnectionError, StopIteration):
                    counts["closed"] += 1

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts
