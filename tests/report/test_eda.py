"""The EDA page: made apart from everything else, within limits, from data that is not trusted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from bqat_pipeline import __version__
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Source
from bqat_pipeline.report import (
    EdaError,
    NothingToReportError,
    ReportOptions,
    write_csv_report,
    write_eda,
    write_report,
)
from bqat_pipeline.report.eda.page import share_to_keep
from bqat_pipeline.settings import Settings
from tests.runtime_only import runtime_packages_only


def _csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "upload.csv"
    path.write_text(text)
    return path


@contextmanager
def _watching_the_drawing(seen: list[tuple[int, int]]) -> Iterator[None]:
    """Notes again and again on how many cores, and with what priority, the processes below this one may run."""
    end = threading.Event()

    def watch() -> None:
        while not end.wait(0.02):
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    if "bqat_pipeline.report.eda.child" in child.cmdline():
                        seen.append((len(child.cpu_affinity() or ()), int(child.nice())))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        end.set()
        watching.join()


def test_csv_becomes_a_page_of_its_own_that_trusts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", runtime_packages_only(tmp_path / "site"))
    evil = "<img src=x onerror=alert(1)>"
    rows = "".join(
        f'data/{i}.jpg,{i * 0.5},{i},"{evil}{i % 2} not found",{"Left" if i % 3 else "nan"},{i}\n' for i in range(60)
    )
    source = _csv(tmp_path, f"file,{evil},sharpness_scalar,kind,yaw_pose,quality\n{rows}short,line\n")
    target = Location.parse(tmp_path / "page.html")
    cores: list[tuple[int, int]] = []
    with _watching_the_drawing(cores):
        write_csv_report(source, target, minimal=True)
    assert cores[-1] == (1, min(19, int(psutil.Process().nice()) + 5)), (
        "it draws on one core, however many threads, and steps back"
    )
    page = target.read_bytes().decode()
    assert f"EDA Report (BQAT v{__version__})" in page
    assert evil not in page
    assert "_img_src_x_onerror_alert_1__" in page
    assert "not found" not in page
    assert "sharpness_scalar" not in page
    assert "data/3.jpg" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert len(page) < 3_000_000


def test_too_little_time_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    target = Location.parse(tmp_path / "page.html")
    with pytest.raises(EdaError, match="BQAT_EDA_TIMEOUT"):
        write_csv_report(_csv(tmp_path, "a\n1\n2\n"), target, chosen=Settings(eda_timeout=0.05))
    assert not target.exists()


def test_too_little_memory_is_said(tmp_path: Path) -> None:
    with pytest.raises(EdaError, match="BQAT_EDA_MEMORY"):
        write_csv_report(
            _csv(tmp_path, "a\n1\n2\n"), Location.parse(tmp_path / "x.html"), chosen=Settings(eda_memory=60_000_000)
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("a,b\n", "no rows"),
        ("a,a\n1,2\n", "two columns of the same name"),
        (",".join(f"c{i}" for i in range(400)) + "\n", "400 columns; the limit is 300"),
        ("file,tag\n1.jpg,x\n", "no rows with values"),
    ],
)
def test_unusable_csv_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EdaError, match=message):
        write_csv_report(_csv(tmp_path, text), Location.parse(tmp_path / "x.html"))


def test_too_large_csv_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(EdaError, match="BQAT_MAX_UPLOAD"):
        write_csv_report(_csv(tmp_path, "a\n1\n"), Location.parse(tmp_path / "x.html"), chosen=Settings(max_upload=2))


def test_large_data_sets_are_sampled() -> None:
    assert share_to_keep(100_000, 1.0) == 1.0
    assert share_to_keep(1_000_000, 1.0) == 0.05
    assert share_to_keep(1_000_000, 0.01) == 0.01
    with pytest.raises(EdaError, match="downsample"):
        share_to_keep(10, 0)


def test_no_page_before_the_first_scan(store: DatasetStore) -> None:
    record = store.create("Empty", [Source(uri="/nowhere", prefix="data/faces")])
    with pytest.raises(NothingToReportError):
        write_eda(store, record.key)


def test_data_set_page_lies_beside_the_report(
    store: DatasetStore, made_up: DatasetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def fake(what: object, **_: object) -> str:
        seen["what"] = what
        return "<html>page</html>"

    # Drawing all columns takes half a minute; the drawing itself is tested above.
    monkeypatch.setattr("bqat_pipeline.report.eda.page.draw", fake)
    write_report(store, made_up.key, ReportOptions(thumbnails="none"))
    page = store.report(made_up.key) / "index.html"
    assert b"eda.html" not in page.read_bytes()
    place = write_eda(store, made_up.key, downsample=0.5)
    assert place.path.endswith("report/eda.html")
    assert page.read_bytes().count(b'href="./eda.html"') == 1
    what = seen["what"]
    assert 200 < what.table.num_rows < 350
    assert what.types["yaw_pose"] == "Categorical"
    assert not {"file", "sha256", "phash256", "folder", "row"} & set(what.types)
