"""The pages as files: what is served, to whom, and under which policy."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.http.ui import UI
from tests.api.conftest import Facade

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
REPORT_STYLE = Path(__file__).parents[2] / "bqat_pipeline/report/templates/style.css"


def script_hash(page: str) -> str:
    (script,) = re.findall(r"<script(?! type=\"module\")[^>]*>(.*?)</script>", page, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@pytest.mark.parametrize("path", ["/", "/datasets/helen-45a77c3a", "/compare?a=x&b=y"])
def test_pages_allow_their_own_scripts_and_nothing_else(facade: TestClient, path: str):
    answer = facade.get(path, headers=HTML)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'" and policy["style-src"] == "'self'"
    assert policy["script-src"] == f"'self' {script_hash(answer.text)}"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|https?:", answer.text)


def test_programs_that_ask_for_the_front_page_get_links(facade: TestClient):
    for accept in ("application/json", "*/*"):
        links = facade.get("/", headers={"Accept": accept}).json()
        assert links["datasets"] == "/v1/datasets"
    assert links["dagster"] == "http://127.0.0.1:9" and links["version"]
    for path in [link for link in links.values() if link.startswith("/")]:
        assert facade.get(path).status_code in (200, 503), path


def test_files_are_asked_for_again_and_sent_only_when_they_changed(facade: TestClient):
    for path in ("/", "/ui/app.js", "/ui/style.css", "/ui/vendor/preact.js"):
        first = facade.get(path, headers=HTML)
        assert first.status_code == 200 and first.headers["cache-control"] == "no-cache"
        again = facade.get(path, headers={**HTML, "If-None-Match": first.headers["etag"]})
        assert again.status_code == 304 and not again.content
        assert facade.head(path, headers=HTML).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "",
        "vendor",
        "vendor/",
        "vendor/README",
        "index.html",
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/%2e%2e/pyproject.toml",
        "vendor/../../app.py",
        "//etc/passwd",
        "/etc/passwd",
        "app.js%00",
        "nothing.js",
        "views%5c..%5capp.js",
        "a" * 5000 + ".js",
    ],
)
def test_nothing_but_the_files_of_the_pages_is_served(facade: TestClient, name: str):
    assert facade.get(f"/ui/{name}").status_code in (404, 414)


def test_pages_are_open_where_everything_else_asks_for_a_key(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, api_key="a-key-nobody-knows", api_key_scope="all") as client:
        for path in ("/", "/compare", "/datasets/x", "/ui/app.js"):
            assert client.get(path, headers=HTML).status_code == 200
            assert client.post(path).status_code == 401
        assert client.get("/v1/datasets").status_code == 401
        assert client.get("/datasets/x/y").status_code == 401


def test_pages_behind_a_proxy_load_everything_below_its_prefix(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, root_path="/faces") as client:
        for path in ("/", "/faces/", "/faces/datasets/x"):
            answer = client.get(path, headers=HTML)
            assert answer.status_code == 200
            used = re.findall(r"(?:href=|src=|: )\"(/[^\"]*)\"", answer.text)
            assert len(used) > 7 and all(one.startswith("/faces/") for one in used)
            assert script_hash(answer.text) in answer.headers["content-security-policy"]
        for one in used:
            assert client.get(one).status_code == 200, one
        assert client.get("/").json()["datasets"] == "/faces/v1/datasets"


def test_vendored_modules_are_those_that_are_listed():
    """`make vendor` compares them with what npm has; this, with what the list says."""
    folder = UI / "vendor"
    lines = re.findall(r"^(\S+\.js) .* ([0-9a-f]{64})$", (folder / "README").read_text(), re.MULTILINE)
    assert {name for name, _ in lines} == {path.name for path in folder.glob("*.js")}
    for name, listed in lines:
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == listed and b"sourceMappingURL" not in content
    assert len(list(folder.glob("LICENSE-*"))) == 4


def test_pages_and_report_look_the_same():
    def tokens(path: Path) -> list[str]:
        return re.findall(r"--[\w-]+: [^;]+;", path.read_text().partition("* { box-sizing")[0])

    assert tokens(UI / "style.css") == tokens(REPORT_STYLE) != []
