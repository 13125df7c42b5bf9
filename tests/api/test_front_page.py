"""Routes behind the pages of data sets and comparison: newest first, folders to choose, two scans side by side."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetStore
from tests.api.conftest import SECRET
from tests.report import synthetic


def test_data_sets_come_newest_first_page_by_page(facade: TestClient, store: DatasetStore):
    keys = [synthetic.dataset(store, [synthetic.profiles(2)]).key for _ in range(7)]
    found: list[str] = []
    asked: dict[str, str | int] = {"order": "newest", "limit": 3}
    while "cursor" not in asked or asked["cursor"]:
        page = facade.get("/v1/datasets", params=asked).json()
        found += [item["key"] for item in page["items"]]
        asked["cursor"] = page["next"] or ""
    times = [facade.get(f"/v1/datasets/{key}").json()["scanned"] for key in found]
    assert sorted(found) == sorted(keys) and times == sorted(times, reverse=True)
    assert facade.get("/v1/datasets", params={"order": "newest", "cursor": "bm9uZQ"}).status_code == 422


def test_folders_are_those_below_the_data_root(facade: TestClient, world: Path):
    (world / "data" / "helen" / "a" / "b").mkdir(parents=True)
    (world / "data" / "Zoe").mkdir()
    top = facade.get("/v1/folders").json()
    assert [folder["name"] for folder in top["folders"]] == ["helen", "uploaded", "Zoe"]  # no link out, nothing hidden
    assert (top["path"], top["parent"], top["pictures"], top["more"]) == ("data", None, 0, False)
    helen = facade.get("/v1/folders", params={"path": "data/helen"}).json()
    assert helen["folders"] == [{"name": "a", "path": "data/helen/a"}]
    assert (helen["parent"], helen["pictures"]) == ("data", 2)
    assert facade.get("/v1/folders", params={"path": "data/helen/a/b"}).json()["parent"] == "data/helen/a"


def test_an_unknown_address_is_a_page_for_a_browser_and_an_error_for_programs(facade: TestClient):
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = facade.get("/nowhere/at/all", headers=browser)
    assert page.status_code == 404 and page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"] and "etag" not in page.headers
    assert facade.get("/nowhere").json() == {"detail": "Not Found"}
    assert facade.post("/nowhere", headers=browser).json() == {"detail": "Not Found"}
    # The API, and routes that know the address but not the thing, answer as ever.
    for known in ("/v1/nowhere", "/v1/datasets/unknown", "/ui/missing.js"):
        asked, told = facade.get(known), facade.get(known, headers=browser)
        assert asked.status_code == told.status_code == 404 and asked.json()["detail"] == told.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        *("..", "data/..", "data/../secret", "/etc", "data/way out", "data/uploaded/way out", "data/missing"),
        *("data/.hidden", "data/helen/1.jpg", "data/\x00", "data/" + "x" * 4000, "s3://bucket/x", "data/helen/\ud800"),
    ],
)
def test_no_other_place_is_told(facade: TestClient, world: Path, path: str):
    answer = facade.get("/v1/folders", params={"path": path.encode("utf-8", "surrogatepass")})
    assert answer.status_code in (404, 422) and SECRET not in answer.text and str(world) not in answer.text


def changed(table: pa.Table, rows: int) -> pa.Table:
    """The same pictures, of which the first rows are turned away now."""
    yaw = table["iso_head_pose_yaw"].to_pylist()
    yaw[:rows] = [80.0 if value is not None else None for value in yaw[:rows]]
    index = table.column_names.index("iso_head_pose_yaw")
    return table.set_column(index, table.schema.field(index), pa.array(yaw, table.schema.field(index).type))


def test_comparison_names_the_pictures_that_changed_sides(facade: TestClient, store: DatasetStore):
    table = synthetic.profiles(400)
    first = synthetic.dataset(store, [table]).key
    second = synthetic.dataset(store, [changed(table, 300)]).key
    found = facade.get("/v1/comparison", params={"a": first, "b": second}).json()
    assert found["a"]["key"] == first and found["b"]["key"] == second
    pictures = found["pictures"]
    assert (pictures["matched"], pictures["only_now"], pictures["only_before"]) == (400, 0, 0)
    assert pictures["better"] == 0
    files = table["file"].to_pylist()
    for one in pictures["examples"]:
        assert one["now"] == "fail" and one["before"] in ("pass", "borderline") and one["row"] < 300
        assert files[one["row"]] == one["file"] and one["row_before"] == one["row"] and one["same_bytes"]
    judged = [table["verdict"][row].as_py() for row in range(300)]
    assert pictures["worse"] == sum(verdict in ("pass", "borderline") for verdict in judged) > 0
    page = facade.get("/v1/comparison", params={"a": first, "b": second, "format": "html"})
    assert page.headers["content-type"].startswith("text/html") and "sandbox" in page.headers["content-security-policy"]
    same = facade.get("/v1/comparison", params={"a": second, "b": second})
    assert same.status_code == 404 and "no scan before" in same.json()["detail"]
    assert facade.get("/v1/comparison", params={"a": first, "b": "missing-00000000"}).status_code == 404


def test_pictures_that_moved_are_matched_by_their_bytes(facade: TestClient, store: DatasetStore):
    table = synthetic.profiles(20, unmeasured=0.0)
    index = table.column_names.index("file")
    moved = pa.array(
        pc.replace_substring(table["file"], "data/faces/", "data/faces/archive/"), table.schema.field(index).type
    )
    first = synthetic.dataset(store, [table]).key
    second = synthetic.dataset(store, [table.set_column(index, table.schema.field(index), moved)]).key
    pictures = facade.get("/v1/comparison", params={"a": first, "b": second}).json()["pictures"]
    assert (pictures["matched"], pictures["only_now"], pictures["better"], pictures["worse"]) == (20, 0, 0, 0)


def test_rule_sets_tell_what_they_are_for(facade: TestClient):
    found = facade.get("/v1/requirements").json()
    assert all(one["description"].endswith(".") and one["title"] for one in found)
    assert [one["name"] for one in found if one["default"]] == ["icao-tr-portrait"]
