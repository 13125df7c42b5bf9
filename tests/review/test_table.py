"""Windows and facets in memory give what pandas gives by filtering, sorting and counting all rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from bqat_pipeline.outliers import write_outliers
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from bqat_pipeline.review.facets import count_all
from bqat_pipeline.review.table import ReviewTable, Undecided
from bqat_pipeline.review.tables import ReviewTables
from bqat_pipeline.review.windows import window
from tests.report import synthetic

ROWS = 900
RULES = load_rule_set("icao-tr-portrait")
UNIT = {r.name: r.band or ((r.max - r.min) if r.min is not None and r.max is not None else abs(r.min or r.max or 1)) or 1 for r in RULES.requirements}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DatasetStore:
    return DatasetStore(Location.parse(tmp_path_factory.mktemp("table")))


@pytest.fixture(scope="module")
def record(store: DatasetStore) -> DatasetRecord:
    made = synthetic.dataset(store, synthetic.chunks(ROWS, seed=11, size=250))
    profiles = store.profiles(made.key)
    assert profiles is not None
    write_outliers(profiles, store.generation(made.key, "g1"))
    return made


@pytest.fixture(scope="module", params=["on disk", "in memory"])
def table(
    store: DatasetStore, record: DatasetRecord, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ReviewTable:
    folder = tmp_path_factory.mktemp("columns") / "review" if request.param == "on disk" else None
    opened = ReviewTables(folder).open(store, record, RULES)
    assert opened is not None
    if folder is not None:
        assert list(folder.iterdir()) == [], "columns have no names on disk"
    return opened


@pytest.fixture(scope="module")
def naive(store: DatasetStore, record: DatasetRecord) -> pd.DataFrame:
    """The profiles with what `evaluate_row` says of each, one by one."""
    profiles = store.profiles(record.key)
    outliers = store.found(record.key, "outliers")
    assert profiles is not None and outliers is not None
    rows = profiles.to_table().to_pylist()
    judged = [evaluate_row(RULES, row) for row in rows]
    frame = pd.DataFrame(rows)
    frame["verdict"] = [verdict.overall for verdict in judged]
    for requirement in RULES.requirements:
        frame[f"failed {requirement.name}"] = [v.results[requirement.name] == "fail" for v in judged]
    frame["outlier"] = outliers.to_table(columns=["is_outlier"]).to_pandas()["is_outlier"]
    keys = [worst_key(row, verdict.results, verdict.overall) for row, verdict in zip(rows, judged, strict=True)]
    frame["worst"] = pd.Series(range(ROWS), index=sorted(range(ROWS), key=lambda row: (*keys[row], row)))
    return frame


def worst_key(row: dict[str, Any], results: dict[str, str], overall: str) -> tuple[float, float]:
    if row["status"] not in ("ok", "multiple_faces"):
        return (-1000.0, 0.0)
    required = [r for r in RULES.requirements if r.severity == "required"]
    failures = sum(results[r.name] == "fail" for r in required)
    rank = 2 + failures if failures else {"not_assessed": 2, "borderline": 1, "pass": 0}[overall]
    beyond = [-np.inf]
    for r in required:
        value = row[r.quantity]
        if value is not None:
            sides = ([r.min - value] if r.min is not None else []) + ([value - r.max] if r.max is not None else [])
            missed = max(sides) / UNIT[r.name]
            beyond += [missed] if r.band or missed > 0 else []
    return (-rank, -float(np.float32(max(beyond))))


Filter = tuple[str, Any]
numbers = st.floats(-8, 8).map(lambda x: round(x, 3))
filters = st.lists(
    st.one_of(
        numbers.map(lambda x: (f"iso_head_pose_yaw:ge:{x}", lambda f: f["iso_head_pose_yaw"] >= x)),
        numbers.map(lambda x: (f"iso_head_pose_pitch:lt:{x}", lambda f: f["iso_head_pose_pitch"] < x)),
        st.integers(90, 140).map(lambda n: (f"ipd:ne:{n}", lambda f: f["ipd"].notna() & (f["ipd"] != n))),
        st.booleans().map(lambda b: (f"ipd:isnull:{b}", lambda f: f["ipd"].isna() == b)),
        st.booleans().map(lambda b: (f"glasses:eq:{b}", lambda f: f["glasses"] == b)),
        st.booleans().map(lambda b: (f"outlier:eq:{b}", lambda f: f["outlier"] == b)),
        st.sampled_from(["fail", "pass", "borderline", "not_assessed"]).flatmap(
            lambda w: st.sampled_from(
                [
                    (f"verdict:eq:{w}", lambda f: f["verdict"] == w),
                    (f"verdict:ne:{w}", lambda f: f["verdict"] != w),
                ]
            )
        ),
        st.just(("failed:in:yaw,roll", lambda f: f["failed yaw"] | f["failed roll"])),
        st.just(("failed:ne:pitch", lambda f: ~f["failed pitch"])),
        st.just(("folder:eq:2023", lambda f: f["folder"].str.startswith("2023/"))),
        st.just(("folder:in:2024/kiosk,old scans", lambda f: f["folder"].isin(["2024/kiosk", "old scans"]))),
        st.just(("status:in:ok,no_face", lambda f: f["status"].isin(["ok", "no_face"]))),
        st.sampled_from(["HARBOUR", "00001", "KIOSK/", "town hall"]).map(
            lambda t: (f"file:contains:{t}", lambda f: f["file"].str.lower().str.contains(t.lower(), regex=False))
        ),
        st.just(("reason:contains:damaged", lambda f: f["reason"].fillna("").str.contains("damaged"))),
    ),
    max_size=4,
)
SORTS = {
    "worst": (["worst"], [True]),
    "-worst": (["worst"], [False]),
    "row": (["row"], [True]),
    "-file": (["file", "row"], [False, True]),
    "sharpness": (["sharpness", "row"], [True, True]),
    "-iso_head_pose_yaw": (["iso_head_pose_yaw", "row"], [False, True]),
    "ipd": (["ipd", "row"], [True, True]),
}


def chosen(frame: pd.DataFrame, found: list[Filter]) -> pd.DataFrame:
    for _, keep in found:
        frame = frame[keep(frame).astype(bool)]
    return frame


@hypothesis_settings(max_examples=40, deadline=None)
@given(found=filters, sort=st.sampled_from(sorted(SORTS)), start=st.integers(0, ROWS), count=st.integers(1, 200))
def test_windows_are_those_of_a_filtered_and_sorted_frame(table, naive, found, sort: str, start: int, count: int):
    by, ascending = SORTS[sort]
    wanted = chosen(naive, found).sort_values(by, ascending=ascending, kind="stable", na_position="last")
    got = window(table, table.parse([text for text, _ in found]), Undecided(ROWS), sort=sort, start=start, count=count)
    assert got.matching == len(wanted)
    assert [item["row"] for item in got.items] == wanted["row"].tolist()[start : start + count]
    for item in got.items[:3]:
        row = naive.iloc[item["row"]]
        profile = {name: None if value is pd.NA or value != value else value for name, value in row.items()}
        verdict = evaluate_row(RULES, profile)
        assert (item["verdict"], item["reasons"]) == (verdict.overall, list(verdict.reasons))


def of_column(text: str) -> str:
    return text.split(":")[0]


@hypothesis_settings(max_examples=40, deadline=None)
@given(found=filters)
def test_counts_are_those_of_frames_under_every_filter_but_the_own(table, naive, found: list[Filter]):
    got = count_all(
        table, table.parse([text for text, _ in found]), Undecided(ROWS), ["sharpness", "iso_head_pose_yaw"]
    )
    assert got.matching == len(chosen(naive, found))

    def under(name: str) -> pd.DataFrame:
        return chosen(naive, [entry for entry in found if of_column(entry[0]) != name])

    counts = {facet.name: {value.value: value.count for value in facet.values} for facet in got.facets}
    for name in ("verdict", "status"):
        frame = under(name)
        assert counts[name] == {word: int((frame[name] == word).sum()) for word in counts[name]}
    assert counts["failed"] == {r.name: int(under("failed")[f"failed {r.name}"].sum()) for r in RULES.requirements}
    assert counts["outlier"]["true"] == int(under("outlier")["outlier"].sum())
    tops = under("folder")["folder"].str.split("/").str[0]
    assert counts["folder"] == {top: int((tops == top).sum()) for top in counts["folder"]}
    assert counts["decision"]["undecided"] == got.matching
    for drawn in got.histograms:
        values = under(drawn.column)[drawn.column].dropna()
        assert sum(drawn.matching) == len(values)
        edges = np.linspace(drawn.low, drawn.high, 65)
        inside = values[(values >= edges[1]) & (values < edges[-2])]
        wanted = np.histogram(inside, edges)[0]
        # a value on an edge may fall to either side
        assert np.abs(np.cumsum(drawn.matching[1:-1]) - np.cumsum(wanted[1:-1])).max() <= 1


def test_two_who_open_a_table_open_it_once(store, record, monkeypatch: pytest.MonkeyPatch):
    from concurrent.futures import ThreadPoolExecutor

    from bqat_pipeline.review import tables

    opened = []
    judge = tables.judge
    monkeypatch.setattr(tables, "judge", lambda held, rules: opened.append(rules.name) or judge(held, rules))
    shared = ReviewTables()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: shared.open(store, record, RULES), range(8)))
    assert opened == [RULES.name] and len({id(table) for table in found}) == 1
    assert shared.peek(store, record, RULES) is found[0]


def test_memory_is_bounded_however_many_tables_are_open(tmp_path: Path):
    from bqat_pipeline.review.cache import BoundedCache

    cache: BoundedCache[bytes] = BoundedCache(1000, len)
    for number in range(50):
        assert cache.get(number, lambda: bytes(300)) == bytes(300)
    assert cache.nbytes <= 1000 and 49 in cache and 0 not in cache


def test_a_full_disk_costs_memory_and_no_answer(store, record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from bqat_pipeline.review import spill

    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    usual = ReviewTables().open(store, record, RULES)
    assert usual is not None
    wanted = window(usual, (), Undecided(ROWS))
    for broken in ("mkstemp", "TemporaryFile"):
        with monkeypatch.context() as patch:
            patch.setattr(spill.tempfile, broken, full)
            opened = ReviewTables(tmp_path / "state").open(store, record, RULES)
        assert opened is not None
        assert window(opened, (), Undecided(ROWS)) == wanted
        assert list((tmp_path / "state").iterdir()) == []


def test_cameras_and_programs_are_facets_and_filters(tmp_path: Path):
    cameras = ["Acme One", "Acme, Two", None]
    chunks = []
    for chunk in synthetic.chunks(60, seed=3, size=25):
        rows = [cameras[row % 3] for row in range(chunk.num_rows)]
        place = chunk.schema.get_field_index("camera")
        chunks.append(chunk.set_column(place, chunk.schema.field(place), pa.array(rows, pa.string())))
    store = DatasetStore(Location.parse(tmp_path))
    table = ReviewTables().open(store, synthetic.dataset(store, chunks), RULES)
    assert table is not None
    given = [camera for chunk in chunks for camera in chunk["camera"].to_pylist()]
    facets = {facet.name: facet for facet in count_all(table, (), Undecided(60)).facets}
    assert "software" not in facets, "no file names one"
    counts = {value.value: value.count for value in facets["camera"].values}
    assert counts == {"Acme One": given.count("Acme One"), "Acme, Two": given.count("Acme, Two"), "": given.count(None)}
    for text, chosen in [
        ("camera:eq:Acme One", lambda camera: camera == "Acme One"),
        (r"camera:in:Acme\, Two,", lambda camera: camera in ("Acme, Two", None)),
        ("camera:contains:Acme", lambda camera: camera is not None),
        ("camera:isnull:true", lambda camera: camera is None),
    ]:
        mask = table.mask(table.parse([text]), Undecided(60))
        assert mask.tolist() == [chosen(camera) for camera in given]
