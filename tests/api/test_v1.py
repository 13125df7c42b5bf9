"""The API below `/v1`: paging, filters, exports, findings, over made-up profiles."""

import codecs
import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bqat_pipeline.columns import without_personal
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Source
from bqat_pipeline.outliers import write_outliers
from tests.api.conftest import Facade
from tests.api.pictures import portrait
from tests.report import synthetic

ROWS = 700


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("v1")


@pytest.fixture(scope="module")
def client(facade_in: Facade, place: Path) -> Iterator[TestClient]:
    with facade_in(place) as opened:
        yield opened


@pytest.fixture(scope="module")
def table() -> pa.Table:
    ordinary = synthetic.profiles(ROWS, seed=3)
    measured = [row for row, status in enumerate(ordinary["status"].to_pylist()) if status == "ok"]
    position = ordinary.schema.get_field_index("ipd")
    values = ordinary["ipd"].to_pylist()
    for number, row in enumerate(measured[10:400:100]):
        values[row] = 2000 * (number + 1)
    return ordinary.set_column(position, ordinary.schema.field(position), pa.array(values, pa.int64()))


@pytest.fixture(scope="module")
def record(client: TestClient, place: Path, table: pa.Table) -> DatasetRecord:
    folder = place / "data" / "faces"
    store = DatasetStore(Location.parse(place / "storage"))
    made = synthetic.dataset(store, [table], uri=str(folder))
    opened = store.profiles(made.key)
    assert opened is not None
    write_outliers(opened, store.generation(made.key, "g1"))
    return made


def pages(client: TestClient, route: str, **query: object) -> Iterator[dict]:
    cursor = None
    for _ in range(1000):
        page = client.get(route, params={**query, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.text
        yield page.json()
        cursor = page.json()["next"]
        if cursor is None:
            return
    raise AssertionError("pages do not end")


def rows(client: TestClient, record: DatasetRecord, **query: object) -> list[dict]:
    found = pages(client, f"/v1/datasets/{record.key}/profiles", **query)
    return [item for page in found for item in page["items"]]


def test_data_set_is_found_by_key_and_by_id(client: TestClient, record: DatasetRecord):
    by_key = client.get(f"/v1/datasets/{record.key}").json()
    assert by_key == client.get(f"/v1/datasets/{record.id}").json()
    assert by_key["rows"] == ROWS and by_key["bytes"] > 0 and by_key["scanned"].endswith("Z")
    missing = client.get("/v1/datasets/missing-00000000")
    assert missing.status_code == 404 and missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["title"] == "Not Found" and missing.json()["status"] == 404


def test_lists_of_data_sets_page_without_gaps(client: TestClient, record: DatasetRecord, place: Path):
    store = DatasetStore(Location.parse(place / "storage"))
    for number in range(5):
        store.create(f"set {number}", [Source(uri="/nowhere", prefix="data/x")])
    keys = [item["key"] for page in pages(client, "/v1/datasets", limit=2) for item in page["items"]]
    assert keys == sorted(store.keys()) and len(keys) == 6
    (named,) = client.get("/v1/datasets", params={"name": "SET 3"}).json()["items"]
    assert named["key"].startswith("set-3")


@hypothesis_settings(max_examples=12, deadline=None)
@given(limit=st.integers(1, 1000), sort=st.sampled_from([None, "ipd", "-ipd", "file", "-sharpness", "verdict"]))
def test_pages_of_any_size_hold_every_row_once(client, record, limit: int, sort: str | None):
    query = {"limit": max(limit, 40), "fields": "file"} | ({"sort": sort} if sort else {})
    numbers = [row["row"] for row in rows(client, record, **query)]
    assert sorted(numbers) == list(range(ROWS))
    if sort is None:
        assert numbers == sorted(numbers)


def test_sorted_rows_are_in_order_with_missing_values_last(client: TestClient, record: DatasetRecord):
    for sort, sign in (("ipd", 1), ("-ipd", -1)):
        values = [row["ipd"] for row in rows(client, record, sort=sort, fields="ipd", limit=500)]
        known = [sign * value for value in values if value is not None]
        assert known == sorted(known) and values[len(known) :] == [None] * (ROWS - len(known))


@pytest.mark.parametrize(
    ("condition", "keep"),
    [
        ("ipd:ge:120", lambda r: r["ipd"] is not None and r["ipd"] >= 120),
        ("ipd:lt:100", lambda r: r["ipd"] is not None and r["ipd"] < 100),
        ("status:in:no_face,unreadable", lambda r: r["status"] in ("no_face", "unreadable")),
        ("status:ne:ok", lambda r: r["status"] != "ok"),
        ("glasses:eq:true", lambda r: r["glasses"] is True),
        ("ipd:isnull:true", lambda r: r["ipd"] is None),
        ("reason:isnull:false", lambda r: r["reason"] is not None),
        ("sharpness:gt:3e2", lambda r: r["sharpness"] is not None and r["sharpness"] > 300),
        ("folder:eq:2024/town hall", lambda r: r["folder"] == "2024/town hall"),
        ("modified:le:2026-06-01T00:00:00Z", lambda r: r["modified"] is not None),
    ],
)
def test_filters_select_what_they_say(client: TestClient, record: DatasetRecord, condition: str, keep):
    fields = "ipd,status,glasses,reason,sharpness,folder,modified"
    everything = rows(client, record, fields=fields, limit=1000)
    expected = [row for row in everything if keep(row)]
    assert rows(client, record, fields=fields, filter=condition, limit=90) == expected
    by_sort = rows(client, record, fields=fields, filter=condition, sort="row", limit=90)
    assert by_sort == expected
    counted = client.get(
        f"/v1/datasets/{record.key}/profiles", params={"filter": condition, "limit": 1, "count": True}
    ).json()
    assert (counted["matching"], counted["rows"]) == (len(expected), ROWS)


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "ipd"},
        {"filter": "ipd:ge"},
        {"filter": "nothing:eq:1"},
        {"filter": "ipd:like:1"},
        {"filter": "ipd:eq:many"},
        {"filter": "ipd:eq:99999999999999999999"},
        {"filter": "sharpness:gt:nan"},
        {"filter": "glasses:gt:true"},
        {"filter": "glasses:eq:maybe"},
        {"filter": "warnings:eq:truncated"},
        {"filter": "modified:gt:yesterday"},
        {"filter": 'ipd"; DROP TABLE x; --:eq:1'},
        {"sort": "nothing"},
        {"sort": "warnings"},
        {"sort": "ipd; --"},
        {"fields": "ipd,nothing"},
        {"limit": 0},
        {"limit": 1001},
        {"cursor": "x"},
        {"cursor": "eyJnIjoiZzEiLCJwIjoiMSJ9"},
    ],
)
def test_wrong_questions_are_answered_with_a_problem(client: TestClient, record: DatasetRecord, query: dict):
    response = client.get(f"/v1/datasets/{record.key}/profiles", params=query)
    assert response.status_code == 422 and response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]


def test_sorted_pages_end_at_an_honest_depth(client: TestClient, record: DatasetRecord):
    from api.v1.common import encode_cursor

    deep = encode_cursor(g="g1", p=9_950)
    response = client.get(f"/v1/datasets/{record.key}/profiles", params={"sort": "ipd", "cursor": deep})
    assert response.status_code == 422 and "export" in response.json()["detail"]


def test_cursor_of_an_earlier_scan_is_told_apart(client: TestClient, record: DatasetRecord):
    from api.v1.common import encode_cursor

    response = client.get(f"/v1/datasets/{record.key}/profiles", params={"cursor": encode_cursor(g="older", p=5)})
    assert response.status_code == 410


def test_one_row_has_every_column_and_no_other_number_exists(client: TestClient, record: DatasetRecord, table):
    route = f"/v1/datasets/{record.key}/profiles"
    row = client.get(f"{route}/17").json()
    assert row["file"] == table["file"][17].as_py() and set(row) == set(without_personal(table.schema.names))
    assert client.get(f"{route}/{ROWS}").status_code == 404
    assert client.get(f"{route}/-1").status_code == 422


def test_known_versions_are_not_sent_again(client: TestClient, record: DatasetRecord):
    for path in ("profiles", "profiles/3", "scorecard", "outliers", "export?format=csv"):
        first = client.get(f"/v1/datasets/{record.key}/{path}")
        assert first.status_code == 200 and first.headers["cache-control"] == "private, no-cache"
        again = client.get(f"/v1/datasets/{record.key}/{path}", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304 and not again.content
    one, two = (client.get(f"/v1/datasets/{record.key}/profiles?limit={n}").headers["etag"] for n in (1, 2))
    assert one != two


def test_exports_hold_the_same_rows_in_every_format(client: TestClient, record: DatasetRecord, table: pa.Table):
    route = f"/v1/datasets/{record.key}/export"
    query = {"fields": "file,ipd,glasses,verdict_reasons", "filter": "status:eq:ok"}
    parquet = pq.read_table(io.BytesIO(client.get(route, params={**query, "format": "parquet"}).content))
    expected = [row for row in table.to_pylist() if row["status"] == "ok"]
    assert parquet["file"].to_pylist() == [row["file"] for row in expected]
    assert parquet.schema.field("ipd").metadata[b"unit"] == b"px"
    lines = client.get(route, params={**query, "format": "ndjson"}).text.splitlines()
    assert [json.loads(line) for line in lines] == parquet.to_pylist()
    read = list(csv.DictReader(io.StringIO(client.get(route, params={**query, "format": "csv"}).text)))
    assert [row["file"] for row in read] == parquet["file"].to_pylist()
    assert [int(row["ipd"]) for row in read] == parquet["ipd"].to_pylist()
    marked = client.get(route, params={**query, "format": "csv", "bom": True}).content
    assert marked == codecs.BOM_UTF8 + client.get(route, params={**query, "format": "csv"}).content


def test_export_does_not_hand_formulas_to_spreadsheets(client: TestClient, place: Path, table: pa.Table):
    store = DatasetStore(Location.parse(place / "storage"))
    names = ["=1+1.jpg", "+x.jpg", "-x.jpg", "@x.jpg", "\tx.jpg", "plain.jpg"]
    small = table.slice(0, 6).set_column(0, table.schema.field(0), pa.array(names))
    made = synthetic.dataset(store, [small], name="formulas")
    route = f"/v1/datasets/{made.key}/export"
    safe = [r["file"] for r in csv.DictReader(io.StringIO(client.get(route).text, newline=""))]
    assert safe == [f"'{name}" for name in names[:-1]] + ["plain.jpg"]
    raw = [r["file"] for r in csv.DictReader(io.StringIO(client.get(route, params={"raw": True}).text, newline=""))]
    assert raw == names


def test_scorecard_says_what_would_pass_and_how_other_rule_sets_judge(client: TestClient, record: DatasetRecord):
    found = client.get(f"/v1/datasets/{record.key}/scorecard").json()
    assert found["why"]["measured"] == found["measured"] and found["why"]["passed"] == found["overall"]["pass"]
    assert found["why"]["passed_after_crop"] >= found["why"]["passed"] <= found["why"]["passed_without"]
    for entry in found["rule_sets"]:
        alone = client.get(f"/v1/datasets/{record.key}/scorecard", params={"requirements": entry["name"]}).json()
        assert entry["pass"] == alone["overall"]["pass"] and entry["fail"] == alone["overall"]["fail"]
    for requirement in found["requirements"]:
        if (shares := requirement["percentiles"]) is not None:
            assert shares["p5"] <= shares["p50"] <= shares["p95"]


def test_scorecard_follows_the_chosen_profile(client: TestClient, record: DatasetRecord):
    route = f"/v1/datasets/{record.key}/scorecard"
    default = client.get(route).json()
    overall = default["overall"]
    assert overall["pass"] + overall["borderline"] + overall["fail"] + overall["not_assessed"] == default["measured"]
    for profile in client.get("/v1/requirements").json():
        card = client.get(route, params={"requirements": profile["name"]}).json()
        assert card["profile"]["name"] == profile["name"]
        assert len(card["requirements"]) == profile["requirements"]
    grouped = client.get(route, params={"group_by": "folder"}).json()
    assert sum(group["rows"] for group in grouped["groups"]) == ROWS
    for wrong in ({"requirements": "../../etc/passwd"}, {"requirements": "/x.toml"}, {"group_by": "nothing"}):
        assert client.get(route, params=wrong).status_code == 422


def test_outliers_come_with_reasons_most_unusual_first(client: TestClient, record: DatasetRecord):
    found = [i for page in pages(client, f"/v1/datasets/{record.key}/outliers", limit=3) for i in page["items"]]
    scores = [item["score"] for item in found]
    assert found and scores == sorted(scores, reverse=True)
    assert all(item["severity"] in ("unusual", "extreme") and item["reasons"] for item in found)


def test_nothing_found_yet_is_a_problem_and_not_an_empty_list(client: TestClient, record: DatasetRecord, place: Path):
    for path in ("duplicates", "report", "report/report.json"):  # the exploratory page asks Dagster
        assert client.get(f"/v1/datasets/{record.key}/{path}").status_code == 404
    unscanned = DatasetStore(Location.parse(place / "storage")).create("new", [Source(uri="/x", prefix="data/x")])
    for path in ("profiles", "profiles/0", "scorecard", "export", "outliers"):
        assert client.get(f"/v1/datasets/{unscanned.key}/{path}").status_code == 404


def test_thumbnail_and_overlay_show_the_picture(
    client: TestClient, record: DatasetRecord, place: Path, table: pa.Table
):
    from PIL import Image

    file = place / "data" / "faces" / table["file"][0].as_py().removeprefix("data/faces/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(portrait())
    route = f"/v1/datasets/{record.key}/profiles/0"
    shown = client.get(f"{route}/thumbnail", params={"size": 100})
    assert shown.headers["content-type"] == "image/webp"
    assert max(Image.open(io.BytesIO(shown.content)).size) == 100
    drawn = client.get(f"{route}/overlay")
    assert drawn.headers["content-type"] == "image/svg+xml" and "<rect" in drawn.text
    again = client.get(f"{route}/thumbnail", params={"size": 100}, headers={"If-None-Match": shown.headers["etag"]})
    assert again.status_code == 304
    assert client.get(f"/v1/datasets/{record.key}/profiles/1/thumbnail").status_code == 404


def test_wire_profiles_and_own_profiles_agree(client: TestClient, record: DatasetRecord):
    wire = {p["file"]: p for p in client.get(f"/scan/{record.id}/profiles").json()}
    own = rows(client, record, fields="*", limit=1000)
    assert len(wire) == len(own) == ROWS
    for row in own[::50]:
        shown = wire[row["file"]]
        shared = {k: v for k, v in row.items() if k in shown}
        assert shared == {k: v for k, v in shown.items() if k in row}


def test_words_for_angles_are_capitalised_or_lower_as_the_operator_chose(
    facade_in: Facade, tmp_path: Path, store: DatasetStore
):
    import pyarrow as pa

    rows = synthetic.profiles(3, unmeasured=0)
    words = {"yaw_pose": "Forward", "pitch_pose": "Level", "roll_pose": "Anti-clockwise"}
    for name, word in words.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array([word] * 3))
    dataset = synthetic.dataset(store, [rows]).id
    with facade_in(tmp_path) as client:
        first = client.get(f"/scan/{dataset}/profiles").json()[0]
        assert {name: first[name] for name in words} == words
    with facade_in(tmp_path, wire_pose="lower") as client:
        shown = client.get(f"/scan/{dataset}/profiles").json()
        one = client.get(f"/scan/{dataset}/profiles/{shown[0]['tag']}").json()
        for record in (*shown, one):
            assert {name: record[name] for name in words} == {name: word.lower() for name, word in words.items()}
        own = client.get(f"/v1/datasets/{dataset}/profiles", params={"fields": "yaw_pose"}).json()["items"]
        assert own[0]["yaw_pose"] == "Forward"


def test_numbers_that_json_has_no_word_for_become_null(client: TestClient, place: Path, table: pa.Table):
    store = DatasetStore(Location.parse(place / "storage"))
    at = table.schema.get_field_index("sharpness")
    small = table.slice(0, 3).set_column(at, table.schema.field(at), pa.array([math.nan, math.inf, 1.5]))
    made = synthetic.dataset(store, [small], name="odd numbers")
    assert [r["sharpness"] for r in rows(client, made, fields="sharpness")] == [None, None, 1.5]
    wire = client.get(f"/scan/{made.id}/profiles").json()
    assert sorted(p.get("sharpness", 0) for p in wire) == [0, 0, 1.5]
    exported = client.get(f"/v1/datasets/{made.key}/export", params={"format": "ndjson"}).text
    assert "NaN" not in exported and "Infinity" not in exported


def test_columns_describe_what_profiles_hold(client: TestClient, table: pa.Table):
    described = {column["name"]: column for column in client.get("/v1/columns").json()}
    assert set(table.schema.names) - {"row"} == set(described)
    assert all(column["description"] for column in described.values())
    specification = client.get("/specification").json()
    assert set(specification) <= set(described) and specification["ipd"] == described["ipd"]["description"]


def test_without_dagster_results_stay_readable_and_the_rest_says_so(client: TestClient, record: DatasetRecord):
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 503 and ready.json()["storage"] is True and ready.json()["webserver"] is False
    assert client.get("/task/state").status_code == 404
    response = client.get("/v1/runs")
    assert response.status_code == 503 and response.headers["retry-after"]
    assert client.get(f"/v1/datasets/{record.key}/profiles").status_code == 200
    text = client.get("/metrics").text
    assert 'bqat_dagster_up{part="webserver"} 0' in text and "bqat_api_requests_total" in text
