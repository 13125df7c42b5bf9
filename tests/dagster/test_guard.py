"""The port of Dagster's UI: what other pages and callers without a key used to reach, and what people need."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.debug import WebserverDebugWorkspaceProcessContext
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from bqat_pipeline.deployment.dagster_guard import guard
from bqat_pipeline.settings import Settings

MUTATION = "mutation { reloadWorkspace { __typename } }"
QUERY = "query { version }"
KEY = "a-key-nobody-knows"
EVIL = "http://evil.example"
SOCKET = "ws://localhost:3000/graphql"


def webserver(prefix: str = "", **settings: Any) -> TestClient:
    """Dagster's own application on an empty instance, behind the guard."""
    context = WebserverDebugWorkspaceProcessContext(dg.DagsterInstance.ephemeral())
    app = create_app_from_workspace_process_context(context, prefix)  # type: ignore[arg-type]
    chosen = Settings(_env_file=None, dagster_root_path=prefix, **settings)
    return TestClient(guard(app, chosen), base_url="http://localhost:3000", follow_redirects=False)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    yield webserver()


def test_queries_are_answered(client: TestClient):
    for answer in (
        client.post("/graphql", json={"query": QUERY}),
        client.get("/graphql", params={"query": QUERY}),
        client.post("/graphql", json={"query": QUERY}, headers={"Origin": "http://localhost:3000"}),
        client.post("/graphql", json={"query": MUTATION}, headers={"Sec-Fetch-Site": "same-origin"}),
    ):
        assert answer.status_code == 200 and "data" in answer.json(), answer.text
    assert client.get("/server_info").status_code == 200
    assert "text/html" in client.get("/").headers["content-type"]


@pytest.mark.parametrize(
    "document",
    [
        MUTATION,
        f"{QUERY} {MUTATION}",
        "mutation M { reloadWorkspace { __typename } } query Q { version }",
        'subscription { pipelineRunLogs(runId: "x") { __typename } }',
        f"#{QUERY}\n{MUTATION}",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_mutation_by_url(client: TestClient, method: str, document: str):
    for params in ({"query": document}, {"query": [QUERY, document]}, {"query": [document, QUERY]}):
        answer = client.request(method, "/graphql", params=params)
        assert answer.status_code == 405 and answer.headers["allow"] == "POST"
    assert client.get("/graphql", params={"query": document}, headers={"Accept": "text/html"}).status_code == 405


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json"])
def test_posts_that_a_form_of_any_page_can_make_are_refused(client: TestClient, kind: str):
    answer = client.post("/graphql", params={"query": MUTATION}, content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert client.post("/graphql", params={"query": MUTATION}).status_code == 415


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://localhost:9949"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:3000.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_change_and_ask_nothing(client: TestClient, headers: dict[str, str]):
    answers = [
        client.post("/graphql", json={"query": MUTATION}, headers=headers),
        client.post("/graphql", json=[{"query": MUTATION}], headers=headers),
        client.get("/graphql", params={"query": QUERY}, headers=headers),
        client.post("/report_asset_materialization/x", json={}, headers=headers),
        client.post("/sign-in", data={"key": KEY}, headers=headers),
    ]
    assert [a.status_code for a in answers] == [403] * len(answers)
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(SOCKET, ["graphql-ws"], headers=headers):
        pass


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "localhost@evil.example"]
)
def test_rebound_names_are_refused(client: TestClient, host: str):
    for path in ("/", "/server_info", "/graphql"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 403 and "BQAT_ALLOWED_HOSTS" in answer.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(SOCKET, headers={"Host": host}):
        pass


def test_listed_names_and_that_of_the_facades_url_are_answered():
    client = webserver(
        allowed_hosts="faces.example.org, other.example.org",
        dagster_url="http://webserver:3000",
        public_dagster_url="https://dagster.example.org/ui",
    )
    for host in ("faces.example.org", "FACES.example.org:443", "webserver:3000", "dagster.example.org", "[::1]:3000"):
        assert client.get("/server_info", headers={"Host": host}).status_code == 200, host
    assert client.get("/server_info", headers={"Host": "evil.example"}).status_code == 403
    proxied = {"Host": "webserver:3000", "Origin": "https://dagster.example.org"}
    assert client.post("/graphql", json={"query": QUERY}, headers=proxied).status_code == 200
    assert webserver(allowed_hosts="*").get("/server_info", headers={"Host": "any.example"}).status_code == 200


@pytest.mark.parametrize("settings", [{"api_key": KEY}, {"dagster_key": KEY, "api_key": "another"}])
def test_key_is_asked_for_everywhere_but_by_health_checks(settings: dict[str, str]):
    client = webserver(**settings)
    for headers in ({}, {"X-API-Key": "wrong"}, {"Cookie": f"bqat_dagster_session={KEY}"}):
        assert client.post("/graphql", json={"query": QUERY}, headers=headers).status_code == 401
        assert client.get("/logs/x/y.err", headers=headers).status_code == 401
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(SOCKET, headers=headers):
            pass
    assert client.get("/server_info").status_code == 200
    for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
        assert client.post("/graphql", json={"query": QUERY}, headers=headers).status_code == 200
        with client.websocket_connect(SOCKET, ["graphql-ws"], headers=headers) as socket:
            socket.send_json({"type": "connection_init"})
            assert socket.receive_json() == {"type": "connection_ack"}


@pytest.mark.parametrize("prefix", ["", "/dagster"])
def test_person_gets_in_by_the_sign_in_page(prefix: str):
    client = webserver(prefix, api_key=KEY)
    page = client.get(f"{prefix}/runs", headers={"Accept": "text/html"})
    assert page.status_code == 401 and 'type="password"' in page.text and f'action="{prefix}/sign-in"' in page.text
    assert client.post(f"{prefix}/sign-in", data={"key": KEY.upper()}).status_code == 401
    answer = client.post(f"{prefix}/sign-in", data={"key": KEY}, headers={"Origin": "http://localhost:3000"})
    assert answer.status_code == 303 and answer.headers["location"] == f"{prefix}/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and KEY not in cookie
    assert client.post(f"{prefix}/graphql", json={"query": QUERY}).status_code == 200
    assert client.post(f"{prefix}/graphql", json={"query": MUTATION}, headers={"Origin": EVIL}).status_code == 403


def test_keys_cannot_be_tried_without_end():
    client = webserver(api_key=KEY)
    tries = [client.post("/sign-in", data={"key": f"guess {n}"}).status_code for n in range(12)]
    assert tries == [401] * 10 + [429] * 2
    answer = client.post("/graphql", json={"query": QUERY}, headers={"X-API-Key": KEY})
    assert answer.status_code == 429 and 0 < int(answer.headers["retry-after"]) <= 61


def test_answers_carry_the_safety_headers(client: TestClient):
    for path in ("/", "/server_info"):
        headers = client.get(path).headers
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["cross-origin-resource-policy"] == "same-origin"
