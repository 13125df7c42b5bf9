"""The review page: filters, search, sorting and the address that holds them."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.facade import RunningFacade
from tests.report import synthetic
from tests.ui.review.page import HOSTILE, ROWS, Set, count, counted, hold, page_of, send_held, store_in, wait_until_held


def test_a_picture_opened_while_another_order_is_fetched_stays_open(review: Set):
    with page_of(review) as page:
        hold(page, "/window[?].*sort=file")
        page.select_option("[aria-label=Sort]", "file")
        page.wait_for_url("**sort=file**")
        wait_until_held(page)
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.wait_for_selector(".rv.open .rv-gauges")
        name = page.inner_text(".rv-title h2")
        with page.expect_response("**/window?*sort=file*"):
            send_held(page)
        page.wait_for_function("() => document.querySelector('.rv-tile').ariaLabel.includes('0000')")
        assert page.inner_text(".rv-title h2") == name


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
        for angle, error in (("Yaw", "2.5"), ("Pitch", "3.7")):
            assert f"° ± {error}°" in page.locator(".rv-gauges tr").filter(has_text=angle).inner_text()
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


def test_what_is_typed_outlives_a_drawing_of_the_page(review: Set):
    with page_of(review, "?sort=row") as page:
        page.keyboard.press("/")
        page.keyboard.type("ONERR")
        body = {"rows": [0], "decision": "reject", "generation": review.client.get("window").json()["generation"]}
        review.client.post("decisions", json=body).raise_for_status()
        page.evaluate(
            "document.dispatchEvent(new Event('visibilitychange'))"
        )  # the page looks what others have decided
        page.wait_for_selector(".rv-tile[data-index='0'][data-decision='reject']")
        page.keyboard.type("OR")
        page.keyboard.press("Enter")
        counted(page, 1)
