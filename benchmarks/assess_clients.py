"""Cheap clients: plain sockets in a process of their own, so that the service is measured and not its clients.

usage: python -m benchmarks.assess_clients PORT CLIENTS SECONDS < REQUEST_BODY; prints the milliseconds of each answer as JSON.
"""

import json
import socket
import sys
import threading
import time


def request(path: str, body: bytes, kind: str = "image/jpeg", method: str = "POST") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of the next answer, which has a Content-Length.

    Raises
    ------
    ConnectionError : when the server has closed the connection.
    """
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += _more(connection)
    return int(head[9:12]), body


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(1 << 18)
    if not part:
        raise ConnectionError("the server closed the connection")
    return part


def ask(port: int, sent: bytes, end: float, times: list[float]) -> None:
    """Send a request again and again until a time of ``time.perf_counter``."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (began := time.perf_counter()) < end:
            connection.sendall(sent)
            status, body = answer(connection)
            if status != 200:
                raise RuntimeError(f"{status} {body[:200]!r}")
            times.append(1000 * (time.perf_counter() - began))


def main() -> None:
    port, clients, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    sent = request("/v1/assess", sys.stdin.buffer.read())
    times: list[float] = []
    end = time.perf_counter() + seconds
    threads = [threading.Thread(target=ask, args=(port, sent, end, times)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(times))


if __name__ == "__main__":
    main()
