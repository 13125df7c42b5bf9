"""What is probably no human face has values in its row, and counts in nothing that is said about the faces."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.outliers import write_outliers
from bqat_pipeline.requirements import load_rule_set, scorecard
from bqat_pipeline.review.details import details
from bqat_pipeline.review.facets import count_all
from bqat_pipeline.review.histograms import histogram
from bqat_pipeline.review.table import Undecided
from bqat_pipeline.review.tables import ReviewTables
from tests.report import synthetic
from tests.report.reading import made_report, page_of, rows_of, with_columns

ROWS, DOUBTFUL = 300, range(0, 300, 25)
SENTENCE = "what was found is probably not a human face (an animal, a thing, a pattern)"


@pytest.fixture
def mixed(store: DatasetStore) -> DatasetRecord:
    """People, and every 25th picture a dog whose head is turned by 80 degrees."""
    table = synthetic.profiles(ROWS, unmeasured=0)
    columns = {
        name: table[name].to_pylist() for name in ("status", "reason_code", "reason", "iso_head_pose_yaw", "ipd")
    }
    for row in DOUBTFUL:
        for name, value in zip(columns, ("doubtful_face", "not_human", SENTENCE, 80.0, 9999), strict=True):
            columns[name][row] = value
    return synthetic.dataset(store, [synthetic.with_verdicts(with_columns(table, **columns))])


def test_the_report_counts_doubtful_faces_apart(store: DatasetStore, mixed: DatasetRecord) -> None:
    report = made_report(store, mixed)
    found = {s.status: (s.count, s.measured) for s in report.statuses}
    assert found["doubtful_face"] == (len(DOUBTFUL), False)
    assert report.standing.measured == ROWS - len(DOUBTFUL)
    yaw = next(m for m in report.measures if m.name == "iso_head_pose_yaw")
    assert yaw.spread.n == ROWS - len(DOUBTFUL) and yaw.spread.max < 80
    assert [(u.status, u.count, u.title) for u in report.unusable] == [
        ("doubtful_face", len(DOUBTFUL), "Doubtful face")
    ]
    assert SENTENCE in page_of(store, mixed)
    assert {line["status"] for line in rows_of(store, mixed, "unusable.csv")} == {"doubtful_face"}
    failures = rows_of(store, mixed, "failures.csv")
    assert failures and not {int(line["row"]) for line in failures} & set(DOUBTFUL)


def test_rules_and_outliers_leave_them_out(store: DatasetStore, mixed: DatasetRecord) -> None:
    profiles = store.profiles(mixed.key)
    assert profiles is not None
    rows = profiles.to_table(columns=["verdict", "verdict_reasons"]).take(pa.array(DOUBTFUL)).to_pylist()
    assert all(row["verdict"] == "not_assessed" and not row["verdict_reasons"] for row in rows)
    card = scorecard(load_rule_set(mixed.requirements), profiles)
    assert (card.measured, card.unmeasured) == (ROWS - len(DOUBTFUL), {"doubtful_face": len(DOUBTFUL)})
    write_outliers(profiles, store.generation(mixed.key, "g1"))
    outliers = store.found(mixed.key, "outliers")
    assert outliers is not None
    found = outliers.to_table(columns=["row", "is_outlier", "score"]).to_pylist()
    assert all(one["score"] is None and not one["is_outlier"] for one in found if one["row"] in DOUBTFUL)


@pytest.mark.parametrize("on_disk", [True, False])
def test_the_review_page_shows_them_as_such(
    store: DatasetStore, mixed: DatasetRecord, tmp_path: Path, on_disk: bool
) -> None:
    table = ReviewTables(tmp_path / "review" if on_disk else None).open(store, mixed, load_rule_set(mixed.requirements))
    assert table is not None
    nobody = Undecided(ROWS)
    status = next(facet for facet in count_all(table, (), nobody).facets if facet.name == "status")
    assert {(v.value, v.title, v.count) for v in status.values} >= {("doubtful_face", "Doubtful face", len(DOUBTFUL))}
    assert np.count_nonzero(table.mask(table.parse(["status:eq:doubtful_face"]), nobody)) == len(DOUBTFUL)
    drawn = histogram(table, "iso_head_pose_yaw", table.columns.everything)
    assert sum(drawn.all) == sum(drawn.matching) == ROWS - len(DOUBTFUL) and drawn.high < 60
    person = details(table, 1, nobody)
    assert person is not None
    measured = sorted(table.values("iso_head_pose_yaw")[[r for r in range(ROWS) if r not in DOUBTFUL]])
    yaw = next(r for r in person["requirements"] if r["column"] == "iso_head_pose_yaw")
    assert yaw["better_than"] == pytest.approx(np.searchsorted(measured, yaw["value"]) / len(measured), abs=1e-4)
