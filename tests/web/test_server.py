"""The server of both ports ends connections that keep it waiting, and no others."""

import asyncio
import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from bqat_pipeline.web.server import timed_protocol
from tests.processes import eventually, free_port, is_listening

LIMIT = 0.4
# Bytes a second that a body must bring, over windows of so many seconds.
RATE, WINDOW = 200, 1.0


async def slow_echo(scope, receive, send):
    """Answers with the body's length after a while that is longer than the limit."""
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message.get("more_body", False)
    await asyncio.sleep(3 * LIMIT)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": f"{size:3d}".encode()})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    chosen = free_port()
    protocol = timed_protocol(LIMIT, RATE, WINDOW)
    config = uvicorn.Config(slow_echo, port=chosen, http=protocol, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: is_listening(chosen), 30, "a server")
    yield chosen
    server.should_exit = True
    thread.join(20)


def answer(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    connection.settimeout(30)
    received = b""
    with contextlib.suppress(ConnectionResetError):  # something was sent that the server did not read any more
        while block := connection.recv(4096):
            received += block
    return received


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"GET / HTT",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
    ids=["nothing", "a line end", "half a line", "half the headers", "half a body", "half a chunked body"],
)
def test_half_open_requests_are_ended(port: int, sent: bytes):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent)
        assert answer(connection).startswith(b"HTTP/1.1 408 ")


def test_headers_that_drip_are_ended(port: int):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 30:
                connection.sendall(b"X-Drip: 1\r\n")
                time.sleep(LIMIT / 8)


def drip(connection: socket.socket, block: bytes, seconds: float) -> None:
    """Send a block every twentieth of a second, each pause shorter than the limit, until there is an answer."""
    began = time.monotonic()
    while time.monotonic() - began < seconds and not select.select([connection], [], [], LIMIT / 8)[0]:
        connection.sendall(block)


@pytest.mark.parametrize(
    ("framing", "block"),
    [("Content-Length: 2000000000", b"x"), ("Transfer-Encoding: chunked", b"1\r\nx\r\n")],
    ids=["announced", "chunked"],
)
def test_bodies_that_drip_are_ended(port: int, framing: str, block: bytes):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n".encode())
        drip(connection, block, 30 * WINDOW)
        assert answer(connection).startswith(b"HTTP/1.1 408 ")


def test_bodies_over_a_slow_line_arrive(port: int):
    """Longer than several windows, and every pause shorter than the limit."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        drip(connection, b"80\r\n" + 128 * b"x" + b"\r\n", 3.5 * WINDOW)
        connection.sendall(b"0\r\n\r\n")
        assert answer(connection).startswith(b"HTTP/1.1 200 ")


def test_answers_that_take_longer_are_waited_for_and_slow_bodies_may_go_on(port: int):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 12\r\n\r\n")
        for _ in range(12):  # longer than the limit as a whole, each pause shorter
            connection.sendall(b"x")
            time.sleep(LIMIT / 8)
        assert answer(connection).endswith(b" 12")
