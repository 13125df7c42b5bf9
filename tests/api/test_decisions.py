"""Decisions over REST: bound to bytes, taken back at will, never lost, doubled or moved to other bytes."""

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Manifest, Source
from bqat_pipeline.datasets.decision_parts import action_of
from bqat_pipeline.review.export import write_review
from tests.api.conftest import Facade

KEY = "k" * 20


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def publish(store: DatasetStore, record: DatasetRecord, files: Sequence[tuple[str, str | None]]) -> str:
    """Publish a generation of made-up profiles, given as (file, content), and answer its name."""
    name = uuid4().hex[:16]
    place = store.generation(record.key, name).profiles
    place.create_dir()
    contents = {content: sha(content) for _, content in files if content is not None}
    columns = {
        "row": pa.array(range(len(files)), pa.int64()),
        "file": pa.array([file for file, _ in files], pa.string()),
        "sha256": pa.array([contents.get(content) for _, content in files], pa.string()),
        "folder": pa.array([""] * len(files), pa.string()),
        "reason": pa.nulls(len(files), pa.string()),
        "status": pa.array(["ok" if content else "unreadable" for _, content in files], pa.string()),
        "ipd": pa.array([float(row) for row in range(len(files))], pa.float64()),
    }
    pq.write_table(pa.table(columns), place.local / "profiles-00000.parquet")
    manifest = Manifest(
        generation=name, schema_version=1, engine="bqat", engine_fingerprint="f", rows=len(files), counts={}
    )
    store.publish(record.key, manifest)
    return name


@pytest.fixture
def record(store: DatasetStore) -> DatasetRecord:
    return store.create("set", [Source(uri="/nowhere", prefix="data/set")])


PICTURES = [("data/set/a.jpg", "A"), ("data/set/b.jpg", "B"), ("data/set/c.jpg", "C"), ("data/set/bad.jpg", None)]


class Client:
    """The decision routes of one data set."""

    def __init__(self, facade: TestClient, key: str, generation: str) -> None:
        self.facade, self.route, self.generation = facade, f"/v1/datasets/{key}/decisions", generation

    def decide(self, decision: str | None, rows: Sequence[int] | None = None, **more: Any) -> dict[str, Any]:
        body = {"decision": decision, "generation": self.generation, **more}
        answer = self.facade.post(self.route, json=body if rows is None else body | {"rows": list(rows)})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def undo(self, action: str, **more: Any) -> dict[str, Any]:
        answer = self.facade.post(f"{self.route}/undo", json={"action": action, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def all(self, **params: Any) -> dict[str, str]:
        """Decision by file."""
        items: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.facade.get(self.route, params={**params, "limit": 3, **({"cursor": cursor} if cursor else {})})
            assert page.status_code == 200, page.text
            items += page.json()["items"]
            cursor = page.json()["next"]
            if cursor is None:
                return {item["file"].rsplit("/", 1)[-1]: item["decision"] for item in items}


@pytest.fixture
def client(facade: TestClient, store: DatasetStore, record: DatasetRecord) -> Client:
    return Client(facade, record.key, publish(store, record, PICTURES))


def test_decide_look_and_take_back(client: Client):
    done = client.decide("reject", [1, 3], reason="eyes closed", reviewer="Ada")
    assert (done["decision"], done["changed"], done["matching"]) == ("reject", 2, 2)
    assert client.all() == {"b.jpg": "reject", "bad.jpg": "reject"}
    item = client.facade.get(client.route).json()["items"][0]
    assert item["time"].endswith("Z") and item["sha256"] == sha("B")
    assert (item["row"], item["reason"], item["reviewer"], item["before"]) == (1, "eyes closed", "Ada", None)
    client.decide("keep", [0])
    assert client.all(decision=["keep"]) == {"a.jpg": "keep"}
    undone = client.undo(done["action"])
    assert (undone["changed"], undone["passed_over"]) == (2, 0)
    assert client.all() == {"a.jpg": "keep"}
    client.undo(undone["action"])
    assert client.all() == {"a.jpg": "keep", "b.jpg": "reject", "bad.jpg": "reject"}
    assert client.decide(None, [0, 2])["changed"] == 1, "clearing what is undecided changes nothing"
    assert client.all() == {"b.jpg": "reject", "bad.jpg": "reject"}


def test_filter_decides_about_all_that_meet_it(client: Client):
    assert client.decide("reject", filter=["ipd:ge:1", "status:eq:ok"])["changed"] == 2
    assert client.all() == {"b.jpg": "reject", "c.jpg": "reject"}
    assert client.all(filter=["ipd:ge:2"]) == {"c.jpg": "reject"}
    assert client.decide("reject", filter=[]) | {"action": "", "decisions": ""} == {
        "action": "",
        "decision": "reject",
        "changed": 2,
        "matching": 4,
        "decisions": "",
    }


def test_filter_knows_what_only_a_review_has(client: Client):
    client.decide("keep", [0])
    assert client.decide("unsure", filter=["decision:eq:undecided", "file:contains:SET/B"])["changed"] == 2
    assert client.all(filter=["decision:in:keep,unsure", "verdict:eq:not_assessed"]) == {
        "a.jpg": "keep",
        "b.jpg": "unsure",
        "bad.jpg": "unsure",
    }
    assert client.decide(None, filter=["decision:ne:undecided"])["changed"] == 3
    assert client.all() == {}


def test_state_of_the_review_and_its_list(client: Client, store: DatasetStore, record: DatasetRecord):
    route = client.route.removesuffix("decisions") + "review"
    client.decide("reject", [1], reason="@home", reviewer="Ada")
    state = client.facade.get(route).json()
    assert {k: state[k] for k in ("rows", "decided", "keep", "reject", "unsure", "undecided")} == {
        "rows": 4,
        "decided": 1,
        "keep": 0,
        "reject": 1,
        "unsure": 0,
        "undecided": 3,
    }
    assert state["exported"] is None and not state["up_to_date"]
    assert client.facade.get(f"{route}.csv").status_code == 404
    assert client.facade.post(route).status_code == 503, "Dagster is away"

    profiles, generation = store.profiles(record.key), store.current(record.key)
    assert profiles is not None and generation is not None
    assert write_review(store, record.key, profiles, generation)["retake"] == 1
    state = client.facade.get(route).json()
    assert state["up_to_date"] and state["exported"]["generation"] == client.generation
    answer = client.facade.get(f"{route}.csv")
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [line["disposition"] for line in lines] == ["undecided", "retake", "undecided", "undecided"]
    assert (lines[1]["reason"], lines[1]["reviewer"]) == ("'@home", "Ada")
    again = client.facade.get(f"{route}.csv", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert pq.read_table(io.BytesIO(client.facade.get(f"{route}.parquet").content)).num_rows == 4
    assert client.all() == {"b.jpg": "reject"}, "also after the log was compacted"
    client.decide("keep", [1])
    assert not client.facade.get(route).json()["up_to_date"]


def test_repeated_request_has_no_second_effect_also_after_a_killed_facade(
    client: Client, facade_in: Facade, tmp_path: Path
):
    action = str(uuid4())
    first = client.decide("reject", [0, 1], action=action)
    client.decide("keep", [0])
    assert client.decide("reject", [0, 1], action=action)["changed"] == first["changed"]
    assert client.all() == {"a.jpg": "keep", "b.jpg": "reject"}
    undo = {"as": str(uuid4())}
    assert client.undo(action, **undo) == client.undo(action, **undo) | {}
    with facade_in(tmp_path) as again:  # as if it was started after a SIGKILL between the write and the answer
        other = Client(again, client.route.split("/")[3], client.generation)
        assert other.decide("reject", [0, 1], action=action)["changed"] == 2
        assert other.undo(action, **undo)["passed_over"] == 1
        assert other.all() == client.all() == {"a.jpg": "keep"}


def test_rows_of_another_generation_are_refused(client: Client, store: DatasetStore, record: DatasetRecord):
    done = client.decide("keep", [0], action=str(uuid4()))
    publish(store, record, PICTURES[::-1])
    body = {"decision": "reject", "rows": [0], "generation": client.generation}
    answer = client.facade.post(client.route, json=body)
    assert answer.status_code == 409 and "generation has moved on" in answer.json()["detail"]
    assert client.all() == {"a.jpg": "keep"}
    # what was done already is told also then, and can be taken back
    again = client.facade.post(client.route, json={**body, "decision": "keep", "action": done["action"]})
    assert again.json()["changed"] == 1
    client.undo(done["action"])
    assert client.all() == {}


def test_scan_keeps_decisions_with_the_bytes(client: Client, store: DatasetStore, record: DatasetRecord):
    client.decide("reject", [0, 1], reason="blurred", reviewer="Ada")
    client.decide("keep", [2, 3])
    files = [
        ("data/set/a.jpg", "A2"),  # changed: undecided, and says what it was
        ("data/set/moved.jpg", "B"),  # moved: keeps it
        ("data/set/c.jpg", "C"),
        ("data/set/copy of c.jpg", "C"),  # a copy: decided for itself
        ("data/set/bad.jpg", "now it can be read"),
    ]
    client.generation = publish(store, record, files)
    assert client.all() == {"moved.jpg": "reject", "c.jpg": "keep"}
    client.decide("unsure", [0])
    client.decide("reject", [3])
    items = client.facade.get(client.route).json()["items"]
    assert [(i["row"], i["decision"], i["before"]) for i in items] == [
        (0, "unsure", "reject"),
        (1, "reject", None),
        (2, "keep", None),
        (3, "reject", None),
    ]
    client.generation = publish(store, record, PICTURES)
    assert client.all() == {"a.jpg": "reject", "b.jpg": "reject", "c.jpg": "keep", "bad.jpg": "keep"}
    # deleting the profiles is not deleting what people decided; deleting the data set is
    store.clear(record.key)
    assert client.facade.get(client.route).status_code == 404
    client.generation = publish(store, record, PICTURES)
    assert client.all()["a.jpg"] == "reject"
    store.delete(record.key)
    assert not store.decisions(record.key).exists()


def test_undo_passes_over_what_somebody_decided_anew(client: Client):
    bulk = client.decide("reject", [0, 1, 2])
    mine = client.decide("keep", [1])
    undone = client.undo(bulk["action"])
    assert (undone["changed"], undone["passed_over"], undone["matching"]) == (2, 1, 3)
    assert client.all() == {"b.jpg": "keep"}
    client.undo(undone["action"])
    client.undo(mine["action"])
    assert client.all() == {"a.jpg": "reject", "b.jpg": "reject", "c.jpg": "reject"}
    assert client.facade.post(f"{client.route}/undo", json={"action": str(uuid4())}).status_code == 404


def test_history_tells_who_did_what(client: Client):
    done = client.decide("reject", [0, 1], reviewer="Ada")
    client.undo(done["action"], reviewer="Grace")
    items = client.facade.get(client.route, params={"history": True}).json()["items"]
    assert [(i["reviewer"], i["decision"], i["undo"]) for i in items] == [
        ("Ada", "reject", False),
        ("Ada", "reject", False),
        ("Grace", None, True),
        ("Grace", None, True),
    ]
    page = client.facade.get(client.route, params={"history": True, "limit": 3}).json()
    rest = client.facade.get(client.route, params={"history": True, "limit": 3, "cursor": page["next"]}).json()
    assert page["items"] + rest["items"] == items and rest["next"] is None
    table = pq.read_table(
        io.BytesIO(client.facade.get(client.route, params={"history": True, "format": "parquet"}).content)
    )
    assert table.num_rows == 4


def test_downloads_hold_everything_and_hostile_text_stays_text(client: Client):
    hostile = '=cmd|"/c calc"!A0 <script>alert(1)</script>'
    client.decide("reject", [0, 1, 2, 3], reason=hostile, reviewer="@SUM(1)")
    text = client.facade.get(client.route, params={"format": "csv"})
    assert text.headers["content-type"].startswith("text/csv") and "attachment" in text.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert len(rows) == 4 and {(r["reason"], r["reviewer"]) for r in rows} == {(f"'{hostile}", "'@SUM(1)")}
    (raw, *_) = csv.DictReader(io.StringIO(client.facade.get(client.route, params={"format": "csv", "raw": 1}).text))
    assert raw["reason"] == hostile
    table = pq.read_table(io.BytesIO(client.facade.get(client.route, params={"format": "parquet"}).content))
    assert table["reason"].to_pylist() == [hostile] * 4
    tag = client.facade.get(client.route).headers["etag"]
    assert client.facade.get(client.route, headers={"If-None-Match": tag}).status_code == 304
    client.decide("keep", [0])
    assert client.facade.get(client.route, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"decision": "perhaps"}, 422),
        ({"rows": [-1]}, 422),
        ({"rows": [4]}, 404),
        ({"rows": None}, 422),
        ({"filter": ["ipd:ge:1"]}, 422),
        ({"rows": None, "filter": ["nothing:eq:1"]}, 400),
        ({"rows": None, "filter": [], "rules": "/etc/passwd"}, 400),
        ({"reason": "x" * 501}, 422),
        ({"reason": "\u0000"}, 422),
        ({"reviewer": "x" * 201}, 422),
        ({"reviewer": "two\nlines"}, 422),
        ({"action": "../../etc"}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(client: Client, change: dict[str, Any], status: int):
    body = {"decision": "keep", "rows": [0], "generation": client.generation, **change}
    assert client.facade.post(client.route, json=body).status_code == status
    assert client.all() == {}


def test_half_a_character_is_refused(client: Client):
    body = f'{{"decision":"keep","rows":[0],"generation":"{client.generation}","reason":"\\ud800"}}'
    answer = client.facade.post(client.route, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_who_decides_is_what_the_proxy_says(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    record = store.create("set", [Source(uri="/nowhere", prefix="data/set")])
    generation = publish(store, record, PICTURES)
    with facade_in(tmp_path, reviewer_header="X-Forwarded-User") as facade:
        client = Client(facade, record.key, generation)
        facade.headers.encoding = "utf-8"
        facade.headers["X-Forwarded-User"] = "Zoë"
        done = client.decide("keep", [0], reviewer="somebody else")
        client.undo(done["action"], reviewer="somebody else")
        del facade.headers["X-Forwarded-User"]
        client.decide("keep", [1], reviewer="somebody else")
        items = facade.get(client.route, params={"history": True}).json()["items"]
        assert [item["reviewer"] for item in items] == ["Zoë", "Zoë", None]


def test_other_sites_and_wrong_keys_decide_nothing(facade_in: Facade, tmp_path: Path, store: DatasetStore):
    record = store.create("set", [Source(uri="/nowhere", prefix="data/set")])
    generation = publish(store, record, PICTURES)
    body = {"decision": "keep", "rows": [0], "generation": generation}
    with facade_in(tmp_path, api_key=KEY) as facade:
        client = Client(facade, record.key, generation)
        for route in (client.route, f"{client.route}/undo"):
            assert facade.post(route, json=body).status_code == 401
            assert facade.post(route, json=body, headers={"X-API-Key": "wrong"}).status_code == 401
            foreign = {"X-API-Key": KEY, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
            assert facade.post(route, json=body, headers=foreign).status_code == 403
        assert facade.get(client.route).json()["items"] == []
    assert not store.decisions(record.key).exists()


def test_damaged_part_is_said_and_never_taken_for_absent(client: Client, store: DatasetStore, record: DatasetRecord):
    client.decide("keep", [0])
    folder = store.decisions(record.key)
    (part,) = (info.base_name for info in folder.iterdir() if action_of(info.base_name))
    whole = (folder / part).read_bytes()
    other = part.replace(part[-15:-6], "000000000")
    for content in (whole[:-20], b"", b"{}\n", whole.replace(b'"rows":1', b'"rows":2'), b"\xff\n"):
        (folder / other).write_bytes(content)
        for answer in (
            client.facade.get(client.route),
            client.facade.post(client.route, json={"decision": "reject", "rows": [1], "generation": client.generation}),
        ):
            assert answer.status_code == 409 and "is damaged" in answer.json()["detail"]
            assert other in answer.json()["detail"]
    (folder / other).delete()
    assert client.all() == {"a.jpg": "keep"}


def test_bulk_decision_of_a_hundred_thousand_and_its_undo(
    facade: TestClient, store: DatasetStore, record: DatasetRecord
):
    files = [(f"data/set/{number}.jpg", f"{number}") for number in range(100_000)]
    client = Client(facade, record.key, publish(store, record, files))
    own = client.decide("unsure", [7])
    bulk = client.decide("reject", filter=[], reviewer="Ada")
    assert (bulk["changed"], bulk["matching"]) == (100_000, 100_000)
    mine = client.decide("keep", [99_999])
    undone = client.undo(bulk["action"])
    assert (undone["changed"], undone["passed_over"]) == (99_999, 1)
    assert client.all() == {"7.jpg": "unsure", "99999.jpg": "keep"}
    assert client.undo(undone["action"])["changed"] == 99_999
    text = facade.get(client.route, params={"format": "csv", "decision": "reject"}).text
    assert text.count("\n") == 1 + 99_999
    for action in (mine, bulk, own):
        client.undo(action["action"])
    assert client.all() == {}
