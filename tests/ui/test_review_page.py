"""The review page as people use it: look, decide, take back, hand out the list."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from tests.api.pictures import portrait
from tests.api.test_pictures_shown import detail
from tests.browser import running_chromium
from tests.facade import RunningFacade, running_facade
from tests.processes import eventually
from tests.report import synthetic

ROWS = 450
# A file name that is a script where somebody takes text for markup.
HOSTILE = "data/faces/2024/kiosk/<img src=x onerror=document.title='broken'>\u202e.jpg"
LABEL = "e => e.querySelector('.rv-tile.focus').getAttribute('aria-label')"


class Set:
    """A made-up data set behind a running facade, and a browser."""

    def __init__(self, facade: RunningFacade, record: DatasetRecord, browser: Any) -> None:
        self.address, self.record, self.browser = facade.address, record, browser
        self.page_address = f"{facade.address}/datasets/{record.key}"
        self.client = httpx.Client(base_url=f"{facade.address}/v1/datasets/{record.key}", timeout=30)

    def decisions(self) -> dict[str, str]:
        """File to decision, as the server knows them."""
        items = self.client.get("decisions", params={"limit": 1000}).raise_for_status().json()["items"]
        return {item["file"]: item["decision"] for item in items}

    def become(self, wanted: dict[str, str]) -> None:
        """Wait until exactly these decisions are stored."""
        eventually(lambda: self.decisions() == wanted, 10, f"decisions {wanted}, not {self.decisions()}")

    def state(self, name: str) -> int:
        """How many pictures the facet `decision` counts."""
        facets = self.client.get("facets", params={"histograms": ""}).raise_for_status().json()["facets"]
        (facet,) = (facet for facet in facets if facet["name"] == "decision")
        return next(value["count"] for value in facet["values"] if value["value"] == name)


def store_in(folder: Path) -> DatasetStore:
    return DatasetStore(Location.parse(folder / "storage"))


def made(folder: Path) -> DatasetRecord:
    """A data set with pictures for its first rows."""
    table = synthetic.profiles(ROWS)
    files = table["file"].to_pylist()
    files[7] = HOSTILE
    table = table.set_column(table.schema.get_field_index("file"), synthetic.SCHEMA.field("file"), pa.array(files))
    for file in files[:40]:
        if file != HOSTILE and not (folder / file).exists():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(portrait())
    return synthetic.dataset(store_in(folder), [table], uri=str(folder / "data" / "faces"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("review")


@pytest.fixture(scope="module")
def facade(folder: Path) -> Iterator[RunningFacade]:
    with running_facade(folder) as running:
        yield running


@pytest.fixture
def review(facade: RunningFacade, folder: Path, browser: Any) -> Set:
    """A data set that nobody has decided about."""
    return Set(facade, made(folder), browser)


@contextmanager
def page_of(review: Set, query: str = "", **context: Any) -> Iterator[Any]:
    """The page in a browser of its own; scripts that fail and requests to anywhere else are faults."""
    page = review.browser.new_page(**context)
    page.set_default_timeout(20_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.extend([said.text] if "Content Security Policy" in said.text else []))
    page.on("request", lambda request: faults.extend(foreign(request.url, review.address)))
    page.goto(review.page_address + query)
    page.wait_for_selector(".rv-tile.focus[aria-label*=',']")
    page.wait_for_selector(".rv-value", state="attached")
    yield page
    assert faults == []
    page.close()


def foreign(url: str, address: str) -> list[str]:
    return [] if url.startswith((f"{address}/", "data:", "blob:")) else [url]


def focused(page: Any) -> str:
    """What a screen reader says of the focused picture."""
    found: str = page.eval_on_selector(".rv", LABEL)
    return found


def count(page: Any) -> int:
    """Pictures that meet the filters, as the page says."""
    return int(re.sub(r"\D", "", page.inner_text(".rv-count")))


def counted(page: Any, wanted: int) -> None:
    page.wait_for_function(
        "n => document.querySelector('.rv-count').textContent.replaceAll(',', '').startsWith(`${n} `)", arg=wanted
    )


def test_a_decision_is_stored_and_taken_back_by_keys_alone(review: Set):
    with page_of(review) as page:
        first = focused(page)
        assert first.endswith("undecided")
        page.keyboard.press("2")
        eventually(lambda: list(review.decisions().values()) == ["reject"], 10, "a rejected picture")
        (file,) = review.decisions()
        assert first.startswith(file.rpartition("/")[2])
        assert focused(page) != first and focused(page).endswith("undecided")  # the next one follows by itself
        page.keyboard.press("1")
        eventually(lambda: sorted(review.decisions().values()) == ["keep", "reject"], 10, "two decisions")
        page.keyboard.press("u")
        review.become({file: "reject"})
        page.keyboard.press("u")
        review.become({})
        page.wait_for_function(f"label => ({LABEL})(document.querySelector('.rv')) === label", arg=first)
        page.keyboard.press("Shift+U")
        review.become({file: "reject"})
        page.keyboard.press("0")
        review.become({})


def test_filters_brush_sort_and_picture_live_in_the_address(review: Set):
    with page_of(review) as page:
        assert count(page) == ROWS
        page.click(".rv-value:has-text('Fail')")
        page.wait_for_function("n => !document.querySelector('.rv-count').textContent.startsWith(n)", arg=f"{ROWS:,}")
        failing = count(page)
        assert (
            "filter=verdict:eq:fail" in page.url
            and failing == review.client.get("window", params={"filter": "verdict:eq:fail"}).json()["matching"]
        )

        page.locator(".rv-bars").first.scroll_into_view_if_needed()
        box = page.locator(".rv-bars").first.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20, steps=5)
        page.mouse.up()
        page.wait_for_function(
            "n => !document.querySelector('.rv-count').textContent.startsWith(n)", arg=f"{failing:,} "
        )
        page.wait_for_selector(".rv-chip >> nth=1")
        brushed = count(page)
        asked = re.findall(r"filter=([^&]+)", page.url)
        assert len(asked) == 3 and 0 < brushed < failing
        assert review.client.get("window", params={"filter": asked}).json()["matching"] == brushed

        page.select_option("[aria-label=Sort]", "file")
        page.wait_for_url("**sort=file**")
        page.keyboard.press("Escape")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.wait_for_url("**open=1**")
        here, name = page.url, page.inner_text(".rv-title h2")
        page.reload()
        page.wait_for_selector(".rv.open .rv-gauges")
        assert (page.url, page.inner_text(".rv-title h2")) == (here, name)
        page.keyboard.press("Escape")
        page.wait_for_selector(".rv:not(.open)")

        page.go_back()  # large
        page.go_back()  # small
        page.go_back()  # sorted by default
        assert "sort=" not in page.url
        page.go_back()
        counted(page, failing)
        page.click(".rv-chip")
        counted(page, ROWS)


def test_everything_that_matches_is_decided_at_once_and_taken_back_at_once(review: Set):
    with page_of(review, "?filter=verdict:eq:fail") as page:
        failing = count(page)
        page.keyboard.press("a")
        page.click(".rv-selection button:has-text('Reject')")
        page.click(f".toast:has-text('{failing:,} pictures rejected') button")
        eventually(lambda: review.state("reject") == 0 and review.state("undecided") == ROWS, 10, "nothing decided")
        page.keyboard.press("Shift+U")
        eventually(lambda: review.state("reject") == failing, 10, "the failing ones rejected again")
        page.wait_for_selector(".rv-export a:has-text('to take again')")
        with page.expect_download() as saved:
            page.click(".rv-export > a")
        lines = Path(saved.value.path()).read_text().splitlines()
        assert len(lines) == failing + 1 and "file" in lines[0]


def test_a_note_offers_to_take_back_what_it_speaks_of_and_only_while_that_is_the_last(review: Set):
    with page_of(review, "?filter=verdict:eq:fail") as page:
        failing = count(page)
        held: list[Any] = []
        page.route("**/decisions", lambda route: held.append(route) or None, times=1)
        page.keyboard.press("a")
        page.keyboard.press("2")
        eventually(lambda: page.wait_for_timeout(10) or held, 10, "the bulk decision is on its way")
        page.keyboard.press("1")  # and meanwhile one more picture
        page.wait_for_selector(".rv-last:has-text('kept')")
        held[0].continue_()
        page.wait_for_selector(f".toast:has-text('{failing:,} pictures rejected')")
        eventually(lambda: review.state("keep") == 1, 10, "both are stored")
        assert not page.locator(".toast button").count(), "it would take back the picture that was kept since"
        page.keyboard.press("u")
        page.keyboard.press("u")
        eventually(lambda: review.state("undecided") == ROWS, 10, "nothing decided")
        page.keyboard.press("a")
        page.keyboard.press("3")
        page.wait_for_selector(".toast button")
        page.keyboard.press("u")
        page.wait_for_selector(".toast button", state="detached")


def test_marked_pictures_are_decided_together_and_by_mouse_alone(review: Set):
    with page_of(review) as page:
        for number in (1, 3):
            page.hover(f".rv-tile >> nth={number}")
            page.click(f".rv-tile >> nth={number} >> .rv-pick")
        page.click(".rv-selection button:has-text('Unsure')")
        eventually(lambda: list(review.decisions().values()) == ["unsure"] * 2, 10, "two unsure pictures")
        page.click(".rv-tile >> nth=0")
        page.click(".rv-decide button:has-text('Keep')")
        eventually(lambda: sorted(review.decisions().values()) == ["keep", "unsure", "unsure"], 10, "one kept")
        page.click(".rv-footer button:has-text('undo') >> nth=0")
        eventually(lambda: list(review.decisions().values()) == ["unsure"] * 2, 10, "the last one taken back")


def test_decided_pictures_leave_a_view_of_undecided_ones_and_none_is_skipped(review: Set):
    with page_of(review, "?filter=decision:eq:undecided&sort=row") as page:
        for _ in range(12):
            page.keyboard.press("1")
        eventually(lambda: review.state("keep") == 12, 10, "12 kept pictures")
        counted(page, ROWS - 12)
        kept = {item["row"] for item in review.client.get("decisions", params={"limit": 100}).json()["items"]}
        assert kept == set(range(12))
        for left in range(11, -1, -1):
            page.keyboard.press("u")
            eventually(lambda left=left: review.state("keep") == left, 10, f"{left} kept pictures")
        counted(page, ROWS)
        page.wait_for_selector(".rv-tile.focus[data-index='0']")  # row 0, whose decision was undone last


def test_decisions_outlive_a_server_that_is_killed(tmp_path: Path, browser: Any):
    record = made(tmp_path)
    with running_facade(tmp_path) as facade:
        review = Set(facade, record, browser)
        page = browser.new_page()
        page.goto(f"{review.page_address}?sort=row")
        page.wait_for_selector(".rv-tile.focus[aria-label*=',']")
        facade.process.kill()
        facade.process.wait()
        for number in range(20):
            page.keyboard.press("2" if number % 2 else "1")
        page.wait_for_selector(".rv-unsent:has-text('20 decisions not stored yet')")
    with running_facade(tmp_path, port=int(review.address.rpartition(":")[2])) as facade:
        review = Set(facade, record, browser)
        page.reload()
        eventually(lambda: len(review.decisions()) == 20, 30, "all decisions")
        page.wait_for_selector(".rv-unsent", state="detached")
        rows = {item["row"]: item["decision"] for item in review.client.get("decisions").json()["items"]}
        assert rows == {number: "reject" if number % 2 else "keep" for number in range(20)}
        entries = review.client.get("decisions", params={"history": True, "limit": 100}).json()["items"]
        assert len(entries) == 20  # none twice
        page.close()


def test_two_reviewers_see_what_the_other_decided(review: Set):
    with page_of(review) as one, page_of(review) as other:
        one.click(".rv-who")
        one.fill(".rv-reviewer", "Ada")
        one.press(".rv-reviewer", "Enter")
        name = focused(other)
        one.keyboard.press("2")
        other.wait_for_function(
            f"label => ({LABEL})(document.querySelector('.rv')) === label", arg=name.replace("undecided", "rejected")
        )
        other.wait_for_selector(".rv-history:has-text('Ada')")


def test_a_rescan_moves_a_decision_with_the_bytes(review: Set, folder: Path):
    with page_of(review, "?sort=row&row=20") as page:
        page.wait_for_selector(".rv-tile.focus[data-index='20']")
        name = focused(page).partition(",")[0]
        table = synthetic.profiles(ROWS).slice(10)
        place = table.schema.get_field_index("row")
        table = table.set_column(place, synthetic.SCHEMA.field("row"), pa.array(range(ROWS - 10)))
        synthetic.publish(store_in(folder), review.record, [table], "g2", "g1")
        page.keyboard.press("2")
        eventually(lambda: len(review.decisions()) == 1, 10, "the decision")
        (item,) = review.client.get("decisions").json()["items"]
        assert item["row"] == 10 and item["file"].endswith(name) and item["decision"] == "reject"


def test_names_stay_text_and_search_finds_them(review: Set):
    with page_of(review) as page:
        steps = page.evaluate("history.length")
        page.keyboard.press("/")
        page.keyboard.type("ONERROR")
        page.keyboard.press("Enter")
        counted(page, 1)
        page.keyboard.press("Escape")  # is about the pictures, and does not empty the field
        page.wait_for_selector(".rv-title h2:has-text('<img src=x onerror')")
        page.keyboard.press("2")
        review.become({HOSTILE: "reject"})
        page.keyboard.press("u")
        review.become({})
        assert page.locator(".rv img[src='x']").count() == 0 and "broken" not in page.title()
        assert page.evaluate("history.length") == steps + 1
        page.go_back()
        counted(page, ROWS)


def test_no_picture_is_asked_for_twice_where_none_is_shown(tmp_path: Path, browser: Any):
    record = made(tmp_path)
    with running_facade(tmp_path, BQAT_THUMBNAILS="none") as facade, page_of(Set(facade, record, browser)) as page:
        page.wait_for_selector(".rv-problem:has-text('BQAT_THUMBNAILS')")
        asked: list[str] = []
        page.on("request", lambda request: asked.extend([request.url] if "thumbnail" in request.url else []))
        page.keyboard.press("2")
        page.keyboard.press("PageDown")
        page.wait_for_selector(".rv-gauges")
        assert asked == [] and page.locator(".rv-tile img").count() == 0


@pytest.mark.parametrize("mode", ["none", "blurred"])
def test_the_setting_for_thumbnails_holds_on_cards_and_on_the_comparison(tmp_path: Path, browser: Any, mode: str):
    record = made(tmp_path)
    with running_facade(tmp_path, BQAT_THUMBNAILS=mode, BQAT_ASSESS_WORKERS=0) as facade:
        page = browser.new_page()
        shown: list[tuple[int, bytes]] = []

        def keep(answer: Any) -> None:
            if answer.ok and answer.headers.get("content-type", "").startswith("image/"):
                shown.append((answer.status, answer.body()))

        page.on("response", keep)
        page.goto(facade.address)
        page.get_by_role("article").get_by_role("link", name="Review").wait_for()
        if mode == "blurred":
            page.wait_for_function("() => [...document.querySelectorAll('.faces img')].some((one) => one.naturalWidth)")
        else:
            page.wait_for_selector(".faces", state="detached")
        page.goto(f"{facade.address}/compare?a={record.key}&b={record.key}")
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle")
        page.close()
    assert bool(shown) == (mode == "blurred")
    assert all(detail(content) < 4 for _, content in shown)


def test_a_long_scroll_shows_rows_all_the_way(review: Set):
    with page_of(review, "?sort=row", viewport={"width": 1280, "height": 800}) as page:
        page.keyboard.press("End")
        page.wait_for_selector(f".rv-tile.focus[data-index='{ROWS - 1}']:not(.empty)")
        page.evaluate("document.querySelector('.rv-grid').scrollTop = 0")
        page.wait_for_selector(".rv-tile[data-index='0']:not(.empty)")
        assert page.locator(".rv-tile").count() < 200  # only what is near the eye exists


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 360)])
def test_axe_finds_no_serious_fault(review: Set, scheme: str, width: int):
    from axe_playwright_python.sync_playwright import Axe

    with page_of(review, color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        page.keyboard.press("2")
        page.wait_for_selector(".rv-last:has-text('rejected')")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page).response["violations"]
        page.keyboard.press("?")
        page.wait_for_selector(".rv-help[open]")
        found += Axe().run(page).response["violations"]
    assert [
        (fault["id"], fault["nodes"][0]["target"]) for fault in found if fault["impact"] in ("serious", "critical")
    ] == []


def test_a_folder_beyond_those_that_are_named_is_found(facade: RunningFacade, folder: Path, browser: Any):
    table = synthetic.profiles(ROWS)
    folders = [f"kiosk {row % 90:02d}" for row in range(ROWS)]
    table = table.set_column(
        table.schema.get_field_index("folder"), synthetic.SCHEMA.field("folder"), pa.array(folders)
    )
    review = Set(facade, synthetic.dataset(store_in(folder), [table]), browser)
    with page_of(review) as page:
        page.fill(".rv-find", "KIOSK 88")
        page.press(".rv-find", "Enter")
        counted(page, ROWS // 90)
        page.wait_for_selector(".rv-chip:has-text('“KIOSK 88”')")
        page.click(".rv-chip")
        counted(page, ROWS)
        assert page.input_value(".rv-find") == ""


def test_a_rescan_shows_changed_moved_and_copied_files_as_they_are(review: Set, folder: Path):
    with page_of(review, "?sort=row") as page:
        for key in "222":  # rows 0 to 2
            page.keyboard.press(key)
        eventually(lambda: len(review.decisions()) == 3, 10, "three decisions")
        table = synthetic.profiles(ROWS)
        files, hashes = table["file"].to_pylist(), table["sha256"].to_pylist()
        changed, files[1], files[5], hashes[5] = files[0], "data/faces/moved.jpg", "data/faces/copy.jpg", hashes[2]
        hashes[0] = "f" * 64
        for name, values in (("file", files), ("sha256", hashes)):
            table = table.set_column(table.schema.get_field_index(name), synthetic.SCHEMA.field(name), pa.array(values))
        synthetic.publish(store_in(folder), review.record, [table], "g2", "g1")
        page.wait_for_selector(".toast:has-text('scanned again')")
        page.goto(f"{review.page_address}?sort=row&row=0")
        page.wait_for_selector(".rv-note:has-text('before it was rejected')")
        tiles = page.locator(".rv-tile")
        assert tiles.nth(0).get_attribute("data-decision") == "" and "changed" in tiles.nth(0).inner_text()
        assert changed.rpartition("/")[2] in (tiles.nth(0).get_attribute("aria-label") or "")
        assert [tiles.nth(row).get_attribute("data-decision") for row in (1, 2)] == ["reject", "reject"]
        assert "moved.jpg, " in (tiles.nth(1).get_attribute("aria-label") or "")
        # the copy has a name of its own and nobody decided on it
        assert tiles.nth(5).get_attribute("data-decision") == ""
