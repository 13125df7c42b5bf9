"""Dagster's UI in a browser, behind our guard."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from bqat_pipeline.sample import write_sample
from tests.browser import running_chromium
from tests.processes import eventually
from tests.stack import Stack

FROM_PAGE = """async ([query, variables]) => {
  const answer = await fetch('/graphql', {
    method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({query, variables})});
  return [answer.status, await answer.json()];
}"""
LAUNCH = """mutation L($p: ExecutionParams!) { launchRun(executionParams: $p) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
EVIL_PAGE = """async (port) => {
  const url = `http://localhost:${port}/graphql`, mutation = 'mutation { reloadWorkspace { __typename } }';
  const simple = await fetch(url, {method: 'POST', mode: 'no-cors', body: mutation}).then(() => 'sent', () => 'blocked');
  const read = await fetch(url + '?query=' + encodeURIComponent('{version}')).then(() => 'read', () => 'blocked');
  const socket = await new Promise(done => {
    const s = new WebSocket(`ws://localhost:${port}/graphql`, 'graphql-ws');
    s.onopen = () => done('open'); s.onerror = () => done('blocked'); });
  return [simple, read, socket];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with running_chromium("--host-resolver-rules=MAP evil.example 127.0.0.1") as launched:
        yield launched


@pytest.mark.timeout(600)
def test_ui_shows_the_asset_graph_launches_runs_and_follows_them(browser, stack: Stack):
    write_sample(stack.data / "ui")
    page = browser.new_page()
    refused, frames = [], []
    page.on("response", lambda r: refused.append((r.status, r.url)) if r.status >= 400 else None)
    page.on("websocket", lambda s: s.on("framereceived", lambda frame: frames.append(str(frame))))
    page.goto(f"{stack.dagster_url}/asset-groups", wait_until="domcontentloaded", timeout=120_000)
    page.get_by_text("face_profiles").first.wait_for(timeout=120_000)
    selector = {"repositoryName": "__repository__", "repositoryLocationName": "bqat_pipeline"}
    params = {"selector": {**selector, "jobName": "housekeeping"}, "runConfigData": "{}"}
    status, answer = page.evaluate(FROM_PAGE, [LAUNCH, {"p": params}])
    assert status == 200 and answer["data"]["launchRun"]["__typename"] == "LaunchRunSuccess", answer
    run_id = answer["data"]["launchRun"]["run"]["runId"]
    page.goto(f"{stack.dagster_url}/runs/{run_id}", wait_until="domcontentloaded", timeout=120_000)
    page.get_by_text("RUN_SUCCESS").first.wait_for(timeout=240_000)
    eventually(
        lambda: any("RunSuccess" in f or "RUN_SUCCESS" in f or run_id in f for f in frames), 60, "a subscription"
    )
    assert refused == []
    page.close()


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>hello</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def evil_port() -> Iterator[int]:
    """A site of somebody else; the browser finds it on this machine, as after a rebinding."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.timeout(600)
def test_page_of_another_site_reaches_nothing(browser, stack: Stack, evil_port: int):
    page = browser.new_page()
    page.goto(f"http://evil.example:{evil_port}/")
    answers: list[int] = []
    page.on("response", lambda r: answers.append(r.status) if "/graphql" in r.url else None)
    port = stack.dagster_url.rsplit(":", 1)[-1]
    simple, read, socket = page.evaluate(EVIL_PAGE, port)
    assert (read, socket) == ("blocked", "blocked")
    assert answers and all(status in (403, 415) for status in answers), (simple, answers)
    rebound = page.goto(f"http://evil.example:{port}/server_info")
    assert rebound.status == 403
    page.close()


def test_facade_goes_on_working_through_it(stack: Stack):
    assert stack.client.get("/readyz").status_code == 200
    refused = httpx.get(f"{stack.dagster_url}/graphql", params={"query": "mutation { reloadWorkspace { __typename } }"})
    assert refused.status_code == 405


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_documentation_of_the_facade_works_under_its_content_policy(browser, stack: Stack, path: str):
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(stack.url + path, wait_until="networkidle", timeout=120_000)
    page.get_by_text("/scan/local").first.wait_for(timeout=120_000)
    # ReDoc asks for its makers' logo, which the policy keeps from being fetched.
    assert [text for text in complaints if "cdn.redoc.ly" not in text] == []
    page.close()
