"""An S3 server (moto) behind a proxy that counts requests and lets some of them fail."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import boto3
from moto.server import ThreadedMotoServer

KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
BUCKET = "faces"

# Failure of a request by its method and path: a status, 0 for a connection that breaks off, None for no failure.
Fault = Callable[[str, str], int | None]


@dataclass
class FlakyS3:
    """Address and behaviour of the server.

    Attributes
    ----------
    requests : Number of requests by method.
    fault : Called for each request.
    """

    port: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    fault: Fault = lambda method, path: None

    def uri(self, path: str) -> str:
        options = f"endpoint_override=127.0.0.1:{self.port}&scheme=http&region=us-east-1"
        return f"s3://key:secret@{BUCKET}/{path}?{options}"

    @contextmanager
    def faulty(self, fault: Fault) -> Iterator[None]:
        """Let requests fail until the block ends."""
        before, self.fault = self.fault, fault
        try:
            yield
        finally:
            self.fault = before


@contextmanager
def flaky_s3() -> Iterator[FlakyS3]:
    """A running server with one bucket."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", **KEYS).create_bucket(Bucket=BUCKET)
    state = FlakyS3()
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state, port))
    proxy.daemon_threads = True
    state.port = proxy.server_address[1]
    thread = Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
        moto.stop()


def _handler(state: FlakyS3, upstream: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self._body()
            state.requests[self.command] += 1
            fault = state.fault(self.command, self.path)
            if fault is not None:
                self._refuse(fault)
                return
            server = HTTPConnection("127.0.0.1", upstream, timeout=60)
            dropped = {"transfer-encoding", "content-length", "expect", "connection"}
            headers = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
            with contextlib.suppress(ConnectionError):
                try:
                    server.request(self.command, self.path, body, headers)
                    answer = server.getresponse()
                    content = answer.read()
                except (OSError, HTTPException):
                    self._refuse(0)
                    return
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in dropped:
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)
            server.close()

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward  # noqa: N815 - names of http.server

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _refuse(self, status: int) -> None:
            self.close_connection = True
            if not status:
                self.connection.close()
                return
            code = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}[status]
            content = f"<Error><Code>{code}</Code><Message>injected by the test</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler
