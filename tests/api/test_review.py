"""Facets, windows and single pictures of the review page, over made-up profiles."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from bqat_pipeline.duplicates import write_duplicates
from bqat_pipeline.outliers import write_outliers
from bqat_pipeline.requirements import load_rule_set
from tests.api.conftest import Facade
from tests.report import synthetic

ROWS = 600


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("review")


@pytest.fixture(scope="module")
def client(facade_in: Facade, place: Path) -> Iterator[TestClient]:
    with facade_in(place) as opened:
        yield opened


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Made-up profiles; the picture of row 5 is there three times."""
    made = synthetic.profiles(ROWS, seed=5)
    digests = made["sha256"].to_pylist()
    digests[17] = digests[40] = digests[5]
    position = made.schema.get_field_index("sha256")
    return made.set_column(position, made.schema.field(position), pa.array(digests))


@pytest.fixture(scope="module")
def record(client: TestClient, place: Path, table: pa.Table) -> DatasetRecord:
    store = DatasetStore(Location.parse(place / "storage"))
    (place / "people.csv").write_text(
        "file,camera\n"
        + "".join(
            f"{f},{'old' if i % 3 else 'new, better'}\n".replace("new, better", '"new, better"')
            for i, f in enumerate(table["file"].to_pylist())
        )
    )
    made = synthetic.dataset(store, [table])
    made = made.model_copy(update={"metadata_csv": str(place / "people.csv")})
    store.save(made)
    profiles = store.profiles(made.key)
    assert profiles is not None
    write_outliers(profiles, store.generation(made.key, "g1"))
    write_duplicates(profiles, store.generation(made.key, "g1"))
    return made


def asked(client: TestClient, record: DatasetRecord, route: str, **query: object) -> dict:
    answer = client.get(f"/v1/datasets/{record.key}/{route}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def counts(facets: dict, name: str) -> dict[str | None, int]:
    (facet,) = [facet for facet in facets["facets"] if facet["name"] == name]
    return {value["value"]: value["count"] for value in facet["values"]}


def test_facets_come_in_order_and_count_every_picture(client: TestClient, record: DatasetRecord, table: pa.Table):
    found = asked(client, record, "facets")
    names = [facet["name"] for facet in found["facets"]]
    wanted = ["decision", "verdict", "status", "failed", "outlier", "duplicate", "folder", "metadata.camera"]
    assert names == wanted
    assert found["rows"] == found["matching"] == ROWS
    assert found["generation"] == "g1" and found["rules"] == "icao-tr-portrait"
    assert counts(found, "decision") == {"undecided": ROWS, "keep": 0, "reject": 0, "unsure": 0}
    verdicts = table["verdict"].to_pylist()
    assert counts(found, "verdict") == {w: verdicts.count(w) for w in ("pass", "borderline", "fail", "not_assessed")}
    assert counts(found, "duplicate") == {"true": 3, "false": ROWS - 3}
    assert counts(found, "metadata.camera") == {"old": 400, "new, better": 200}
    assert set(counts(found, "folder")) == {"2023", "2024", "old scans"}
    failed = next(facet for facet in found["facets"] if facet["name"] == "failed")
    yaw = next(value for value in failed["values"] if value["value"] == "yaw")
    assert yaw["title"] == "Yaw" and yaw["severity"] == "required" and yaw["clause"]
    assert [value["count"] for value in failed["values"]] == sorted(
        (v["count"] for v in failed["values"]), reverse=True
    )


def test_a_facet_is_counted_under_every_filter_but_its_own(client: TestClient, record: DatasetRecord):
    everything = asked(client, record, "facets")
    found = asked(client, record, "facets", filter=["verdict:eq:fail", "folder:in:2024,old scans"])
    failing = asked(client, record, "facets", filter="verdict:eq:fail")
    assert counts(found, "folder") == counts(failing, "folder")
    assert counts(found, "verdict") != counts(everything, "verdict")
    assert counts(found, "verdict")["fail"] == found["matching"] < failing["matching"] < ROWS


def test_histograms_show_limits_and_move_with_other_filters_only(client: TestClient, record: DatasetRecord):
    column = "iso_head_pose_yaw"
    found = asked(client, record, "facets", histograms=f"{column},sharpness", filter=[f"{column}:ge:3"])
    yaw, sharpness = found["histograms"]
    assert (yaw["column"], yaw["unit"], yaw["min"], yaw["max"], yaw["band"]) == (column, "deg", -5, 5, 2.5)
    assert yaw["low"] <= -10 and yaw["high"] >= 10
    assert len(yaw["all"]) == len(yaw["matching"]) == 64
    assert yaw["matching"] == yaw["all"]  # under every filter but its own
    assert sum(sharpness["matching"]) == found["matching"] < sum(sharpness["all"])
    assert len(asked(client, record, "facets")["histograms"]) == 12
    assert asked(client, record, "facets", histograms="")["histograms"] == []


def test_windows_hold_every_picture_once(client: TestClient, record: DatasetRecord):
    for sort in ("worst", "-worst", "file", "-sharpness", "row"):
        found: list[int] = []
        for start in range(0, ROWS, 200):
            page = asked(client, record, "window", sort=sort, start=start, count=200)
            assert page["start"] == start and page["matching"] == ROWS
            found += [item["row"] for item in page["items"]]
        assert sorted(found) == list(range(ROWS)), sort
    assert asked(client, record, "window", start=10 * ROWS)["items"] == []


def test_worst_first_is_unusable_then_failures_then_what_passes(client: TestClient, record: DatasetRecord):
    items = asked(client, record, "window", count=500)["items"]
    unusable = [item for item in items if item["status"] not in ("ok", "multiple_faces")]
    assert unusable and items[: len(unusable)] == unusable
    assert unusable[0]["reason"] and unusable[0]["verdict"] == "not_assessed"
    first = items[len(unusable)]
    assert first["verdict"] == "fail" and len(first["reasons"]) > 1 and first["image_width"]
    assert first["decision"] is first["reviewer"] is first["before"] is None
    assert len(first["sha256"]) == 64 and first["outlier"] in (True, False)
    assert asked(client, record, "window", sort="-worst", count=1)["items"][0]["verdict"] == "pass"


def test_the_window_around_a_picture_holds_it(client: TestClient, record: DatasetRecord):
    found = asked(client, record, "window", around=33, count=50, filter="status:eq:ok", sort="-iso_head_pose_yaw")
    assert found["items"][found["position"] - found["start"]]["row"] == 33
    assert found["start"] % 50 == 0
    (copy,) = [row for row in (5, 17) if row != 33][:1]
    absent = asked(client, record, "window", around=copy, filter=f"row:ne:{copy}")
    assert absent["position"] is None and absent["start"] == 0


def test_another_rule_set_judges_the_same_rows_again(client: TestClient, record: DatasetRecord):
    strict = asked(client, record, "facets", rules="bsi-tr-03121")
    relaxed = asked(client, record, "facets", rules="enrolment-relaxed")
    names = {requirement.name for requirement in load_rule_set("bsi-tr-03121").requirements}
    assert strict["rules"] == "bsi-tr-03121" and set(counts(strict, "failed")) == names
    assert counts(relaxed, "verdict")["fail"] < counts(strict, "verdict")["fail"]


def test_one_picture_with_requirements_copies_and_metadata(client: TestClient, record: DatasetRecord, table: pa.Table):
    found = asked(client, record, "review/17")
    assert found["row"]["file"] == table["file"][17].as_py() and "iso_head_pose_yaw" in found["row"]
    assert found["metadata"] == {"camera": "old"}
    second, utility = found["recognition"], table["aux_utility"][17].as_py()
    assert second["utility"] == utility and second["verdict"] in ("pass", "borderline", "fail", "not_assessed")
    strict = asked(client, record, "review/17", rules="recognition")
    assert second["verdict"] == strict["verdict"]
    assert [copy["row"] for copy in found["duplicates"] if copy["keeper"]] == [found["duplicates"][0]["row"]]
    assert {copy["row"] for copy in found["duplicates"]} == {5, 17, 40}
    assert all(copy["why"] and copy["exact"] for copy in found["duplicates"])
    yaw = next(entry for entry in found["requirements"] if entry["name"] == "yaw")
    values = [v for v in table["iso_head_pose_yaw"].to_pylist() if v is not None]
    if yaw["value"] is not None:
        assert yaw["better_than"] == pytest.approx(sum(v < yaw["value"] for v in values) / len(values), abs=1e-4)
    flagged = asked(client, record, "window", filter="outlier:eq:true", count=1)["items"]
    for item in flagged:
        outlier = asked(client, record, f"review/{item['row']}")["outlier"]
        assert outlier["score"] > 0 and outlier["reasons"]


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "nothing:eq:1"},
        {"filter": "ipd:ge:much"},
        {"filter": "ipd:ge"},
        {"filter": "ipd:ge:nan"},
        {"filter": "failed:eq:nose"},
        {"filter": "failed:ge:yaw"},
        {"filter": "decision:eq:maybe"},
        {"filter": "decision:isnull:true"},
        {"filter": "verdict:contains:pass"},
        {"filter": "outlier:gt:true"},
        {"filter": "outlier:isnull:true"},
        {"filter": "metadata.shoe:eq:1"},
        {"filter": "metadata.camera:lt:old"},
        {"filter": "folder:lt:2024"},
        {"filter": "ipd:contains:1"},
        {"filter": "warnings:eq:truncated"},
        {"filter": "file:contains"},
        {"filter": "file:in:" + ",".join("a" * 2 for _ in range(2000))},
        {"sort": "-nothing"},
        {"sort": "warnings"},
        {"rules": "/etc/passwd"},
        {"rules": "../icao-tr-portrait"},
    ],
)
def test_what_cannot_be_asked_is_400_with_a_reason(client: TestClient, record: DatasetRecord, query: dict):
    answer = client.get(f"/v1/datasets/{record.key}/window", params=query)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json" and answer.json()["detail"]


def test_histograms_of_what_is_no_measure_or_too_many_are_400(client: TestClient, record: DatasetRecord):
    route = f"/v1/datasets/{record.key}/facets"
    assert client.get(route, params={"histograms": "file"}).status_code == 400
    many = [name for name in table_columns(client) if name.startswith(("iso_", "aux_"))][:13]
    assert client.get(route, params={"histograms": ",".join(many)}).status_code == 400


def table_columns(client: TestClient) -> list[str]:
    return [column["name"] for column in client.get("/v1/columns").json() if column["statistics"]]


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE x; --", "%00", "a" * 15_000, "(", "[", "\\", ".*", "🙂", "Ñ", "<script>", "\u202e"]
)
def test_hostile_text_is_searched_for_and_nothing_else(client: TestClient, record: DatasetRecord, text: str):
    assert asked(client, record, "window", filter=f"file:contains:{text}")["matching"] == 0


def test_values_with_commas_can_be_one_of_several(client: TestClient, record: DatasetRecord):
    found = asked(client, record, "window", filter="metadata.camera:in:new\\, better")
    assert found["matching"] == 200


def test_unknown_and_unscanned_data_sets_are_404(client: TestClient, record: DatasetRecord, place: Path):
    from bqat_pipeline.datasets import Source

    empty = DatasetStore(Location.parse(place / "storage")).create("none", [Source(uri="/nowhere", prefix="data/n")])
    for key in ("missing-00000000", empty.key):
        for route in ("facets", "window", "review/0"):
            assert client.get(f"/v1/datasets/{key}/{route}").status_code == 404
    assert client.get(f"/v1/datasets/{record.key}/review/{ROWS}").status_code == 404


def test_answers_that_a_client_has_are_304(client: TestClient, record: DatasetRecord):
    route = f"/v1/datasets/{record.key}/window"
    tag = client.get(route).headers["etag"]
    assert client.get(route, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(route, params={"start": 1}, headers={"If-None-Match": tag}).status_code == 200


def test_no_answer_holds_nan(client: TestClient, record: DatasetRecord):
    for route in ("facets", "window", "review/0"):
        text = client.get(f"/v1/datasets/{record.key}/{route}").text
        json.loads(text, parse_constant=_no_number)


def _no_number(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def test_a_rescan_is_seen_at_once(facade: TestClient, store: DatasetStore):
    record = synthetic.dataset(store, [synthetic.profiles(50)])
    assert asked(facade, record, "facets")["rows"] == 50
    synthetic.publish(store, record, [synthetic.profiles(80, seed=1)], "g2", previous="g1")
    found = asked(facade, record, "facets")
    assert (found["generation"], found["rows"]) == ("g2", 80)
    assert "outlier" not in [facet["name"] for facet in found["facets"]]
    profiles = store.profiles(record.key)
    assert profiles is not None
    write_outliers(profiles, store.generation(record.key, "g2"))
    assert "outlier" in [facet["name"] for facet in asked(facade, record, "facets")["facets"]]


@pytest.mark.parametrize("name", ["manifest.json", "profiles.parquet", "outliers.parquet"])
def test_damaged_files_are_409(facade: TestClient, store: DatasetStore, name: str):
    record = synthetic.dataset(store, [synthetic.profiles(50)])
    generation = store.generation(record.key, "g1")
    places = {
        "manifest.json": store.folder(record.key).local / name,
        "profiles.parquet": generation.profiles.local / name,
        "outliers.parquet": generation.table("outliers").local,
    }
    places[name].write_bytes(b'{"half')
    for route in ("facets", "window", "review/0"):
        answer = facade.get(f"/v1/datasets/{record.key}/{route}")
        assert answer.status_code == 409, answer.text
        assert "scan the data set again" in answer.text


def test_decisions_are_counted_filtered_and_shown(facade: TestClient, store: DatasetStore):
    record = synthetic.dataset(store, [synthetic.profiles(60, unmeasured=0.0)])
    route = f"/v1/datasets/{record.key}/decisions"
    body = {"decision": "reject", "rows": [3, 4, 5], "generation": "g1", "reason": "eyes closed", "reviewer": "Ada"}
    before = asked(facade, record, "facets", filter="decision:eq:undecided")
    action = facade.post(route, json=body).json()["action"]
    facade.post(route, json={"decision": "keep", "rows": [7], "generation": "g1"})
    found = asked(facade, record, "facets", filter="decision:eq:undecided")
    assert found["decisions"] != before["decisions"] and (before["matching"], found["matching"]) == (60, 56)
    assert counts(found, "decision") == {"undecided": 56, "keep": 1, "reject": 3, "unsure": 0}
    rejected = asked(facade, record, "window", filter="decision:in:reject,unsure", sort="row")
    assert [(item["row"], item["decision"], item["reviewer"]) for item in rejected["items"]] == [
        (row, "reject", "Ada") for row in (3, 4, 5)
    ]
    one = asked(facade, record, "review/3")
    assert one["decision"]["reason"] == "eyes closed" and one["decision"]["time"].endswith("Z")
    assert [entry["decision"] for entry in one["history"]] == ["reject"]
    facade.post(f"{route}/undo", json={"action": action})
    assert asked(facade, record, "window", filter="decision:eq:reject")["matching"] == 0
    one = asked(facade, record, "review/3")
    assert one["decision"] is None and [entry["undo"] for entry in one["history"]] == [True, False]
    # the file has other bytes now
    facade.post(route, json=body)
    changed = synthetic.profiles(60, unmeasured=0.0)
    position = changed.schema.get_field_index("sha256")
    others = pa.array(["f" * 64 if row == 3 else v for row, v in enumerate(changed["sha256"].to_pylist())])
    synthetic.publish(store, record, [changed.set_column(position, changed.schema.field(position), others)], "g2")
    items = {item["row"]: item for item in asked(facade, record, "window", sort="row")["items"]}
    assert (items[3]["decision"], items[3]["before"]) == (None, "reject")
    assert (items[4]["decision"], items[4]["before"]) == ("reject", None)


@pytest.mark.parametrize(
    "view",
    [
        {"filter": ["decision:eq:reject"]},
        {"filter": ["failed:in:yaw,roll", "decision:eq:undecided"]},
        {"filter": ["outlier:eq:false", "verdict:eq:fail"]},
        {"filter": ["duplicate:eq:true", "file:contains:JPG"]},
        {"filter": ["folder:eq:2024", "metadata.camera:eq:new, better"]},
        {"filter": ["verdict:eq:fail"], "rules": "bsi-tr-03121"},
        {"filter": [], "rules": "enrolment-relaxed"},
    ],
)
def test_the_export_holds_exactly_the_rows_that_are_shown(client: TestClient, record: DatasetRecord, view: dict):
    body = {"decision": "reject", "rows": [3, 17, 599], "generation": "g1"}
    assert client.post(f"/v1/datasets/{record.key}/decisions", json=body).status_code == 200
    shown: list[dict] = []
    while len(shown) % 200 == 0:
        page = asked(client, record, "window", sort="row", start=len(shown), count=200, **view)["items"]
        shown += page
        if not page:
            break
    assert shown

    def exported(form: str) -> bytes:
        answer = client.get(f"/v1/datasets/{record.key}/export", params={**view, "format": form, "fields": "*"})
        assert answer.status_code == 200, answer.text
        return answer.content

    table = pq.read_table(io.BytesIO(exported("parquet")))
    assert table["row"].to_pylist() == [item["row"] for item in shown]
    assert table["verdict"].to_pylist() == [item["verdict"] for item in shown]
    assert table["verdict_reasons"].to_pylist() == [item["reasons"] for item in shown]
    assert "iso_head_pose_yaw" in table.schema.names
    lines = list(csv.DictReader(io.StringIO(exported("csv").decode())))
    assert [int(line["row"]) for line in lines] == [item["row"] for item in shown]
    assert len(exported("ndjson").splitlines()) == len(shown)


@pytest.mark.parametrize("rules", [None, "bsi-tr-03121"])
def test_the_list_to_take_again_says_what_to_change(
    client: TestClient, record: DatasetRecord, table: pa.Table, rules: str | None
):
    route = f"/v1/datasets/{record.key}/decisions"
    judged = {} if rules is None else {"rules": rules}
    shown = asked(client, record, "window", sort="row", count=200, **judged)["items"]
    unreadable = table["status"].to_pylist().index("unreadable", 0)
    rows = sorted({unreadable, *(item["row"] for item in shown if item["verdict"] == "fail")})
    assert len(rows) > 5
    action = client.post(route, json={"decision": "reject", "rows": rows, "generation": "g1"}).json()["action"]
    params = {"decision": "reject", **judged}
    lines = {
        int(line["row"]): line
        for line in csv.DictReader(io.StringIO(client.get(route, params={**params, "format": "csv"}).text))
    }
    assert set(rows) <= lines.keys()
    for item in shown:
        if item["row"] in rows:
            said = lines[item["row"]]
            assert (said["status"], said["verdict"]) == (item["status"], item["verdict"])
            # without a rule set, what the scan said
            reasons = item["reasons"] if rules else table["verdict_reasons"][item["row"]].as_py()
            assert said["verdict_reason"] == (reasons or [item["reason"]])[0]
    assert lines[unreadable]["verdict_reason"] == table["reason"][unreadable].as_py()
    downloaded = pq.read_table(io.BytesIO(client.get(route, params={**params, "format": "parquet"}).content))
    assert [text or "" for text in downloaded["verdict_reason"].to_pylist()] == [
        line["verdict_reason"] for line in lines.values()
    ]
    assert client.get(route, params={"rules": "/etc/passwd"}).status_code == 400
    client.post(f"{route}/undo", json={"action": action})


def test_an_export_says_what_cannot_be_asked(client: TestClient, record: DatasetRecord):
    for query in ({"filter": "failed:eq:nose"}, {"rules": "/etc/passwd"}, {"filter": "nothing:eq:1"}):
        answer = client.get(f"/v1/datasets/{record.key}/export", params=query)
        assert answer.status_code == 400 and answer.json()["detail"]
