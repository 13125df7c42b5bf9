"""What the report says of persons: counts."""

from pathlib import Path

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.report import ReportOptions, read_report, write_report
from tests.report import synthetic


def test_the_report_counts_and_names_nobody(tmp_path: Path) -> None:
    store = DatasetStore(Location.parse(tmp_path / "home"))
    record = synthetic.dataset(store, [synthetic.profiles(60)])
    options = ReportOptions(thumbnails="none")
    write_report(store, record.key, options)
    page = (store.report(record.key) / "index.html").read_bytes().decode()
    assert "Same person" not in page
    current = store.current(record.key)
    assert current is not None
    summary = {
        "options": {"threshold": 0.34, "most_pairs": 1_000_000, "limit": 2_000_000},
        "templates": 55,
        "without_template": {"turned_away": 3, "too_small": 1},
        "pairs": 4,
        "pairs_of_other_files": 3,
        "pictures_in_pairs": 6,
        "groups": 3,
        "note": None,
    }
    current.write_details("identities", {"summary": summary})
    write_report(store, record.key, options)
    report = read_report(store, record.key)
    assert report is not None
    assert report.identities is not None
    assert (report.identities.pairs, report.identities.without_template) == (3, 4)
    page = (store.report(record.key) / "index.html").read_bytes().decode()
    section = page[page.index('<section id="same-person"') :].partition("</section>")[0]
    assert "3 pairs of different files among 55 compared faces" in section
    assert "4 measured faces could not be compared" in section
    assert "data/faces" not in section and "<img" not in section
