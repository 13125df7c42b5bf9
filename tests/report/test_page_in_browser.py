"""The page as a browser shows it: hostile names are text, nothing is requested, everybody can read it."""

from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa
import pytest

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.duplicates import write_duplicates
from bqat_pipeline.outliers import write_outliers
from bqat_pipeline.report import ReportOptions, comparison_page, write_report
from bqat_pipeline.sample import portraits
from tests.report import synthetic

HOSTILE = [
    "<img src=x onerror=document.title='owned'>.jpg",
    "<script>document.title='owned'</script>.jpg",
    "\"><svg onload=document.title='owned'>.jpg",
    "' onmouseover='document.title=1' x='.jpg",
    "</style><style>body{display:none}</style>.jpg",
    "{{ 7 * 7 }}.jpg",
    "<link rel=stylesheet href=https://example.org/x.css>.jpg",
    "x" * 200 + ".jpg",
    "\u202egpj.exe.jpg",
    "<base href=https://example.org/>.jpg",
]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a data set whose names, folders, reasons and metadata are hostile, with pictures."""
    home = tmp_path_factory.mktemp("browser")
    store = DatasetStore(Location.parse(home / "storage"))
    pictures = home / "pictures"
    pictures.mkdir()
    names = [f"{i}.jpg" for i in range(20)]
    for i, name in enumerate(names):
        cv2.imwrite(str(pictures / name), portraits()[i % 2])
    table = synthetic.profiles(1200)
    files = table["file"].to_pylist()
    files[:20] = [f"data/faces/{name}" for name in names]
    for row in range(20, len(files)):
        files[row] = f"data/faces/{row}/{HOSTILE[row % len(HOSTILE)]}"
    columns: dict[str, list[Any]] = {
        "file": files,
        "folder": [HOSTILE[row % 3] for row in range(len(files))],
        "reason": [HOSTILE[0] if text else None for text in table["reason"].to_pylist()],
        "sha256": [f"{row // 2:064x}" for row in range(len(files))],
    }
    for name, values in columns.items():
        position = table.schema.get_field_index(name)
        table = table.set_column(
            position, table.schema.field(position), pa.array(values, table.schema.field(position).type)
        )
    record = synthetic.dataset(store, [synthetic.profiles(1200, seed=4, shift=0.3)], HOSTILE[0], uri=str(pictures))
    synthetic.publish(store, record, [table], "g2", previous="g1")
    metadata = home / "meta.csv"
    metadata.write_text("file,<b>device</b>\n" + "".join(f'{i}.jpg,"<i>{i % 2}</i>"\n' for i in range(20)))
    store.save(record.model_copy(update={"metadata_csv": str(metadata)}))
    generation = store.generation(record.key, "g2")
    write_outliers(store.profiles(record.key), generation)
    write_duplicates(store.profiles(record.key), generation)
    write_report(store, record.key, ReportOptions(min_group=1))
    other = home / "compare.html"
    other.write_text(comparison_page(store, record.key, record.key), encoding="utf-8")
    return (store.report(record.key) / "index.html").local


def _open(browser: Any, page_file: Path, **context: Any) -> tuple[Any, list[str], list[str]]:
    page = browser.new_context(**context).new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(page_file.as_uri())
    page.wait_for_load_state("networkidle")
    return page, requests, errors


@pytest.mark.parametrize("media", ["screen", "print"])
def test_no_request_leaves_the_page_and_nothing_is_refused(browser: Any, page_file: Path, media: str) -> None:
    page, requests, errors = _open(browser, page_file)
    page.emulate_media(media=media)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")
    outside = [url for url in requests if url != page_file.as_uri() and not url.startswith("data:")]
    assert outside == []
    assert errors == []
    assert page.locator("img").count() > 5


def test_hostile_names_are_shown_as_text(browser: Any, page_file: Path) -> None:
    page, _, _ = _open(browser, page_file)
    assert page.title() == f"Face image quality: {HOSTILE[0]}"
    assert page.locator("h1").inner_text() == HOSTILE[0]
    text = page.locator("body").text_content()
    for name in HOSTILE:
        assert name in text
    assert "<b>device</b>" in text
    assert page.locator("script, iframe, object, base, body link").count() == 0
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every(e => [...e.attributes].every(a => !a.name.startsWith('on')))"
    )
    assert page.evaluate("getComputedStyle(document.body).display") == "block"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 390)])
def test_axe_finds_no_serious_fault(browser: Any, page_file: Path, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # Our policy keeps scripts out, the checker's as well.
    page, _, _ = _open(
        browser, page_file, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    violations = Axe().run(page).response["violations"]
    grave = [
        f"{v['id']}: {v['help']} at {[n['target'] for n in v['nodes'][:3]]}"
        for v in violations
        if v["impact"] in ("serious", "critical")
    ]
    assert grave == []


@pytest.mark.parametrize("width", [320, 390, 768, 1360])
def test_the_page_never_scrolls_sideways(browser: Any, page_file: Path, width: int) -> None:
    page, _, _ = _open(browser, page_file, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_closed_parts_are_printed(browser: Any, page_file: Path) -> None:
    page, _, _ = _open(browser, page_file)
    card = page.locator("#m-sharpness")
    assert not card.is_visible()
    page.emulate_media(media="print")
    assert card.is_visible()
    assert page.locator("nav").is_hidden()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_the_keyboard_reaches_the_report_first(browser: Any, page_file: Path) -> None:
    page, _, _ = _open(browser, page_file)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")


def test_every_chart_says_its_numbers(browser: Any, page_file: Path) -> None:
    page, _, _ = _open(browser, page_file)
    labels = page.eval_on_selector_all(
        "svg.chart", "charts => charts.map(c => c.getAttribute('role') + ' ' + c.getAttribute('aria-label'))"
    )
    assert len(labels) > 40
    assert all(label.startswith("img ") and any(c.isdigit() for c in label) for label in labels)


def test_comparison_page_stands_alone(browser: Any, page_file: Path) -> None:
    page, requests, errors = _open(browser, page_file.parents[4] / "compare.html")
    assert len(requests) <= 2  # itself, and the empty icon
    assert errors == []
    assert "percentage points" in page.locator("main").inner_text()
