"""Pictures that may show one person, in the routes of the review page."""

from pathlib import Path
from typing import Any

import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from bqat_pipeline.identity import reasons
from bqat_pipeline.review.findings import NOT_COMPARED
from tests.api.conftest import Facade
from tests.identity.planted import plant
from tests.report import synthetic

ROWS = 60
FACETS = ("identity", "not_compared", "identity_group")
REASONS = {"not_measured": 1, "turned_away": 2, "too_small": 1}


@pytest.fixture
def planted(tmp_path: Path) -> DatasetRecord:
    store = DatasetStore(Location.parse(tmp_path / "storage"))
    profiles = synthetic.profiles(ROWS)
    record = synthetic.dataset(store, [profiles])
    plant(store, record, profiles)
    return record


def counts(facets: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {
        facet["name"]: {value["value"]: value["count"] for value in facet["values"]}
        for facet in facets["facets"]
        if facet["name"] in FACETS
    }


def test_facets_and_filters_choose_pictures_of_one_person(
    planted: DatasetRecord, facade_in: Facade, tmp_path: Path
) -> None:
    with facade_in(tmp_path, identity=True) as client:
        base = f"/v1/datasets/{planted.key}"
        found = counts(client.get(f"{base}/facets").json())
        assert found == {
            "identity": {"true": 5, "false": ROWS - 5 - 4},
            "not_compared": REASONS,
            "identity_group": {"0": 3, "1": 2},
        }

        def rows(*filters: str) -> list[int]:
            answer = client.get(f"{base}/window", params={"filter": filters, "sort": "row"})
            assert answer.status_code == 200, answer.text
            return [item["row"] for item in answer.json()["items"]]

        assert rows("identity:eq:true") == [3, 9, 12, 20, 31]
        assert rows("identity_group:eq:1") == [20, 31]
        assert rows("not_compared:eq:turned_away") == [1, 4]
        assert rows("not_compared:in:too_small,not_measured", "row:lt:9") == [2]
        alone = rows("identity:eq:false")
        assert len(alone) == ROWS - 5 - 4 and not {1, 2, 4, 40, 3} & set(alone)
        assert rows("identity_group:in:0,1", "row:gt:9") == [12, 20, 31]
        under = client.get(f"{base}/facets", params={"filter": ["identity_group:eq:1"]}).json()
        assert under["matching"] == 2
        assert counts(under) == {
            "identity": {"true": 2, "false": 0},
            "not_compared": {},
            "identity_group": {"0": 3, "1": 2},
        }
        for wrong in ("identity:isnull:true", "not_compared:eq:tired", "not_compared:gt:too_small", "not_compared:eq:"):
            assert client.get(f"{base}/window", params={"filter": wrong}).status_code == 400, wrong


def test_a_picture_names_the_others_of_its_group_with_what_was_decided(
    planted: DatasetRecord, facade_in: Facade, tmp_path: Path
) -> None:
    base = f"/v1/datasets/{planted.key}"
    with facade_in(tmp_path, identity=True) as client:

        def others(row: int) -> list[tuple[int, float | None, str | None]]:
            found = client.get(f"{base}/review/{row}").json()["identities"]
            return [(other["row"], other["distance"], other["same_person"]) for other in found]

        assert others(9) == [(3, 0.21, None), (12, 0.3, None)]
        assert others(3) == [(9, 0.21, None), (12, None, None)]
        assert others(0) == []
        answer = client.get(f"{base}/review/9")
        pair = {"a": answer.json()["row"]["file"], "b": answer.json()["identities"][0]["file"]}
        known = {"If-None-Match": answer.headers["etag"]}
        assert client.get(f"{base}/review/9", headers=known).status_code == 304
        for decision, said in (("different", "different"), ("undecided", None)):
            client.post(f"{base}/identities/decisions", json=pair | {"decision": decision}).raise_for_status()
            assert others(9) == [(3, 0.21, said), (12, 0.3, None)]
            assert others(3)[0] == (9, 0.21, said)
            if said:
                assert client.get(f"{base}/review/9", headers=known).status_code == 200


def test_switched_off_no_answer_has_a_word_of_it(planted: DatasetRecord, facade_in: Facade, tmp_path: Path) -> None:
    with facade_in(tmp_path) as client:
        for route in ("facets", "window", "review/9"):
            assert "identit" not in client.get(f"/v1/datasets/{planted.key}/{route}").text


def test_every_reason_that_a_picture_was_not_compared_has_words() -> None:
    of_rows = {"", "not_measured", "not_made"}  # compared; not asked for a template; gone when its turn came
    assert set(NOT_COMPARED) == of_rows | set(reasons.REASONS)
