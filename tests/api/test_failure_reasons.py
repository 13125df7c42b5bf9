"""The log of a failed task tells the sentence of this software, as the command line does."""

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from api.tasks.dagster_client import DagsterClient

_STEP = "dagster._core.errors.DagsterExecutionStepExecutionError: Error occurred while executing op\n"
_OURS = "bqat_pipeline.execution.errors.ScanError: cannot write below /results. Make room, and run the scan again\n"
_RAW = "OSError: [Errno 28] No space left on device\n"


@pytest.fixture
def webserver(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a webserver whose only run failed in a step with the given messages, the outermost first."""
    first, *causes = ({"message": message} for message in request.param)
    event = {
        "__typename": "ExecutionStepFailureEvent",
        "error": first | {"errorChain": [{"error": cause} for cause in causes]},
    }
    log = {"__typename": "EventConnection", "cursor": "1", "hasMore": False, "events": [event]}
    body = json.dumps({"data": {"logsForRun": log}}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("webserver", "told"),
    [
        ([_STEP, _OURS, _RAW], "cannot write below /results. Make room, and run the scan again"),
        ([_STEP, _RAW], "[Errno 28] No space left on device"),
    ],
    indirect=["webserver"],
)
def test_sentence_is_told_before_the_error_that_caused_it(webserver: str, told: str) -> None:
    async def failure() -> list[str]:
        client = DagsterClient(webserver)
        try:
            return await client.failure("5a0aa4f7-4ad8-40cc-aec4-c41c8336491e")
        finally:
            await client.close()

    assert asyncio.run(failure()) == [told]
