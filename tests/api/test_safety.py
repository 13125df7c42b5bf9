"""The attacks of docs/security.md, tried. Each fails with a clear answer and leaves nothing behind."""

import base64
import io
import json
import logging
import re
import stat
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.report.write import put_eda
from bqat_pipeline.web.keys import Key
from tests.api.conftest import Facade
from tests.api.pictures import archive, portrait
from tests.report import synthetic

SECRET = "the secret outside the data root"


@pytest.fixture
def world(facade: TestClient, tmp_path: Path) -> Path:
    """A secret beside the data root, links to it from inside, and a data set's results."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text(SECRET)
    (tmp_path / "secret" / "face.jpg").write_bytes(portrait())
    data = tmp_path / "data"
    (data / "helen").mkdir()
    (data / "helen" / "1.jpg").write_bytes(portrait())
    (data / "helen" / "link.jpg").symlink_to(tmp_path / "secret" / "face.jpg")
    (data / "way out").symlink_to(tmp_path / "secret")
    (data / "uploaded" / "way out").symlink_to(tmp_path / "secret")
    (data / "uploaded" / "back").symlink_to(data / "helen")
    (data / ".hidden").write_text(SECRET)
    return tmp_path


def everything(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


OUTSIDE = [
    "../secret/key.txt",
    "%2e%2e/secret/key.txt",
    "..%2fsecret%2fkey.txt",
    "%252e%252e/secret/key.txt",
    "helen/../../secret/key.txt",
    "helen/%2e%2e/%2e%2e/secret/key.txt",
    "..\\secret\\key.txt",
    "%5c..%5csecret%5ckey.txt",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "way%20out/key.txt",
    "helen/link.jpg",
    "uploaded/way%20out/key.txt",
    ".hidden",
    "helen/1.jpg%00.txt",
    "a" * 5000,
    "helen/" * 500,
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_file_outside_the_data_root_is_read(facade: TestClient, world: Path, path: str):
    response = facade.get(f"/warehouse/data/{path}")
    assert response.status_code in (400, 404, 414, 422)
    assert SECRET not in response.text and portrait() not in response.content


@pytest.mark.parametrize("name", ["../../evil.zip", "/tmp/evil.zip", "..\\..\\evil.zip", "a/b/evil.zip", ".evil.zip"])
def test_upload_names_make_no_folder_outside(facade: TestClient, world: Path, name: str):
    before = everything(world)
    response = facade.post("/dataset", files={"file": (name, archive({"1.jpg": portrait()}))})
    assert response.status_code == 200
    assert response.json()["message"].endswith("data/uploaded/evil")
    assert set(everything(world)) - set(before) == {"data/uploaded/evil", "data/uploaded/evil/1.jpg"}


def zip_with(name: str, content: bytes = b"x", mode: int = stat.S_IFREG | 0o644) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        target.writestr(info, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        zip_with("../../evil.jpg"),
        zip_with("/etc/evil.jpg"),
        zip_with("C:\\evil.jpg"),
        zip_with("link.jpg", b"../../secret/face.jpg", stat.S_IFLNK | 0o777),
        zip_with("bomb.jpg", bytes(80_000_000)),
        b"not a zip",
        b"",
        zip_with("a.jpg")[:40],
    ],
    ids=["up", "absolute", "drive", "link", "bomb", "no zip", "empty", "cut"],
)
def test_hostile_archives_are_refused_whole(facade: TestClient, world: Path, content: bytes):
    before = everything(world)
    response = facade.post("/dataset", files={"file": ("evil.zip", content)})
    assert response.status_code in (400, 413) and response.json()["detail"]
    assert everything(world) == before


def test_limits_of_uploads_hold(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, max_upload=200_000, max_upload_files=3) as small:
        before = everything(tmp_path)
        many = [("files", (f"{n}.jpg", b"x")) for n in range(4)]
        answers = [
            small.post("/dataset", files={"file": ("big.zip", b"x" * 300_000)}),
            small.post("/dataset", files={"file": ("many.zip", archive({f"{n}.jpg": b"x" for n in range(4)}))}),
            small.post("/scan/remote?modality=face", files=many),
            small.post("/scan/remote?modality=face", files=[("files", ("a.jpg", b"x" * 300_000))]),
            small.post("/scan/report/remote", files={"file": ("a.csv", b"a,b\n1,2\n" * 50_000)}),
            small.post("/v1/datasets/upload", files={"file": ("big.zip", b"x" * 300_000)}),
        ]
        assert [a.status_code for a in answers] == [413] * len(answers)
        assert all("BQAT_MAX_UPLOAD" in a.json()["detail"] for a in answers)
        kept = [p for p in everything(tmp_path) if p not in ("storage/temp", "storage/external")]
        assert kept == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nabc',
        ),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data", b"--x--"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=" + "x" * 500, b"--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n"),
        ("application/json", b"{}"),
        ("text/plain", b"x"),
    ],
)
def test_malformed_uploads_are_client_errors(facade: TestClient, world: Path, kind: str, body: bytes):
    for route in ("/dataset", "/scan/remote?modality=face", "/scan/report/remote", "/v1/datasets/upload"):
        response = facade.post(route, content=body, headers={"Content-Type": kind})
        assert response.status_code in (400, 422), (route, response.status_code, response.text)


@pytest.mark.parametrize(
    "path",
    [
        "data/helen",
        "data/uploaded",
        "data/uploaded/",
        "data/uploaded/.",
        "data/uploaded/../helen",
        "data/uploaded/%2e%2e/helen",
        "data/uploaded/way out",
        "data/uploaded/back",
        "data/uploaded//../../secret",
        "uploaded/x",
        "data",
        "/",
        "",
        ".",
        "data/uploaded/\x00",
        "data/uploaded/missing",
    ],
)
def test_only_uploads_are_deleted(facade: TestClient, world: Path, path: str):
    before = everything(world)
    response = facade.request("DELETE", "/dataset", json=path)
    assert response.status_code == 400 and everything(world) == before


@pytest.mark.parametrize("body", [{"x": 1}, ["data/uploaded/a"], 5, None])
def test_folder_to_delete_must_be_a_text(facade: TestClient, world: Path, body: object):
    assert facade.request("DELETE", "/dataset", json=body).status_code == 422


@pytest.mark.parametrize(
    "path", ["../secret", "/etc", "data/../secret", "way out", "data/way out", "data/\x00", "s3://x/y"]
)
def test_places_outside_are_not_scanned_counted_or_copied(facade: TestClient, world: Path, path: str):
    before = everything(world)
    answers = [
        facade.post("/scan/local?modality=face", json={"input": path}),
        facade.post("/scan/local?modality=face", json={"input": [f"{path}/face.jpg"]}),
        facade.post("/scan/preprocessing", json={"source": path}),
        facade.post("/v1/datasets", json={"input": path}),
        facade.post("/v1/datasets", json={"uri": str(world / "secret")}),
        facade.get("/task/inputs/metadata", params={"path": path}),
    ]
    assert all(a.status_code in (400, 422) for a in answers), [a.status_code for a in answers]
    assert everything(world) == before


def test_links_out_of_the_data_root_are_not_counted_as_pictures_to_read(facade: TestClient, world: Path):
    response = facade.post("/scan/local?modality=face", json={"input": ["data/helen/link.jpg"]})
    assert response.status_code == 422


@pytest.mark.parametrize(
    "name", ["..%2fdataset.json", "%2e%2e%2fdataset.json", "dataset.json", "index.html%00", ".x.html"]
)
def test_report_files_are_the_only_files_of_a_data_set(facade: TestClient, store: DatasetStore, name: str):
    record = synthetic.dataset(store, [synthetic.profiles(3)])
    (store.report(record.key) / "index.html").write_bytes(b"<p>report</p>")
    for base in (f"/v1/datasets/{record.key}/report", f"/scan/{record.id}"):
        response = facade.get(f"{base}/{name}")
        assert response.status_code in (404, 422) and "sources" not in response.text


@pytest.mark.parametrize("key", ["..", "%2e%2e", "..%2f..%2fetc", "a%2fb", ".hidden", "x" * 101, "%00"])
def test_keys_of_data_sets_are_no_paths(facade: TestClient, world: Path, key: str):
    before = everything(world)
    for method, route in (
        ("GET", f"/v1/datasets/{key}"),
        ("DELETE", f"/v1/datasets/{key}"),
        ("DELETE", f"/scan/logs/{key}"),
        ("DELETE", f"/scan/{key}/profiles"),
        ("DELETE", f"/scan/{key}/report"),
        ("GET", f"/scan/{key}/profiles"),
    ):
        assert facade.request(method, route).status_code < 500
    assert everything(world) == before


def test_names_are_text_in_pages(facade: TestClient, world: Path):
    name = '<img src=x onerror="alert(1)">.jpg'
    (world / "data" / "helen" / name).write_bytes(portrait())
    page = facade.get("/warehouse/data/helen/")
    assert "<img" not in page.text and "&lt;img" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert facade.get("/warehouse/data/helen/" + quote(name)).content == portrait()


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "page.xhtml", "noextension"])
def test_files_that_could_run_are_downloads(facade: TestClient, world: Path, name: str):
    (world / "data" / "helen" / name).write_text("<script>alert(1)</script>")
    response = facade.get(f"/warehouse/data/helen/{name}")
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == "attachment"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]


def test_report_pages_are_sandboxed(facade: TestClient, store: DatasetStore):
    record = synthetic.dataset(store, [synthetic.profiles(3)])
    (store.report(record.key) / "index.html").write_bytes(b"<script>alert(1)</script>")
    put_eda(store, record.key, store.manifest(record.key).generation, "<script>alert(1)</script>")
    for linked in (f"/scan/{record.id}/eda.html", f"/v1/datasets/{record.key}/eda.html"):
        assert facade.get(linked).headers["content-security-policy"].count("sandbox") == 1
    policies = {
        path: facade.get(f"/v1/datasets/{record.key}/{path}").headers["content-security-policy"]
        for path in ("report", "eda")
    }
    assert all("default-src 'none'" in p and "sandbox" in p for p in policies.values())
    assert not any("connect-src" in p or "allow-same-origin" in p for p in policies.values())
    assert "allow-scripts" not in policies["report"]


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content", [png_header(100_000, 100_000), b"", b"no picture", portrait()[:200], png_header(0, 0)]
)
def test_picture_bombs_and_non_pictures_are_refused(facade: TestClient, content: bytes):
    response = facade.post("/convert", json={"file": base64.b64encode(content).decode()})
    assert response.status_code == 400
    assert facade.post("/convert", json={"file": "no base64!"}).status_code == 400


def test_patterns_take_linear_time(facade: TestClient, world: Path):
    (world / "data" / "helen" / ("a" * 60 + ".jpg")).write_bytes(portrait())
    body = {"input": "data/helen", "options": {"pattern": "(a+)+$|(a|aa)+b"}}
    assert facade.post("/scan/local?modality=face", json=body).status_code in (400, 503)
    assert (
        facade.get("/task/inputs/metadata", params={"path": "data/helen", "pattern": "a*" * 90 + "b"}).status_code
        == 200
    )


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"input": ' + b"[" * 50_000,
        b'{"input": "\\ud800"}',
        b'{"input": "data/\\u0000"}',
        b'{"input": 1e999}',
        b'{"input": "data/helen", "options": {"confidence": NaN}}',
        b'{"input": "data/helen", "options": {"confidence": Infinity}}',
        b"\xff\xfe",
        b"",
        b"null",
    ],
)
def test_strange_bodies_are_client_errors(facade: TestClient, world: Path, body: bytes):
    json_body = {"Content-Type": "application/json"}
    for route in ("/scan/local?modality=face", "/v1/datasets", "/scan/preprocessing", "/convert"):
        response = facade.post(route, content=body, headers=json_body)
        assert response.status_code in (400, 422), (route, response.status_code, response.text)


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


KEY = "a-key-nobody-knows"
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


def test_errors_tell_no_paths_of_the_server(facade: TestClient, world: Path):
    texts = [
        facade.post("/scan/local?modality=face", json={"input": "data/missing"}).text,
        facade.get("/warehouse/data/missing.jpg").text,
        facade.get("/v1/datasets/missing-00000000").text,
        facade.post("/dataset", files={"file": ("a.zip", b"x")}).text,
    ]
    assert not any(str(world) in text for text in texts)


def test_every_answer_carries_the_safety_headers(facade: TestClient):
    for route in ("/info", "/nothing", "/v1/datasets", "/warehouse/data/", "/v1/datasets/x-00000000"):
        headers = facade.get(route).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "SAMEORIGIN" and headers["x-request-id"]
        assert headers["cross-origin-resource-policy"] == "same-site"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_pictures_may_be_embedded_by_the_front_end_and_by_no_other_site(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, cors_origin="https://gui.example.org") as client:
        for page, policy in (
            ("https://gui.example.org/tasks", "cross-origin"),
            ("https://evil.example/", "same-site"),
            ("https://gui.example.org.evil.example/", "same-site"),
        ):
            answer = client.get("/info", headers={"Referer": page})
            assert answer.headers["cross-origin-resource-policy"] == policy, page


def test_json_of_errors_is_json(facade: TestClient):
    for route in ("/scan/logs/x", "/v1/datasets/x-00000000", "/task/x/status"):
        assert json.loads(facade.get(route).text)["detail"]
