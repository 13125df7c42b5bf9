"""By group: whether a limit fails one group of people more often than the others, from the metadata table."""

from pathlib import Path

import numpy as np

from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.report import ReportOptions, summary_lines, write_report
from tests.report import synthetic
from tests.report.reading import NO_PICTURES, made_report, page_of, rows_of, with_columns

# Of these the limit on evenness of light (at least 0.5, band 0.05) fails: of women 40 of 300, of men none.
DARK, EVEN = 0.3, 0.8


def people(store: DatasetStore, tmp_path: Path, lines: list[str], light: np.ndarray) -> DatasetRecord:
    """600 measured pictures with a metadata table; ``light`` is the evenness of each, all else is the same in pairs."""
    table = synthetic.profiles(600, unmeasured=0.0)
    names = {name: table[name] for name in ("file", "row")}
    table = table.take(np.arange(600) // 2 * 2)
    for name, column in names.items():
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
    record = synthetic.dataset(store, [with_columns(table, aux_light_zones_ratio=light.tolist())])
    path = tmp_path / "people.csv"
    path.write_text("\n".join(lines) + "\n")
    return store.save(record.model_copy(update={"metadata_csv": str(path)})) or store.record(record.key)


def by_sex(store: DatasetStore, tmp_path: Path) -> DatasetRecord:
    light = np.full(600, EVEN)
    light[:80:2] = DARK
    lines = ["file,sex,Age", *(f"{n:07d}.jpg,{'men' if n % 2 else 'women'},{n % 80}" for n in range(600))]
    return people(store, tmp_path, lines, light)


def test_a_limit_that_fails_one_group_more_often_is_marked(store: DatasetStore, tmp_path: Path) -> None:
    record = by_sex(store, tmp_path)
    found = made_report(store, record).by_group
    assert found is not None
    sex = found.columns[0]
    assert (sex.column, sorted(sex.groups)) == ("sex", ["men", "women"])
    zones = next(r for r in sex.requirements if r.name == "light_zones")
    assert {g.group: (g.failed.count, g.failed.total, g.differs) for g in zones.groups} == {
        "women": (40, 300, "more"),
        "men": (0, 300, "less"),
    }
    others = [g for r in sex.requirements if r.name != "light_zones" for g in r.groups]
    assert {g.differs for g in others} == {""} and {g.p_value for g in others} == {1.0}
    words = "sex women: 13.3\u202f% (40 of 300) fail evenness of light, of the others 0\u202f% (0 of 300)."
    assert words in found.sentences
    page = page_of(store, record)
    assert words in page and 'id="by-group"' in page and 'href="#by-group"' in page and "▲" in page
    assert "more often than the other groups" in page  # for those who do not see the mark
    assert "No failures in any of these groups: " in page
    assert words in "\n".join(summary_lines(write_report(store, record.key, NO_PICTURES)))


def test_ages_are_compared_in_bands(store: DatasetStore, tmp_path: Path) -> None:
    found = made_report(store, by_sex(store, tmp_path)).by_group
    assert found is not None
    groups = next(c for c in found.columns if c.column == "Age").groups
    assert set(groups) == {"0 to 10", "11 to 17", "18 to 29", "30 to 44", "45 to 59", "60 and over"}


def test_every_rate_is_in_the_list_beside_the_page(store: DatasetStore, tmp_path: Path) -> None:
    record = by_sex(store, tmp_path)
    found = made_report(store, record).by_group
    rows = rows_of(store, record, "by_group.csv")
    assert found is not None and len(rows) == sum(len(c.groups) * len(c.requirements) for c in found.columns)
    women = next(r for r in rows if (r["group"], r["requirement"]) == ("women", "light_zones"))
    assert (women["failed"], women["assessed"], women["differs"]) == ("40", "300", "more")
    assert float(women["fail_rate_low"]) < 0.1334 < float(women["fail_rate_high"])


def test_no_mark_is_said_to_be_no_proof(store: DatasetStore, tmp_path: Path) -> None:
    lines = ["file,who", *(f"{n:07d}.jpg,{'ab'[n % 2]}" for n in range(600)), "0000001.jpg,b"]
    record = people(store, tmp_path, lines, np.full(600, EVEN))
    found = made_report(store, record).by_group
    assert found is not None and not found.differing and not found.sentences
    assert "That is no proof of fairness" in page_of(store, record)


def test_small_groups_count_among_the_others_and_unknown_people_do_not(store: DatasetStore, tmp_path: Path) -> None:
    names = ["few"] * 4 + ["most"] * 300 + ["more"] * 200
    lines = ["file,who", *(f"{n:07d}.jpg,{name}" for n, name in enumerate(names))]
    record = people(store, tmp_path, lines, np.full(600, EVEN))
    found = made_report(store, record).by_group
    assert found is not None
    (who,) = found.columns
    assert (who.groups, who.small, who.small_files, who.unknown_files) == (["most", "more"], 1, 4, 96)
    assert all(g.failed.total <= 300 for r in who.requirements for g in r.groups)
    assert 0.01 < who.undetected < 0.03  # none of 200


def test_without_a_table_or_with_groups_too_small_there_is_no_section(
    store: DatasetStore, made_up: DatasetRecord, tmp_path: Path
) -> None:
    assert made_report(store, made_up).by_group is None
    assert "by-group" not in page_of(store, made_up)
    record = by_sex(store, tmp_path)
    assert made_report(store, record, ReportOptions(thumbnails="none", min_compared=400)).by_group is None


def test_a_column_that_is_called_like_a_measure_is_a_group_all_the_same(store: DatasetStore, tmp_path: Path) -> None:
    names = ["glasses", "status", "verdict", "folder", "yaw_degree"]
    lines = [",".join(["file", *names]), *(",".join([f"{n:07d}.jpg", *["ab"[n % 2]] * 5]) for n in range(600))]
    found = made_report(store, people(store, tmp_path, lines, np.full(600, EVEN))).by_group
    assert found is not None
    assert [(column.column, sorted(column.groups)) for column in found.columns] == [
        (name, ["a", "b"]) for name in names
    ]
