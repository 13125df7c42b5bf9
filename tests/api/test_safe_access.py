"""Who may call: keys, names of the server, pages of browsers; and what the log tells of it."""

import logging
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.web.keys import Key
from tests.api.conftest import Facade
from tests.report import synthetic

KEY = "a-key-nobody-knows"


def test_pages_of_other_sites_cannot_change_anything(facade: TestClient, world: Path):
    for origin in ("http://evil.example", "null", "http://localhost.evil.example"):
        response = facade.post("/purge", headers={"Origin": origin})
        assert response.status_code == 403
        assert "access-control-allow-origin" not in response.headers
    for origin in ("http://localhost:9949", "http://localhost"):
        assert "switched off" in facade.post("/purge", headers={"Origin": origin}).json()["detail"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8848", "127.0.0.1.evil.example", "localhost.evil.example"]
)
def test_names_that_were_rebound_to_this_machine_are_refused(facade: TestClient, host: str):
    assert facade.get("/task/inputs/folders", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:8848", "127.0.0.1:8848", "[::1]:8848", "192.168.1.7"])
def test_names_of_this_machine_are_answered(facade: TestClient, host: str):
    assert facade.get("/info", headers={"Host": host}).status_code == 200


def test_names_are_answered_when_they_are_listed_whatever_the_server_listens_on(facade_in: Facade, tmp_path: Path):
    for host in ("127.0.0.1", "0.0.0.0", "::"):
        with facade_in(tmp_path, host=host, allowed_hosts="faces.example.org, b.example") as client:
            for name in ("faces.example.org", "Faces.Example.org:8848", "b.example", "10.1.2.3", "[fe80::1]:8848"):
                assert client.get("/info", headers={"Host": name}).status_code == 200, name
            refused = client.get("/info", headers={"Host": "evil.example"})
            assert refused.status_code == 403 and "BQAT_ALLOWED_HOSTS" in refused.json()["detail"]


def test_pages_of_a_listed_name_may_change_things_behind_a_proxy_that_rewrites_the_host(
    facade_in: Facade, tmp_path: Path
):
    with facade_in(tmp_path, allowed_hosts="faces.example.org") as client:
        for origin, answered in (
            ("https://faces.example.org", "switched off"),
            ("https://faces.example.org:9000", "origin"),
            ("https://faces.example.org.evil.example", "origin"),
        ):
            assert answered in client.post("/purge", headers={"Origin": origin}).json()["detail"], origin


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_requests_that_a_browser_calls_foreign_change_nothing(facade: TestClient, site: str):
    assert "origin" in facade.post("/purge", headers={"Sec-Fetch-Site": site}).json()["detail"]
    known = {"Sec-Fetch-Site": site, "Origin": "http://localhost:9949"}
    for allowed in (known, {"Sec-Fetch-Site": "same-origin"}):
        assert "switched off" in facade.post("/purge", headers=allowed).json()["detail"]


@pytest.mark.parametrize("stripped", [True, False])
def test_proxy_may_serve_it_below_a_path(facade_in: Facade, tmp_path: Path, stripped: bool):
    with facade_in(tmp_path, root_path="/faces", api_key=KEY) as client:
        (tmp_path / "data" / "helen").mkdir()
        sent = "" if stripped else "/faces"
        for page in ("/docs", "/redoc"):
            text = client.get(sent + page).raise_for_status().text
            linked = re.findall(r"""(?:src|href|url|spec-url)[=:]\s*["']([^"']+)["']""", text)
            assert len(linked) >= 3 and all(link.startswith("/faces/") for link in linked), linked
            for link in linked:
                assert client.get(link.removeprefix("/faces") if stripped else link).status_code == 200, link
        assert 'href="/faces/warehouse/data/helen/"' in client.get(f"{sent}/warehouse/data/").text
        assert client.get(f"{sent}/openapi.json").json()["servers"] == [{"url": "/faces"}]
        assert client.get(f"{sent}/v1/datasets/x-00000000").headers["content-type"] == "application/problem+json"
        assert client.get(f"{sent}/info/").status_code == 200
        assert client.post(f"{sent}/purge").status_code == 401
        assert client.get("/facesinfo").status_code == 404


CHANGES = [
    ("POST", "/scan/local?modality=face"),
    ("POST", "/dataset"),
    ("DELETE", "/dataset"),
    ("POST", "/purge"),
    ("POST", "/task/cancel"),
    ("POST", "/v1/datasets"),
    ("DELETE", "/v1/datasets/x"),
    ("PUT", "/task/45a77c3a-6b82-4fc4-88c8-6ff9a4f31014"),
]


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_changes_need_the_key_when_there_is_one(facade_in: Facade, tmp_path: Path, method: str, route: str):
    with facade_in(tmp_path, api_key=KEY) as client:
        for headers in (
            {},
            {"X-API-Key": "wrong"},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {KEY}"},
        ):
            refused = client.request(method, route, headers=headers)
            assert refused.status_code == 401 and KEY not in refused.text
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            assert client.request(method, route, headers=headers).status_code != 401
        assert client.get("/task/inputs/folders").status_code == 200


def test_key_of_all_routes_leaves_only_the_door_open(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, api_key=KEY, api_key_scope="all") as client:
        for route in ("/scan/logs", "/v1/datasets", "/metrics", "/warehouse/data/", "/docs", "/openapi.json"):
            assert client.get(route).status_code == 401
            assert client.get(route, headers={"X-API-Key": KEY}).status_code == 200
        for route in ("/info", "/healthz"):
            assert client.get(route).status_code == 200


def test_front_end_on_the_same_site_gets_in_with_its_key_page(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, api_key=KEY) as client:
        assert client.post("/validate", content="bqat").json() is False
        assert client.post("/purge").status_code == 401
        assert client.post("/validate", content=KEY.upper()).json() is False
        answer = client.post("/validate", content=f'"{KEY}"')
        assert answer.json() is True
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and KEY not in cookie
        assert "switched off" in client.post("/purge").json()["detail"]
        client.cookies.clear()
        # The last one was signed for the other port.
        ours = Key(KEY, "bqat Dagster UI").session()
        for forged in ("session", "session.aaaaaa.bbbb", "x", "", ours, "9" * 4000):
            assert client.post("/purge", headers={"Cookie": f"bqat_session={forged}"}).status_code == 401


def test_keys_cannot_be_tried_without_end(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, api_key=KEY) as client:
        tries = [client.post("/validate", content=f"guess {n}").status_code for n in range(6)]
        tries += [client.post("/purge", headers={"X-API-Key": f"guess {n}"}).status_code for n in range(6)]
        assert tries == [200] * 6 + [401] * 4 + [429] * 2
        for answer in (client.post("/validate", content=KEY), client.post("/purge", headers={"X-API-Key": KEY})):
            assert answer.status_code == 429 and 0 < int(answer.headers["retry-after"]) <= 61
        assert client.get("/info").status_code == 200


def test_front_page_key_has_no_case_and_opens_nothing(facade: TestClient):
    answer = facade.post("/validate", content="BQAT")
    assert answer.json() is True and "set-cookie" not in answer.headers


def test_keys_and_bodies_stay_out_of_the_log(facade_in: Facade, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    logger = logging.getLogger("bqat.api")
    with facade_in(tmp_path, api_key=KEY) as client:
        logger.addHandler(caplog.handler)
        client.post("/validate", content=KEY)
        client.post("/purge", headers={"X-API-Key": KEY})
        client.post("/convert", json={"file": "c2VjcmV0"}, headers={"Authorization": f"Bearer {KEY}"})
        logger.removeHandler(caplog.handler)
    lines = caplog.text
    assert "/validate 200" in lines and KEY not in lines and "c2VjcmV0" not in lines


def test_requests_carry_an_id_that_cannot_forge_a_log_line(facade: TestClient, caplog: pytest.LogCaptureFixture):
    assert facade.get("/info", headers={"X-Request-ID": "from-a-proxy.1"}).headers["x-request-id"] == "from-a-proxy.1"
    forged = facade.get("/info", headers={"X-Request-ID": "x" * 500}).headers["x-request-id"]
    assert len(forged) == 36
    logger = logging.getLogger("bqat.api")
    logger.addHandler(caplog.handler)
    facade.get("/nothing%0d%0a12:00:00 ERROR bqat.api forged")
    logger.removeHandler(caplog.handler)
    assert len([r for r in caplog.records if "nothing" in r.getMessage()]) == 1
    assert "\n" not in caplog.records[-1].getMessage()


def test_purge_deletes_nothing_unless_allowed(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    with facade_in(tmp_path) as client:
        record = synthetic.dataset(store, [synthetic.profiles(3)])
        refused = client.post("/purge")
        assert refused.status_code == 403 and "switched off" in refused.json()["detail"]
        assert store.record(record.key) == record
